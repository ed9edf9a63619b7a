/** Owns courses: what measures did over buckets of ticks, and where their lines break. */

/** @typedef {import("./axis.js").Stretch} Stretch */
/** @typedef {import("../data/segments.js").Span} Span */
/** What a measure was in each bucket; NaN where it was not defined. @typedef {{mean: ArrayLike<number>, min: ArrayLike<number>, max: ArrayLike<number>}} Band */
/**
 * @typedef {object} Course buckets, ascending, none of which reaches over another
 * @property {number} size ticks a bucket at most
 * @property {number[]} from first t of each @property {number[]} to last t of each
 * @property {Record<string, Band>} values
 */

/** @returns {Course} */
export const emptyCourse = () => ({ size: 1, from: [], to: [], values: {} });

/**
 * Puts rows into buckets of `size` ticks. A bucket ends at a hole and at a border, so its values are of one run and of ticks
 * that follow each other.
 * @param {Record<string, ArrayLike<number>>} columns with `t`, ascending @param {string[]} names columns
 * @param {number} size @param {number} step ticks between two rows @param {number[]} borders first t of each run, ascending @returns {Course}
 */
export function courseOf(columns, names, size, step, borders) {
  const { t } = columns;
  const course = emptyCourse();
  course.size = size;
  /** @type {number[]} */
  const starts = [];
  for (let i = 0, next = 0; i < t.length; i++) {
    while (next < borders.length && borders[next] <= t[i - 1]) next += 1;
    const begins = i === 0 || t[i] - t[i - 1] > step || Math.floor(t[i] / size) !== Math.floor(t[i - 1] / size) || borders[next] <= t[i];
    if (begins) starts.push(i);
  }
  course.from = starts.map((i) => t[i]);
  course.to = starts.map((_, k) => t[(starts[k + 1] ?? t.length) - 1] + step - 1);
  for (const name of names) course.values[name] = bandOf(columns[name], starts, t.length);
  return course;
}

/** @param {ArrayLike<number>} values @param {number[]} starts of the buckets @param {number} end @returns {Band} */
function bandOf(values, starts, end) {
  const [mean, min, max] = [[], [], []].map(() => new Float64Array(starts.length));
  starts.forEach((start, k) => {
    const stop = starts[k + 1] ?? end;
    let [sum, least, most] = [0, Infinity, -Infinity];
    for (let i = start; i < stop; i++) {
      sum += values[i];
      least = Math.min(least, values[i]);
      most = Math.max(most, values[i]);
    }
    [mean[k], min[k], max[k]] = [sum / (stop - start), least, most];
  });
  return { mean, min, max };
}

/**
 * The course that an answer of the server tells: `t` has where each bucket begins that holds anything.
 * @param {{bucket: number, t: number[], gaps?: Span[], [name: string]: any}} answer @param {string[]} names of measures in it
 * @param {number} lastT of what is recorded @returns {Course}
 */
export function courseOfAnswer({ bucket, t, gaps = [], ...measures }, names, lastT) {
  const course = { size: bucket, from: [...t], to: t.map((start) => Math.min(start + bucket - 1, Math.max(lastT, start))), values: {} };
  for (const { from_t, to_t } of gaps) cut(course, from_t, to_t);
  const numbers = (/** @type {(number | null)[]} */ column) => Float64Array.from(column, (value) => value ?? NaN);
  const known = names.filter((name) => measures[name]);
  course.values = Object.fromEntries(known.map((name) => [name, { mean: numbers(measures[name].mean), min: numbers(measures[name].min), max: numbers(measures[name].max) }]));
  return course;
}

/** Takes what was not recorded out of the buckets at its ends. @param {Course} course @param {number} fromT @param {number} toT */
function cut({ from, to }, fromT, toT) {
  const first = firstBeyond(to, fromT - 1);
  if (first < from.length && from[first] < fromT && to[first] <= toT) to[first] = fromT - 1;
  const last = firstBeyond(from, toT) - 1;
  if (last >= 0 && from[last] >= fromT && to[last] > toT) from[last] = toT + 1;
}

/** @param {ArrayLike<number>} ts ascending @param {number} t @returns {number} index of the first one > t */
export function firstBeyond(ts, t) {
  let low = 0;
  let high = ts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ts[middle] > t) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A course and what follows it of another. @param {Course} course @param {Course} later of the same measures @returns {Course} */
export function continued(course, later) {
  const start = firstBeyond(later.from, course.to.at(-1) ?? -Infinity);
  if (start >= later.from.length) return course;
  if (!course.from.length) return later;
  const values = Object.keys(course.values).map((name) => {
    const [before, after] = [course.values[name], later.values[name]];
    const joined = (/** @type {"mean" | "min" | "max"} */ part) => Float64Array.from([...Array.from(before[part]), ...Array.from(after[part]).slice(start)]);
    return [name, { mean: joined("mean"), min: joined("min"), max: joined("max") }];
  });
  return { size: course.size, from: [...course.from, ...later.from.slice(start)], to: [...course.to, ...later.to.slice(start)], values: Object.fromEntries(values) };
}

/** The buckets that reach into a stretch. @param {Course} course @param {Stretch} stretch @returns {[number, number]} from the first to before the last */
export function within({ from, to }, stretch) {
  return [firstBeyond(to, stretch.from - 1), firstBeyond(from, stretch.to)];
}

/** @param {Course} course @param {number} t @returns {number} index of the bucket that holds t, -1 without one */
export function bucketAt({ from, to }, t) {
  const index = firstBeyond(from, t) - 1;
  return index >= 0 && t <= to[index] ? index : -1;
}

/**
 * Buckets whose line goes on without a break: it breaks where ticks lie between two buckets, where a run begins, and where the
 * measure is not defined.
 * @param {Course} course @param {string} name of a measure @param {number[]} borders first t of each run, ascending
 * @param {[number, number]} range of buckets @returns {[number, number][]} from the first to before the last of each piece
 */
export function pieces({ from, to, values }, name, borders, [start, end]) {
  /** @type {[number, number][]} */
  const found = [];
  if (!values[name]) return found;
  const { mean } = values[name];
  let begun = -1;
  for (let i = start; i <= end; i++) {
    const over = i === end || Number.isNaN(mean[i]);
    const broken = begun >= 0 && begun < i && !over && (from[i] > to[i - 1] + 1 || firstBeyond(borders, from[i]) > firstBeyond(borders, from[i - 1]));
    if (begun >= 0 && (over || broken)) found.push([begun, i]);
    if (over) begun = -1;
    else if (begun < 0 || broken) begun = i;
  }
  return found;
}

/** Least and greatest of a measure within a stretch. @param {Course} course @param {string} name @param {Stretch} stretch @returns {[number, number] | null} null where there is none */
export function extremes(course, name, stretch) {
  const { min, max } = course.values[name] ?? { min: [], max: [] };
  const [start, end] = within(course, stretch);
  let [least, most] = [Infinity, -Infinity];
  for (let i = start; i < end; i++) {
    if (min[i] < least) least = min[i];
    if (max[i] > most) most = max[i];
  }
  return least <= most ? [least, most] : null;
}

/** The size of buckets, a power of two, of which a stretch has at most so many. @param {Stretch} stretch @param {number} most @param {number} [least] size */
export function bucketFor({ from, to }, most, least = 1) {
  let size = least;
  while ((to - from) / size > most) size *= 2;
  return size;
}
