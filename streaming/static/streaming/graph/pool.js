/** Owns the outside pool as a part of the graph: those beyond the agents, with whom many matches are made. */

/** @typedef {import("../data/messages.js").Frame} Frame */

/** Its key among the agents; no id is one. */
export const POOL = "pool";

/** Radius in pixels. */
const SIZE = 16;

/** Edges from every agent to one place are faint, or they would cover the rest. */
const PRESENCE = 0.35;

/** Whether a frame tells of matches with the pool. @param {Frame} frame */
export const tellsOfPool = ({ nodes }) => nodes.some(({ features }) => features.pool_count !== undefined);

/** @param {Frame} frame @returns {import("./graph-model.js").NodeLook} */
export function poolNode({ nodes }) {
  const matches = nodes.reduce((sum, { features }) => sum + (features.pool_count ?? 0), 0);
  return { label: "", name: "", size: SIZE, imbalance: null, experience: 0.5, gained: 0, quote: null, matches, kind: "" };
}

/** @param {Frame} frame @returns {[string, import("./graph-model.js").EdgeLook][]} by key */
export function poolEdges({ nodes }) {
  const greatest = Math.max(1, ...nodes.map(({ features }) => features.pool_count ?? 0));
  return nodes.filter(({ features }) => features.pool_count).map(({ agent_id, features: { pool_count: count = 0 } }) => {
    const source = String(agent_id);
    return [`pool:${source}`, { source, target: POOL, kind: "pool", strength: count / greatest, share: 1, presence: PRESENCE, count, beyond: null }];
  });
}
