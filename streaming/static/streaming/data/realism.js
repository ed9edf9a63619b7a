/** Owns asking how the returns of a stretch compare with those of real markets. */

import { getJSON, marketPath } from "./api.js";

/**
 * @typedef {{name: string, horizon: "1s" | "1m", value: number | null, n: number, low: number | null, high: number | null,
 *   usual: [number, number] | null, verdict: "inside" | "outside" | "too few", source: string}} Fact
 */
/** @typedef {{t0: number | null, t1: number | null, facts: Fact[]}} Card */

/** @param {string} symbol @param {import("../charts/axis.js").Stretch | null} stretch null for the whole recording @returns {Promise<Card>} */
export function realismOf(symbol, stretch) {
  /** @type {Record<string, number>} */
  const range = stretch ? { t0: Math.max(Math.floor(stretch.from), 0), t1: Math.ceil(stretch.to) } : {};
  return getJSON(marketPath("/realism", symbol, range));
}
