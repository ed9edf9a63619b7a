/** Owns the metrics of ticks under the names that the charts use, with prices instead of shares of their range. */

import { priceOf, priceRangeAt, priceSpan } from "../data/messages.js";

/** @typedef {Record<string, ArrayLike<number>>} Columns */

/** @param {Record<string, Float64Array>} columns a column for each of `METRIC_COLUMNS` @param {import("../data/messages.js").PriceRange[]} prices of the runs @returns {Columns} */
export function marketColumns({ t, ts, price_norm, volatility, liquidity, imbalance, N, avg_exp, matches_n }, prices) {
  const ranges = Array.from(t, (at) => priceRangeAt(prices, at));
  const price = Float64Array.from(price_norm, (norm, i) => priceOf(ranges[i], norm));
  const spread = Float64Array.from(volatility, (norm, i) => priceSpan(ranges[i], norm));
  return { t, ts, price, spread, volatility, liquidity, imbalance, N, avg_exp, matches: matches_n };
}
