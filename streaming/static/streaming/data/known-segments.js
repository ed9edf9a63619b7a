/** Owns what a page knows of the segments of a kind: each one of some stretches of t. A store of years has too many to fetch them all. */

import { lastingName, mergedGaps } from "./segments.js";

/** @typedef {import("./segments.js").Segment} Segment */
/** @typedef {import("./segments.js").Span} Span */
/** @typedef {import("./segments.js").Listed} Listed */

/**
 * @typedef {object} Known
 * @property {Segment[]} segments oldest first, pending ones last
 * @property {Span[]} spans each segment that begins within these is among them, and each that holds a t of these
 * @property {number} firstT where the first segment begins that is still there, Infinity where that was not told
 */

/** So many segments are asked for at a time: those of eight hours. */
export const PART = 100;

/** @returns {Known} */
export const nothing = () => ({ segments: [], spans: [], firstT: Infinity });

/** With the last part of a manifest, and nothing else. @param {Listed} found @returns {Known} */
export function ofNewest(found) {
  return { segments: found.segments, spans: [upTo(Infinity, found)], firstT: found.firstT };
}

/** With what was found beyond the last finished segment, and without what was removed at the beginning. @param {Known} known @param {Listed} found @returns {Known} */
export function broughtUpToDate({ segments, spans }, found) {
  const { firstT } = found;
  return { segments: [...segments.filter(({ pending, start_t }) => !pending && start_t >= firstT), ...found.segments], spans, firstT };
}

/** With the parts of a manifest that end and begin around t. @param {Known} known @param {number} t @param {Listed} older @param {Listed} newer @returns {Known} */
export function widened({ segments, spans, firstT }, t, older, newer) {
  /** @type {Map<string, Segment>} */
  const named = new Map();
  for (const segment of [...segments, ...older.segments, ...newer.segments]) {
    const name = lastingName(segment);
    if (named.get(name)?.pending !== false) named.set(name, segment);
  }
  const ordered = [...named.values()].sort((a, b) => Number(a.pending) - Number(b.pending) || a.start_t - b.start_t);
  return { segments: ordered, spans: mergedGaps(spans, [upTo(t, older), from(t, newer)]), firstT };
}

/** The last t of a stretch of which the segments are not known. @param {Known} known @param {number} fromT @param {number} toT @returns {number | null} null where all are */
export function unknownIn({ spans }, fromT, toT) {
  const span = spans.find(({ from_t, to_t }) => from_t <= toT && toT <= to_t);
  const t = span ? span.from_t - 1 : toT;
  return t < fromT ? null : t;
}

/** The t that no segment holds, between two that are known to follow each other. @param {Known} known of ticks @returns {Span[]} */
export function gapsIn({ segments, spans }) {
  /** @type {Span[]} */
  const gaps = [];
  for (let i = 1; i < segments.length; i++) {
    const [before, after] = [segments[i - 1], segments[i]];
    if (after.start_t <= before.end_t + 1) continue;
    const follows = spans.some(({ from_t, to_t }) => from_t <= before.start_t && after.start_t <= to_t);
    if (follows) gaps.push({ from_t: before.end_t + 1, to_t: after.start_t - 1 });
  }
  return gaps;
}

/** Where a list that ends with t tells of every segment. @param {number} t @param {Listed} found @returns {Span} */
function upTo(t, { segments }) {
  return { from_t: segments.length < PART ? -Infinity : segments[0].start_t, to_t: t };
}

/** Where a list that begins with t tells of every segment. @param {number} t @param {Listed} found @returns {Span} */
function from(t, { segments }) {
  return { from_t: t, to_t: segments.length < PART ? Infinity : segments[segments.length - 1].start_t };
}
