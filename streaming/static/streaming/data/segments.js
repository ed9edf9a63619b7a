/** Owns what a manifest says: which segments there are, and which of them holds a t. */

import { get, getJSON, marketPath } from "./api.js";
import { priceRangesIn } from "./messages.js";

/** @typedef {{path: string, start_t: number, end_t: number, lines: number, bytes: number, created_at: string, pending: boolean}} Segment */
/** @typedef {"ticks" | "frames" | "metrics"} Kind */
/** @typedef {{from_t: number, to_t: number}} Span */

/**
 * What a server tells of the segments of a kind.
 * @typedef {object} Listed
 * @property {Segment[]} segments those that were asked for, oldest first, pending ones last
 * @property {number} firstT where the first that is still there begins, Infinity without any
 * @property {string | null} store the recording they are of
 * @property {import("./messages.js").PriceRange[]} prices of its runs, none where they are not told
 */

/** Part of a manifest, as the server's parameters have it. @param {Kind} kind @param {string} symbol @param {Record<string, number>} part @returns {Promise<Listed>} */
export async function fetchManifest(kind, symbol, part) {
  const response = await get(marketPath(`/manifest/${kind}`, symbol, part));
  const { headers } = response;
  return {
    segments: await response.json(),
    firstT: Number(headers.get("Market-Camera-First-T") ?? Infinity),
    store: headers.get("Market-Camera-Store"),
    prices: await pricesOf(symbol, `${headers.get("Market-Camera-Store")}`, headers.get("Market-Camera-Prices")),
  };
}

/** What `/health` told of those that are too long for a header, and of which recording and header. */
const many = { of: "", prices: /** @type {import("./messages.js").PriceRange[]} */ ([]) };

/** @param {string} symbol @param {string} store @param {string | null} header @returns {Promise<import("./messages.js").PriceRange[]>} */
async function pricesOf(symbol, store, header) {
  if (!header?.startsWith("many ")) return priceRangesIn(header);
  const of = `${symbol} ${store} ${header}`;
  if (many.of === of) return many.prices;
  // A market that is not well tells them too, with another status; where there is no answer the next list asks again.
  const told = await fetch(marketPath("/health", symbol)).then((answer) => answer.json()).catch(() => null);
  const prices = (told?.meta?.price_ranges ?? []).map((/** @type {number[]} */ [from, low, high]) => ({ from, low, high }));
  if (prices.length) Object.assign(many, { of, prices });
  return prices;
}

/** Where no segment of ticks holds any, between two that do. @param {string} symbol @returns {Promise<Span[]>} */
export function fetchGaps(symbol) {
  return getJSON(marketPath("/gaps", symbol));
}

/** How far the finished segments reach: what is asked for next lies beyond. @param {Segment[]} segments @returns {number | null} null without any */
export function reachOf(segments) {
  return segments.findLast(({ pending }) => !pending)?.end_t ?? null;
}

/** Whether each segment that was pending was found again, pending or finished. @param {Segment[]} known @param {Listed} found */
export function accountsFor(known, { segments }) {
  const names = new Set(segments.map(lastingName));
  return known.every((segment) => !segment.pending || names.has(lastingName(segment)));
}

/** The name of a segment's file once it is finished. @param {Segment} segment */
export function lastingName(segment) {
  return nameOf(segment).replace("_pending.", ".");
}

/** @param {Segment} segment */
export function nameOf(segment) {
  return /** @type {string} */ (segment.path.split("/").pop());
}

/** @param {Segment[]} segments @param {number} t @returns {Segment | undefined} the one holding t, else the last that began before it */
export function segmentAt(segments, t) {
  return segments.findLast(({ start_t }) => start_t <= t);
}

/**
 * At a segment's ends the neighbours of a frame are its other segments' last and first.
 * @param {import("./frame-feed.js").Found} found in `segment` @param {Segment[]} segments @param {Segment} segment
 * @returns {import("./frame-feed.js").Found}
 */
export function acrossSegments({ frame, previousT, nextT }, segments, segment) {
  const index = segments.indexOf(segment);
  const atStart = !frame || frame.t <= segment.start_t;
  return {
    frame,
    previousT: previousT ?? (atStart ? (segments[index - 1]?.end_t ?? null) : null),
    nextT: nextT ?? segments[index + 1]?.start_t ?? null,
  };
}

/** @param {Segment[]} segments @param {number} fromT @param {number} toT */
export function overlapping(segments, fromT, toT) {
  return segments.filter(({ start_t, end_t, pending }) => start_t <= toT && (pending || end_t >= fromT));
}

/** Gaps of two sources as one ascending list, joined where they touch. @param {Span[]} some @param {Span[]} more @returns {Span[]} */
export function mergedGaps(some, more) {
  /** @type {Span[]} */
  const merged = [];
  for (const { from_t, to_t } of [...some, ...more].sort((a, b) => a.from_t - b.from_t)) {
    const last = merged.at(-1);
    if (last && from_t <= last.to_t + 1) last.to_t = Math.max(last.to_t, to_t);
    else merged.push({ from_t, to_t });
  }
  return merged;
}
