/** Owns one stretch of the past as the replay page shows it: a segment's frames and the metrics of the same period. */

import { ApiError } from "./api.js";
import { METRIC_COLUMNS } from "./messages.js";
import { fetchManifest, overlapping } from "./segments.js";

/** @typedef {import("./segments.js").Segment} Segment */
/** @typedef {import("./segments.js").SegmentReader} SegmentReader */
/** @typedef {{segment: Segment, frames: import("./segments.js").OpenSegment, metrics: Record<string, Float64Array>}} Recording */

/**
 * @param {SegmentReader} reader @param {string} symbol @param {Segment} segment
 * @param {(bytes: number) => void} onProgress
 * @returns {Promise<Recording>}
 */
export async function openRecording(reader, symbol, segment, onProgress) {
  const opened = await openFrames(reader, symbol, segment, onProgress);
  const { ts } = opened.frames;
  return { ...opened, metrics: ts.length ? await metricsOf(reader, symbol, ts[0], ts[ts.length - 1]) : noMetrics() };
}

/** A pending segment gets its final name while the page looks at it: then the manifest knows the new one. */
async function openFrames(/** @type {SegmentReader} */ reader, /** @type {string} */ symbol, /** @type {Segment} */ segment, /** @type {(bytes: number) => void} */ onProgress) {
  try {
    return { segment, frames: await reader.open("frames", symbol, segment, onProgress) };
  } catch (error) {
    if (!segment.pending || !(error instanceof ApiError) || error.status !== 404) throw error;
    const renamed = (await fetchManifest("frames", symbol)).find(({ start_t }) => start_t === segment.start_t);
    if (!renamed || renamed.path === segment.path) throw error;
    return { segment: renamed, frames: await reader.open("frames", symbol, renamed, onProgress) };
  }
}

/**
 * The recorded metrics with fromT <= t <= toT.
 * @param {SegmentReader} reader @param {string} symbol @param {number} fromT @param {number} toT
 * @returns {Promise<Record<string, Float64Array>>} a column for each of `METRIC_COLUMNS`
 */
export async function metricsOf(reader, symbol, fromT, toT) {
  const segments = overlapping(await fetchManifest("metrics", symbol), fromT, toT);
  /** @type {Float64Array[][]} */
  const parts = [];
  for (const segment of segments) {
    const opened = await reader.open("metrics", symbol, segment);
    parts.push(within(await opened.metricColumns(), fromT, toT));
    await opened.close();
  }
  return Object.fromEntries(METRIC_COLUMNS.map((name, i) => [name, joined(parts.map((columns) => columns[i]))]));
}

/** The rows whose t is in the range; t is the first column. @param {Float64Array[]} columns @param {number} fromT @param {number} toT */
function within(columns, fromT, toT) {
  const from = columns[0].findIndex((t) => t >= fromT);
  const to = columns[0].findLastIndex((t) => t <= toT) + 1;
  return columns.map((column) => column.subarray(from < 0 ? column.length : from, to));
}

/** @param {Float64Array[]} arrays */
function joined(arrays) {
  const all = new Float64Array(arrays.reduce((length, array) => length + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

function noMetrics() {
  return Object.fromEntries(METRIC_COLUMNS.map((name) => [name, new Float64Array(0)]));
}

/** Ticks in a second of market time, from the recorded times; the usual ten where they cannot tell. @param {Record<string, Float64Array>} metrics */
export function ticksPerSecond({ t, ts }) {
  const last = t.length - 1;
  return last > 0 && ts[last] > ts[0] ? (t[last] - t[0]) / (ts[last] - ts[0]) : 10;
}
