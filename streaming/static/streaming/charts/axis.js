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
 * Values for the marks of an axis: round, at most so many, yet two at least.
 * @param {number} low @param {number} high above low @param {number} most @param {number} [finest] step @returns {{marks: number[], step: number}}
 */
export function roundValues(low, high, most, finest = 0) {
  const power = Math.floor(Math.log10(high - low)) + 1;
  let found = { marks: [low], step: high - low };
  for (let i = 0; ; i++) {
    const step = [5, 2, 1][i % 3] * 10 ** (power - Math.floor(i / 3));
    const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
    if (step < finest || (found.marks.length > 1 && last - first + 1 > most)) return found;
    if (last > first) found = { step, marks: Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step) };
  }
}

/**
 * The stretch that charts show: as long as `span` at least, around what the timeline shows or around t.
 * @param {{shown: Stretch | null, view: Stretch | null, t: number, span: number, whole: Stretch}} facts
 *   `shown` until now; `view`: what the timeline shows, where the charts go along with it @returns {Stretch}
 */
export function charted({ shown, view, t, span, whole }) {
  if (!view) return page(shown, t, span, whole);
  const { from, to } = view;
  if (to - from >= span) return { from: Math.round(from), to: Math.round(to) };
  const start = Math.round(held({ from: (from + to - span) / 2, to: (from + to + span) / 2 }, { from: whole.from, to: Math.max(whole.to, whole.from + span) }).from);
  return { from: start, to: start + span };
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

/** Marks that have no room beside each other leave it to the first and the last. @param {number[]} marks @param {number} most that have room */
export function endsIfTooMany(marks, most) {
  return marks.length > Math.max(most, 2) ? [marks[0], marks[marks.length - 1]] : marks;
}
