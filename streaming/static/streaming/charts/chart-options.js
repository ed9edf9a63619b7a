/** Owns how each chart looks: its series, axes and scales, in uPlot's terms. */

import uPlot from "uplot";
import { countText, markTexts, priceText, ratioText } from "../page/format.js";
import { holes } from "./timeline.js";
import { withAlpha } from "../page/colors.js";

/** Columns that each chart draws, after t; those of `DERIVED` are made of others. @type {Record<string, string[]>} */
export const CHARTS = {
  price: ["price", "price_high", "price_low"],
  agents: ["N", "avg_exp"],
  matches: ["matches_n"],
  depth: ["liquidity", "imbalance"],
};

/** Readouts beside the chart's title, by the column they tell. @type {Record<string, (value: number) => string>} */
export const READOUTS = { price: priceText, N: countText, avg_exp: ratioText, matches_n: countText, liquidity: ratioText, imbalance: ratioText };

/** Room for the axes, in pixels: the same on every chart, so that one t stands below the other. */
const LEFT = 54;
const RIGHT = 40;

/** Every chart of a page shares one cursor. */
const SYNC_KEY = "t";

/** @param {string} name @param {string} stroke @param {object} [more] */
function series(name, stroke, more = {}) {
  return { label: name, stroke, width: 1.5, points: { show: false }, gaps: breaks, ...more };
}

/** Recorded gaps are holes in t; the line breaks there instead of drawing across. @param {uPlot} plot @returns {any} */
function breaks(plot) {
  const ts = plot.data[0];
  return holes(ts).map(([before, after]) => [before, after].map((t) => plot.valToPos(t, "x", true)));
}

/** @param {Record<string, string>} palette @param {object} more */
function axis(palette, more) {
  return {
    stroke: palette.muted,
    font: "11px system-ui, sans-serif",
    grid: { stroke: palette.line, width: 1 },
    ticks: { show: false },
    gap: 4,
    ...more,
  };
}

/** A little room above and below, and never a span of nothing. @param {number} least smallest span @param {number} [leastShare] and as a share of the middle */
function padded(least, leastShare = 0) {
  return (/** @type {uPlot} */ _, /** @type {number | null} */ low, /** @type {number | null} */ high) => {
    if (low === null || high === null) return [0, least || 1];
    const span = Math.max(high - low, least, (leastShare * Math.abs(high + low)) / 2) || 1;
    const middle = (high + low) / 2;
    return [middle - span * 0.58, middle + span * 0.58];
  };
}

/** From zero up, in whole numbers. */
function fromZero(/** @type {uPlot} */ _, /** @type {number} */ _low, /** @type {number | null} */ high) {
  return [0, Math.max(4, Math.ceil((high ?? 0) * 1.1))];
}

const wholeTicks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
const marksWith = (/** @type {(mark: number) => string} */ write) => (/** @type {any} */ _, /** @type {number[]} */ marks) => marks.map(write);
const priceMarks = (/** @type {any} */ _, /** @type {number[]} */ marks, /** @type {number} */ _axis, /** @type {number} */ _space, /** @type {number} */ step) => markTexts(marks, step);
const stepped = () => ({ paths: uPlot.paths.stepped?.({ align: 1 }) });

/** @type {Record<string, (palette: Record<string, string>) => object>} */
const PARTS = {
  price: (palette) => ({
    scales: { y: { range: padded(0, 0.0004) } },
    axes: [axis(palette, { scale: "y", size: LEFT, values: priceMarks })],
    series: [
      series("price", palette.price),
      // The scale is the price's own: at a run's beginning volatility is a hundred times what it is later.
      series("price_high", "transparent", { width: 0, auto: false }),
      series("price_low", "transparent", { width: 0, auto: false }),
    ],
    bands: [{ series: [2, 3], fill: withAlpha(palette.price, 0.16) }],
  }),
  agents: (palette) => ({
    scales: { y: { range: fromZero }, share: { range: padded(0.05) } },
    axes: [
      axis(palette, { scale: "y", size: LEFT, incrs: wholeTicks }),
      axis(palette, { scale: "share", side: 1, size: RIGHT, grid: { show: false }, values: marksWith((mark) => mark.toFixed(2)) }),
    ],
    series: [series("N", palette.agents, stepped()), series("avg_exp", palette.experience, { scale: "share" })],
  }),
  matches: (palette) => ({
    scales: { y: { range: fromZero } },
    axes: [axis(palette, { scale: "y", size: LEFT, incrs: wholeTicks })],
    series: [series("matches_n", withAlpha(palette.matches, 0.55), { width: 1, fill: withAlpha(palette.matches, 0.25), ...stepped() })],
  }),
  depth: (palette) => ({
    scales: { y: { range: [0, 1.05] }, sign: { range: [-1.05, 1.05] } },
    axes: [
      axis(palette, { scale: "y", size: LEFT, values: marksWith((mark) => mark.toFixed(1)) }),
      axis(palette, { scale: "sign", side: 1, size: RIGHT, grid: { show: false }, values: marksWith((mark) => mark.toFixed(1)) }),
    ],
    series: [series("liquidity", palette.liquidity), series("imbalance", withAlpha(palette.imbalance, 0.7), { width: 1, scale: "sign" })],
  }),
};

/**
 * @param {string} name one of `CHARTS` @param {Record<string, string>} palette
 * @param {{width: number, height: number}} size pixels
 * @param {object} hooks uPlot's
 * @returns {any}
 */
export function optionsOf(name, palette, size, hooks) {
  const parts = /** @type {any} */ (PARTS[name](palette));
  const twoScales = parts.axes.length > 1;
  const last = name === Object.keys(CHARTS).at(-1);
  return {
    ...size,
    legend: { show: false },
    padding: [6, twoScales ? 0 : RIGHT, last ? 0 : 5, 0],
    cursor: { sync: { key: SYNC_KEY, setSeries: false }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
    scales: { x: { time: false, auto: false, min: 0, max: 1 }, ...parts.scales },
    // The charts stand one above the other, so the numbers below the last are for all.
    axes: [axis(palette, last ? { size: 22, values: marksWith(countText) } : { size: 0, values: marksWith(() => "") }), ...parts.axes],
    series: [{}, ...parts.series],
    bands: parts.bands ?? [],
    hooks,
  };
}
