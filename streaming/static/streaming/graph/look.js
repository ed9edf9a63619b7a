/** Owns how the graph is looked at: the view, its colours and what is left out. */

/**
 * `height` is what the plane's y tells; `weakest` the percent of each kind of edge that is hidden; `beyond` the standard
 * deviations beyond chance that a match needs, 0 for none.
 * @typedef {{view: "force" | "plane" | "matrix" | "ring", colour: "imbalance" | "experience" | "community" | "kind", height: "experience" | "matches",
 *   match: boolean, close: boolean, weakest: number, beyond: number, pool: boolean}} Look
 */

/** @type {Readonly<Look>} */
export const USUAL = Object.freeze({ view: "force", colour: "imbalance", height: "experience", match: true, close: true, weakest: 0, beyond: 0, pool: false });

/** Which edges a look shows. @param {Look} look @returns {import("./graph-model.js").Filter} */
export function filterOf({ match, close, weakest, beyond }) {
  return { match, quote_proximity: close, weakest: weakest / 100, beyond: beyond > 0 ? beyond : null };
}
