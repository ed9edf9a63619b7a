/** Owns marking in a graph what changed since another one. */

import { edgeKey } from "./comparison.js";
import { POOL } from "../graph/pool.js";

/** @typedef {import("../graph/graph-model.js").Graph} Graph */
/** @typedef {import("../graph/graph-model.js").EdgeLook} EdgeLook */
/** @typedef {import("../graph/graph-model.js").NodeLook} NodeLook */

/** @param {Graph} graph @returns {Map<string, EdgeLook>} edges between agents, by a key for both directions */
function byPair({ edges }) {
  const looks = [...edges.values()].filter(({ kind }) => kind !== "pool");
  return new Map(looks.map((look) => [edgeKey(look.kind, look.source, look.target), look]));
}

/**
 * Marks each edge of a graph as gained or kept since another one, and each agent that joined.
 * @param {Graph} now @param {Graph} before
 * @returns {{lost: EdgeLook[], left: Map<string, NodeLook>}} the edges and agents that are no more
 */
export function mark(now, before) {
  const [here, there] = [byPair(now), byPair(before)];
  for (const [key, look] of here) look.change = there.has(key) ? "kept" : "gained";
  for (const [key, node] of now.nodes) if (key !== POOL && !before.nodes.has(key)) node.change = "joined";
  const lost = [...there].filter(([key]) => !here.has(key)).map(([, look]) => ({ ...look, change: /** @type {const} */ ("lost") }));
  const gone = [...before.nodes].filter(([key]) => !now.nodes.has(key));
  return { lost, left: new Map(gone.map(([key, node]) => [key, { ...node, change: /** @type {const} */ ("left") }])) };
}
