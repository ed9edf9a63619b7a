/** Owns how each chart looks: its series, axes and scales, in uPlot's terms. */

import { bucketAt, extremes, pieces, within } from "./course.js";
import { endsIfTooMany, roundValues } from "./axis.js";
import { drawArea, drawLine } from "./paths.js";
import { countText, markTexts, numberText, priceText, ratioText } from "../page/format.js";
import { withAlpha } from "../page/colors.js";

/** @typedef {import("./axis.js").Stretch} Stretch */
/** @typedef {import("./course.js").Course} Course */
/** @typedef {(low: number, high: number) => [number, number]} Range what an axis spans, for values from low to high */
/**
 * @typedef {object} Series
 * @property {string} measure in the course @property {string} colour of the palette @property {(value: number) => string} write
 * @property {Range} range @property {boolean} [whole] whether the values are whole numbers, which hold until the next
 * @property {string} [band] measure whose least and greatest are filled, where it is another one
 * @property {"upper" | "lower"} [half] of the chart, where two series would lie over each other
 */
/** A chart has one or two series, the second on the right axis. @typedef {{series: Series[], scene: Scene, last: boolean, key: string}} Look */
/** What there is to be drawn; `exact`: tick by tick, where that is known; `unsummed`: what is recorded and not in the course yet. @typedef {{course: Course, exact: Course | null, stretch: Stretch, borders: number[], unsummed: import("../data/segments.js").Span[]}} Scene */

/** Room for the axes, in pixels: the same on every chart, so that one t stands below the other. */
const RIGHT = 36;
/** At the left it grows, by steps, with the longest mark that a chart of the page has had: a price may have many digits. */
const room = { left: 50, step: 6 };

const FONT = "11px system-ui, sans-serif";

/** From marks to what they stand beside, and to the chart's edge. Pixels. */
const [GAP, EDGE] = [4, 2];

/** Room for one mark of an axis, in pixels. */
const MARK_HEIGHT = 24;
const MARK_WIDTH = 74;

/** A little room above and below, and never a span of nothing. @param {number} least smallest span @param {number} [leastShare] and as a share of the middle @returns {Range} */
export function padded(least, leastShare = 0) {
  return (low, high) => {
    const span = Math.max(high - low, least, (leastShare * Math.abs(high + low)) / 2) || 1;
    const middle = (high + low) / 2;
    return [middle - span * 0.56, middle + span * 0.56];
  };
}

/** @type {Record<string, Series[]>} */
export const CHARTS = {
  // The scale is the price's own: at a run's beginning volatility is a hundred times what it is later.
  price: [{ measure: "price", colour: "price", write: priceText, range: padded(0, 0.0004), band: "spread" }],
  agents: [
    { measure: "N", colour: "agents", write: numberText, range: padded(4), whole: true, half: "upper" },
    { measure: "avg_exp", colour: "experience", write: ratioText, range: padded(0.02), half: "lower" },
  ],
  matches: [{ measure: "matches", colour: "matches", write: numberText, range: padded(4), whole: true }],
  depth: [
    { measure: "liquidity", colour: "liquidity", write: ratioText, range: padded(0.02), half: "upper" },
    { measure: "imbalance", colour: "imbalance", write: ratioText, range: padded(0.1), half: "lower" },
  ],
};

/** @param {Record<string, string>} palette @param {object} more */
function axis(palette, more) {
  return { stroke: palette.muted, font: FONT, grid: { stroke: palette.line, width: 1 }, ticks: { show: false }, gap: GAP, ...more };
}

/** Room at the left in which marks are whole. @param {any} plot @param {string[] | null} words null before there are any */
function leftRoom(plot, words) {
  plot.ctx.save();
  plot.ctx.font = FONT;
  const widths = (words ?? []).map((mark) => plot.ctx.measureText(mark).width + GAP + EDGE);
  plot.ctx.restore();
  room.left = Math.max(room.left, ...widths.map((width) => Math.ceil(width / room.step) * room.step));
  return room.left;
}

/** @param {Series} series @param {number} i 0 for the left one @param {Record<string, string>} palette @param {boolean} alone @param {Scene} scene */
function valueAxis(series, i, palette, alone, scene) {
  const { colour, whole, half } = series;
  const marksOf = (/** @type {any} */ plot) => {
    const range = rangeOf(series, scene);
    // An axis beside nothing would tell of values that nobody saw.
    if (!range) return { marks: [], step: 1 };
    const most = plot.bbox.height / devicePixelRatio / MARK_HEIGHT / (half ? 2 : 1);
    const { marks, step } = roundValues(...range, most, whole ? 1 : 0);
    return { step, marks: endsIfTooMany(marks, most) };
  };
  return axis(palette, {
    scale: `y${i}`,
    side: i ? 1 : 3,
    size: i ? RIGHT : leftRoom,
    stroke: alone ? palette.muted : palette[colour],
    grid: { show: i === 0, stroke: palette.line, width: 1 },
    splits: (/** @type {any} */ plot) => marksOf(plot).marks,
    values: (/** @type {any} */ plot, /** @type {number[]} */ marks) => markTexts(marks, marksOf(plot).step),
  });
}

/**
 * One series: its line, and the band of its least and greatest.
 * @param {Series} series @param {Scene} scene @param {{x: (t: number) => number, y: (value: number) => number}} at pixels
 * @param {import("./paths.js").Pen} stroke @param {import("./paths.js").Pen} fill
 */
export function trace({ measure, band = measure, whole = false }, { course, stretch, borders }, at, stroke, fill) {
  if (!course.values[measure]) return;
  const drawn = course.values[band] ? band : measure;
  const place = { ...at, pieces: pieces(course, measure, borders, within(course, stretch)), stepped: whole && course.size === 1 };
  drawLine(stroke, course, course.values[measure].mean, place);
  if (drawn !== measure || course.size > 1) drawArea(fill, course, course.values[drawn].min, course.values[drawn].max, place);
}

/** @param {Series} series @param {number} i @param {Scene} scene */
function paths(series, i, scene) {
  return (/** @type {any} */ plot) => {
    const [stroke, fill] = [new Path2D(), new Path2D()];
    const at = { x: (/** @type {number} */ t) => plot.valToPos(t, "x", true), y: (/** @type {number} */ value) => plot.valToPos(value, `y${i}`, true) };
    trace(series, scene, at, stroke, fill);
    return { stroke, fill, clip: null, flags: 0 };
  };
}

/**
 * What uPlot is given of a scene: the middles of the buckets, and their means.
 * @param {Series[]} series @param {Scene} scene @returns {any}
 */
export function dataOf(series, { course }) {
  return [course.from.map((from, i) => (from + course.to[i]) / 2), ...series.map(({ measure }) => course.values[measure]?.mean ?? [])];
}

/** What the whole height stands for, where a series has a half of it. @param {Series} series @param {[number, number]} range @returns {[number, number]} */
function heightOf({ half }, [low, high]) {
  const room = (high - low) * 1.05;
  return [half === "upper" ? low - room : low, half === "lower" ? high + room : high];
}

/** What the values of a series span. @param {Series} series @param {Scene} scene @returns {[number, number] | null} null where nothing is known */
function rangeOf({ measure, range }, { course, stretch }) {
  const found = extremes(course, measure, stretch);
  return found && range(...found);
}

/**
 * @param {Look} look @param {Record<string, string>} palette @param {{width: number, height: number}} size pixels
 * @param {object} hooks uPlot's @returns {any}
 */
export function optionsOf({ series, scene, last, key }, palette, size, hooks) {
  const scales = Object.fromEntries(series.map((one, i) => [`y${i}`, { range: () => heightOf(one, rangeOf(one, scene) ?? [0, 1]) }]));
  const marksOfT = (/** @type {any} */ plot) => {
    const { from, to } = scene.stretch;
    const width = plot.bbox.width / devicePixelRatio;
    const edge = ((to - from) * MARK_WIDTH) / width / 3;
    const most = width / MARK_WIDTH;
    return to > 1 ? endsIfTooMany(roundValues(from + edge, to - edge, most, 1).marks, most) : [];
  };
  return {
    ...size,
    legend: { show: false },
    padding: [6, series.length > 1 ? 0 : 12, last ? 0 : 5, 0],
    cursor: { sync: { key, setSeries: false }, drag: { x: false, y: false }, y: false, points: { show: false } },
    scales: { x: { time: false, auto: false, min: 0, max: 1 }, ...scales },
    axes: [
      axis(palette, { size: last ? 20 : 0, splits: marksOfT, values: (/** @type {any} */ _, /** @type {number[]} */ marks) => marks.map(last ? countText : () => "") }),
      ...series.map((one, i) => valueAxis(one, i, palette, series.length === 1, scene)),
    ],
    series: [
      {},
      ...series.map((one, i) => ({
        label: one.measure,
        scale: `y${i}`,
        stroke: palette[one.colour],
        fill: withAlpha(palette[one.colour], 0.2),
        width: 1.5,
        points: { show: false },
        paths: paths(one, i, scene),
      })),
    ],
    hooks,
  };
}

/** What a series is at t. @param {Series} series @param {Scene} scene @param {number} t @returns {string} a dash where that is not known */
export function readingOf({ measure, write }, { course, exact }, t) {
  const told = exact ?? course;
  const value = told.values[measure]?.mean[bucketAt(told, t)];
  return value === undefined || Number.isNaN(value) ? "–" : write(value);
}
