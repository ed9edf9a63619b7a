/** Owns a frame as two tables, of agents and of edges, from which files are written. */

/** @typedef {import("../data/messages.js").Frame} Frame */
/** @typedef {Record<string, string | number>} Row */

/** @param {Frame} frame @returns {Row[]} one an agent: its id, its name or id as label, and its features */
export function nodeRows({ nodes }) {
  return nodes.map(({ agent_id, name = "", features }) => ({ id: String(agent_id), label: name || String(agent_id), ...features }));
}

/** @param {Frame} frame @returns {Row[]} one an edge; `count` is in ticks or matches of the window, `weight` that by its length */
export function edgeRows({ nodes, edges, window: { W } }) {
  const idOf = new Map(nodes.map(({ node_id, agent_id }) => [node_id, String(agent_id)]));
  return edges.map(({ src, dst, type, w }) => ({ source: idOf.get(src) ?? src, target: idOf.get(dst) ?? dst, type, weight: w, count: Math.round(w * W) }));
}
