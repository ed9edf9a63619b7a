/** Owns what differs between two frames: which agents and edges came and went, and what each frame counts. */

/** @typedef {import("../data/messages.js").Frame} Frame */
/** @typedef {"match" | "quote_proximity"} Kind */
/** @typedef {{gained: number, lost: number, kept: number}} EdgeChange */
/** @typedef {{name: string, before: number | null, now: number | null}} Pair a number of both frames, null where one does not tell it */
/**
 * @typedef {object} Comparison
 * @property {string[]} joined agents by id @property {string[]} left agents by id @property {number} stayed
 * @property {Record<Kind, EdgeChange>} edges @property {Pair[]} counts
 * @property {Set<string>} gained keys of edges, as `edgeKey` gives them @property {Set<string>} lost
 */

/** One key for both directions. @param {string} kind @param {string} one agent id @param {string} other agent id */
export function edgeKey(kind, one, other) {
  return Number(one) < Number(other) ? `${kind}:${one}-${other}` : `${kind}:${other}-${one}`;
}

/** @param {Frame} frame @returns {Set<string>} */
function edgesOf({ nodes, edges }) {
  const idOf = new Map(nodes.map(({ node_id, agent_id }) => [node_id, String(agent_id)]));
  return new Set(edges.map(({ src, dst, type }) => edgeKey(type, idOf.get(src) ?? "", idOf.get(dst) ?? "")));
}

/** @param {Frame} frame @returns {Set<string>} */
function agentsOf({ nodes }) {
  return new Set(nodes.map(({ agent_id }) => String(agent_id)));
}

/** Those of one set that are not in the other. @param {Set<string>} some @param {Set<string>} others */
function without(some, others) {
  return [...some].filter((one) => !others.has(one));
}

/** @param {Kind} kind @param {Set<string>} keys */
function numberOf(kind, keys) {
  return [...keys].filter((key) => key.startsWith(`${kind}:`)).length;
}

/** What a frame itself counts: its edges, and what it tells of the whole window, of which it keeps the strongest edges. @param {Frame} frame @returns {Record<string, number | null>} */
function countsOf({ nodes, edges, window }) {
  return {
    agents: window.nodes_total ?? nodes.length,
    match_edges: edges.filter(({ type }) => type === "match").length,
    close_edges: edges.filter(({ type }) => type === "quote_proximity").length,
    match_pairs: window.pairs?.match ?? null,
    close_pairs: window.pairs?.quote_proximity ?? null,
    matches: window.matches?.agents ?? null,
    pool_matches: window.matches?.pool ?? null,
  };
}

/** Values of two moments by name, as pairs; what neither tells is left out. @param {Record<string, number | null>} before @param {Record<string, number | null>} now @returns {Pair[]} */
export function pairsOf(before, now) {
  const pairs = Object.keys({ ...before, ...now }).map((name) => ({ name, before: before[name] ?? null, now: now[name] ?? null }));
  return pairs.filter(({ before: one, now: other }) => one !== null || other !== null);
}

/** @param {Frame} before @param {Frame} now @returns {Comparison} */
export function compare(before, now) {
  const [agentsBefore, agentsNow, edgesBefore, edgesNow] = [agentsOf(before), agentsOf(now), edgesOf(before), edgesOf(now)];
  const byId = (/** @type {string} */ a, /** @type {string} */ b) => Number(a) - Number(b);
  const joined = without(agentsNow, agentsBefore).sort(byId);
  const [gained, lost] = [new Set(without(edgesNow, edgesBefore)), new Set(without(edgesBefore, edgesNow))];
  const change = (/** @type {Kind} */ kind) => ({ gained: numberOf(kind, gained), lost: numberOf(kind, lost), kept: numberOf(kind, edgesNow) - numberOf(kind, gained) });
  return {
    joined, left: without(agentsBefore, agentsNow).sort(byId), stayed: agentsNow.size - joined.length,
    edges: { match: change("match"), quote_proximity: change("quote_proximity") },
    counts: pairsOf(countsOf(before), countsOf(now)), gained, lost,
  };
}
