/** Owns marking in a graph what changed since another one. */

import { edgeKey } from "./comparison.js";

/** @typedef {import("../graph/graph-model.js").Graph} Graph */
/** @typedef {import("../graph/graph-model.js").EdgeLook} EdgeLook */

/** @param {Graph} graph @returns {Map<string, EdgeLook>} edges between agents, by a key for both directions */
function byPair({ edges }) {
  const looks = [...edges.values()].filter(({ kind }) => kind !== "pool");
  return new Map(looks.map((look) => [edgeKey(look.kind, look.source, look.target), look]));
}

/**
 * Marks each edge of a graph as gained or kept since another one.
 * @param {Graph} now @param {Graph} before
 * @returns {EdgeLook[]} the lost ones, between agents that are still there
 */
export function mark(now, before) {
  const [here, there] = [byPair(now), byPair(before)];
  for (const [key, look] of here) look.change = there.has(key) ? "kept" : "gained";
  const lost = [...there].filter(([key, { source, target }]) => !here.has(key) && now.nodes.has(source) && now.nodes.has(target));
  return lost.map(([, look]) => ({ ...look, change: "lost" }));
}
