/** Owns asking for the measures of one frame's structure. */

import { getJSON, marketPath } from "./api.js";

/** @param {string} symbol @param {number} t of a frame @returns {Promise<Record<string, number | null>>} none while the frame is not summed up */
export async function measuresAt(symbol, t) {
  const { t0, t1, bucket, t: buckets, ts, unsummed, ...measures } = await getJSON(marketPath("/structure", symbol, { t0: t, t1: t, points: 1 }));
  if (!buckets.length) return {};
  return Object.fromEntries(Object.entries(measures).map(([name, { mean }]) => [name, mean[0]]));
}
