/** Owns asking for what the recording was over a stretch, summed up in buckets. */

import { getJSON, marketPath } from "./api.js";

/** @typedef {import("../charts/axis.js").Stretch} Stretch */
/** @typedef {import("../charts/bucket-feed.js").Answer} Answer */

/** The market: price, agents, matches, with gaps, runs and events. @param {string} symbol @param {Stretch} stretch @param {number} points buckets at most @returns {Promise<Answer>} */
export function fetchOverview(symbol, { from, to }, points) {
  return getJSON(marketPath("/overview", symbol, { t0: Math.floor(from), t1: Math.ceil(to), points }));
}

/** Measures of the structure. @param {string} symbol @param {string[]} measures @param {Stretch} stretch @param {number} points buckets at most @returns {Promise<Answer>} */
export function fetchStructure(symbol, measures, { from, to }, points) {
  return getJSON(marketPath("/structure", symbol, { t0: Math.floor(from), t1: Math.ceil(to), points, measures: measures.join(",") }));
}
