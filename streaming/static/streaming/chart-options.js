/** Owns how each chart looks: its series, axes and scales, in uPlot's terms. */

import uPlot from "uplot";
import { countText, priceText, ratioText } from "./format.js";
import { holes } from "./timeline.js";
import { withAlpha } from "./theme.js";

/** Metric columns that each chart draws, after t; `price` is made of `price_norm`. */
export const CHARTS = {
  price: ["price"],
  agents: ["N", "avg_exp"],
  matches: ["matches_n"],
};

/** Readouts beside the chart's title, in the order of its series. @type {Record<string, (value: number) => string>} */
export const READOUTS = { price: priceText, N: countText, avg_exp: ratioText, matches_n: countText };

/** Room for the axes, in pixels: the same on every chart, so that one t stands below the other. */
const LEFT = 54;
const RIGHT = 42;

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
    ...more,
  };
}

/** A little room above and below, and never a span of nothing. @param {number} least smallest span */
function padded(least) {
  return (/** @type {uPlot} */ _, /** @type {number | null} */ low, /** @type {number | null} */ high) => {
    if (low === null || high === null) return [0, least];
    const span = Math.max(high - low, least);
    const middle = (high + low) / 2;
    return [middle - span * 0.55, middle + span * 0.55];
  };
}

/** From zero up, in whole numbers. */
function fromZero(/** @type {uPlot} */ _, /** @type {number} */ _low, /** @type {number | null} */ high) {
  return [0, Math.max(4, Math.ceil((high ?? 0) * 1.1))];
}

const wholeTicks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];

/** @type {Record<string, (palette: Record<string, string>) => object>} */
const PARTS = {
  price: (palette) => ({
    scales: { y: { range: padded(20) } },
    axes: [axis(palette, { scale: "y", size: LEFT, values: (/** @type {any} */ _, /** @type {number[]} */ marks) => marks.map(countText) })],
    series: [series("price", palette.price, { fill: withAlpha(palette.price, 0.1) })],
  }),
  agents: (palette) => ({
    scales: { y: { range: fromZero }, share: { range: padded(0.05) } },
    axes: [
      axis(palette, { scale: "y", size: LEFT, incrs: wholeTicks }),
      axis(palette, { scale: "share", side: 1, size: RIGHT, grid: { show: false }, values: (/** @type {any} */ _, /** @type {number[]} */ marks) => marks.map((mark) => mark.toFixed(2)) }),
    ],
    series: [
      series("N", palette.agents, { paths: uPlot.paths.stepped?.({ align: 1 }) }),
      series("avg_exp", palette.experience, { scale: "share" }),
    ],
  }),
  matches: (palette) => ({
    scales: { y: { range: fromZero } },
    axes: [axis(palette, { scale: "y", size: LEFT, incrs: wholeTicks })],
    series: [series("matches_n", withAlpha(palette.matches, 0.5), { width: 1, fill: withAlpha(palette.matches, 0.3), paths: uPlot.paths.stepped?.({ align: 1 }) })],
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
  return {
    ...size,
    legend: { show: false },
    padding: [8, name === "agents" ? 0 : RIGHT, 0, 0],
    cursor: { sync: { key: SYNC_KEY, setSeries: false }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
    scales: { x: { time: false }, ...parts.scales },
    axes: [axis(palette, { size: 28, values: (/** @type {any} */ _, /** @type {number[]} */ marks) => marks.map(countText) }), ...parts.axes],
    series: [{}, ...parts.series],
    hooks,
  };
}
