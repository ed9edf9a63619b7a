/** Owns the stretch of t that the timeline shows, and how it maps to pixels. */

/** Zoomed in no further than this. */
const SHORTEST = 50;

/** @typedef {{from: number, to: number}} Stretch */

/** @param {Stretch} stretch @param {Stretch} whole @returns {Stretch} moved, and cut where need be, to lie within the whole */
export function held({ from, to }, whole) {
  const length = Math.min(to - from, whole.to - whole.from);
  const start = Math.min(Math.max(from, whole.from), whole.to - length);
  return { from: start, to: start + length };
}

/**
 * @param {Stretch} stretch @param {Stretch} whole @param {number} around the t that stays where it is
 * @param {number} factor below 1 shows less
 */
export function zoomed({ from, to }, whole, around, factor) {
  const most = Math.max(whole.to - whole.from, 1);
  const length = Math.min(Math.max((to - from) * factor, Math.min(SHORTEST, most)), most);
  const share = to > from ? (around - from) / (to - from) : 0.5;
  return held({ from: around - share * length, to: around + (1 - share) * length }, whole);
}

/** @param {Stretch} stretch @param {number} t @param {number} width pixels */
export function xOf({ from, to }, t, width) {
  return ((t - from) / Math.max(to - from, 1)) * width;
}

/** @param {Stretch} stretch @param {number} x @param {number} width pixels */
export function tOf({ from, to }, x, width) {
  return from + (x / Math.max(width, 1)) * (to - from);
}

/** Round numbers within a stretch, at most so many. @param {Stretch} stretch @param {number} most @returns {number[]} */
export function roundNumbers({ from, to }, most) {
  const least = Math.max((to - from) / Math.max(most, 1), 1);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * ([1, 2, 5, 10].find((multiple) => multiple * power >= least) ?? 10);
  const numbers = [];
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) numbers.push(t);
  return numbers;
}

/**
 * The stretch that charts show around t: as it was while t lies in it, else the next page; at the end of what there is, its end.
 * @param {Stretch | null} shown @param {number} t @param {number} span ticks @param {Stretch} whole @returns {Stretch}
 */
export function page(shown, t, span, whole) {
  if (shown && shown.to - shown.from === span && t >= shown.from && t <= shown.to) return shown;
  // Just behind the page shown the playing goes on, and what comes is of interest; a leap looks both ways.
  const before = shown && t > shown.to && t < shown.to + span ? 0.15 : 0.5;
  const from = Math.round(Math.min(Math.max(t - before * span, whole.from), Math.max(whole.to - span, whole.from)));
  return { from, to: from + span };
}
