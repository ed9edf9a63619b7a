/** Owns what a manifest says: which segment holds a t, and where ticks are missing. */

import { getJSON, marketPath } from "./api.js";

/** @typedef {{path: string, start_t: number, end_t: number, lines: number, bytes: number, created_at: string, pending: boolean}} Segment */
/** @typedef {"ticks" | "frames" | "metrics"} Kind */
/** @typedef {{from_t: number, to_t: number}} Span */

/** @param {Kind} kind @param {string} symbol @returns {Promise<Segment[]>} oldest first, the pending one last */
export function fetchManifest(kind, symbol) {
  return getJSON(marketPath(`/manifest/${kind}`, symbol));
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

/** The t that no segment holds, between those that are held. @param {Segment[]} segments of ticks @returns {Span[]} */
export function gapsBetween(segments) {
  /** @type {Span[]} */
  const gaps = [];
  for (let i = 1; i < segments.length; i++) {
    const [before, after] = [segments[i - 1].end_t, segments[i].start_t];
    if (after > before + 1) gaps.push({ from_t: before + 1, to_t: after - 1 });
  }
  return gaps;
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
