/** Owns finding places on the axis of t. */

/** @param {ArrayLike<number>} ts ascending @param {number} t @returns {number} index of the last one <= t, -1 before the first */
export function lastAtOrBefore(ts, t) {
  let low = 0;
  let high = ts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ts[middle] <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** @param {ArrayLike<number>} ts ascending @param {number} t @returns {number} index of the message that tells of t; -1 in a hole, and beyond the ends */
export function recordedAt(ts, t) {
  const index = lastAtOrBefore(ts, t);
  return index >= 0 && t - ts[index] < usualStep(ts) ? index : -1;
}

/**
 * How fast the market goes where its messages follow each other: what lies between two runs, an hour perhaps, does not count.
 * @param {ArrayLike<number>} ts ascending t @param {ArrayLike<number>} seconds market time of each
 * @returns {number | null} ticks per second; null where time stands still, or too little is known
 */
export function paceOf(ts, seconds) {
  const step = usualStep(ts);
  const durations = [];
  for (let i = 1; i < ts.length; i++) {
    if (ts[i] - ts[i - 1] === step && seconds[i] > seconds[i - 1]) durations.push(seconds[i] - seconds[i - 1]);
  }
  durations.sort((a, b) => a - b);
  return durations.length ? step / durations[durations.length >> 1] : null;
}

/** Messages come at a fixed interval, and a hole only makes a difference larger. @param {ArrayLike<number>} ts @returns {number} Infinity for fewer than two */
export function usualStep(ts) {
  let step = Infinity;
  for (let i = 1; i < ts.length; i++) step = Math.min(step, ts[i] - ts[i - 1]);
  return step;
}
