/**
 * Owns the shapes of the stream's messages, as `docs/protocol.md` gives them, and what the page reads out of them.
 *
 * @typedef {{price_norm: number, volatility: number, liquidity: number, imbalance: number}} MarketState
 * @typedef {{type: "tick", t: number, ts: number, s: MarketState, matches?: object[], agents?: object[]}} Tick
 * @typedef {{type: "metric", t: number, ts: number, s: MarketState, N: number, avg_exp: number, matches_n: number}} Metric
 * @typedef {{buy_count: number, sell_count: number, none_count: number, match_count: number, match_rate: number,
 *   quote_price_mean: number, quote_price_std: number, quote_dist_to_mid_mean: number, experience_start: number,
 *   experience_end: number, experience_delta: number, dominant_side: "buy" | "sell" | "none", pool_count?: number, degree?: number}} Features
 * @typedef {{W: number, t0: number, t1: number, stride: number, nodes_total?: number,
 *   pairs?: {match: number, quote_proximity: number}, matches?: {agents: number, pool: number}}} FrameWindow
 * @typedef {{node_id: string, agent_id: number, name?: string, t0: number, t1: number, features: Features}} FrameNode
 * @typedef {{src: string, dst: string, type: "match" | "quote_proximity", w: number}} FrameEdge
 * @typedef {{type: "frame", t: number, ts: number, window: FrameWindow,
 *   nodes: FrameNode[], edges: FrameEdge[], events?: FrameEvents}} Frame
 * @typedef {{bursts: {t0: number, t1: number, kind: string, score: number}[],
 *   shocks: {t: number, kind: string, size: number, score: number}[]}} FrameEvents
 * @typedef {{type: "gap", kind: "tick" | "frame" | "metric", from_t: number, to_t: number, reason: string}} Gap
 */

/** The columns kept of a metric, in the order of `metricRow`. */
export const METRIC_COLUMNS = ["t", "ts", "price_norm", "volatility", "liquidity", "imbalance", "N", "avg_exp", "matches_n"];

/** The numbers among an agent's features, in the order in which they are shown. */
export const FEATURES = /** @type {const} */ ([
  "buy_count", "sell_count", "none_count", "match_count", "match_rate", "quote_price_mean", "quote_price_std",
  "quote_dist_to_mid_mean", "experience_start", "experience_end", "experience_delta",
]);

/** @param {Metric} metric @returns {number[]} one row for `METRIC_COLUMNS` */
export function metricRow({ t, ts, s, N, avg_exp, matches_n }) {
  return [t, ts, s.price_norm, s.volatility, s.liquidity, s.imbalance, N, avg_exp, matches_n];
}

/** What the metric of a tick would say. @param {{t: number, ts: number, s: MarketState, agents: {experience: number}[], matches: object[]}} tick @returns {Metric} */
export function metricOf({ t, ts, s, agents, matches }) {
  const sum = agents.reduce((total, { experience }) => total + experience, 0);
  return { type: "metric", t, ts, s, N: agents.length, avg_exp: agents.length ? sum / agents.length : 0, matches_n: matches.length };
}

/** Whether a frame tells of t: the next one is due a stride later. @param {Frame} frame @param {number} t */
export function tellsOf(frame, t) {
  return t >= frame.t && t - frame.t < frame.window.stride;
}

/** The prices at `price_norm` 0 and 1 in a run, which begins with `from`. @typedef {{from: number, low: number, high: number}} PriceRange */

/** What the header of an answer tells: `first t:low:high` of each run whose prices are others than those of the run before. @param {string | null} header @returns {PriceRange[]} none of many, which it does not list */
export function priceRangesIn(header) {
  if (!header || header.startsWith("many ")) return [];
  return header.split(", ").map((run) => {
    const [from, low, high] = run.split(":").map(Number);
    return { from, low, high };
  });
}

/** The range that holds at t; what came before the first counts as that. @param {PriceRange[]} ranges by t @param {number} t @returns {PriceRange} of no number where none is known */
export function priceRangeAt(ranges, t) {
  return ranges.findLast(({ from }) => from <= t) ?? ranges[0] ?? { from: t, low: NaN, high: NaN };
}

/** *The* price of a tick. @param {PriceRange} range of its run @param {number} priceNorm 0..1 */
export function priceOf({ low, high }, priceNorm) {
  return low + (high - low) * priceNorm;
}

/** What a span on the normalised scale, such as volatility, is in price. @param {PriceRange} range @param {number} norm */
export function priceSpan({ low, high }, norm) {
  return (high - low) * norm;
}

/**
 * The first frame of a run comes at the first multiple of the stride that has a whole window of the run behind it.
 * @param {number} window ticks @param {number} stride ticks @param {number} [runT] the run's first t
 */
export function firstFrameT(window, stride, runT = 0) {
  return Math.ceil(Math.max(window, runT + window - 1) / stride) * stride;
}
