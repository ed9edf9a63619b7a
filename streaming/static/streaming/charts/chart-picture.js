/** Owns drawing a chart elsewhere than in its own canvas, so that it can be saved. */

import { trace } from "./chart-options.js";
import { drawMarks } from "./marks.js";
import { withAlpha } from "../page/colors.js";

const FONT = "11px system-ui, sans-serif";

/** A pen that leaves nothing. @type {import("./paths.js").Pen} */
const DRY = { moveTo: () => {}, lineTo: () => {}, closePath: () => {} };

/** @typedef {{left: number, top: number, width: number, height: number}} Box */
/**
 * @typedef {object} Subject
 * @property {any} plot its uPlot @property {import("./chart-options.js").Series[]} series @property {import("./chart-options.js").Scene} scene
 * @property {import("./marks.js").Marks} marks @property {string} words what it shows @property {Record<string, string>} palette
 */

/** What stands above a chart, in one line: each title with what it reads, apart from the next. @param {{words: string, title: boolean}[]} parts @returns {string} */
export function captionOf(parts) {
  const said = parts.map(({ words, title }) => ({ words: words.replace(/\s+/g, " ").trim(), title })).filter(({ words }) => words);
  return said.map(({ words, title }, i) => (i === 0 ? words : `${title ? " · " : " "}${words}`)).join("");
}

/** @param {CanvasRenderingContext2D} context its origin is where the chart begins @param {Subject} subject @param {number} caption room for the words above the plot, in pixels */
export function drawChart(context, subject, caption) {
  const { plot, series, scene, marks, words, palette } = subject;
  const [left, above, width, height] = [plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height].map((length) => length / devicePixelRatio);
  const box = { left, top: caption + above, width, height };
  const at = (/** @type {number} */ value, /** @type {string} */ scale) => plot.valToPos(value, scale) + (scale === "x" ? box.left : box.top);
  context.font = "600 13px system-ui, sans-serif";
  [context.textAlign, context.textBaseline, context.fillStyle] = ["left", "middle", palette.ink];
  context.fillText(words, 8, caption / 2);
  drawMarks({ ctx: context, bbox: box, valToPos: at }, scene.stretch, marks, palette, 1);
  plot.axes.forEach((/** @type {any} */ axis, /** @type {number} */ i) => drawAxis(context, axis, plot, i, box, at, i > 0 && series.length > 1 ? palette[series[i - 1].colour] : palette.muted, palette.line));
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  series.forEach((one, i) => drawSeries(context, one, scene, { x: (t) => at(t, "x"), y: (value) => at(value, `y${i}`) }, palette[one.colour]));
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {import("./chart-options.js").Series} series @param {import("./chart-options.js").Scene} scene @param {{x: (t: number) => number, y: (value: number) => number}} place @param {string} colour */
function drawSeries(context, series, scene, place, colour) {
  [context.fillStyle, context.strokeStyle, context.lineWidth] = [withAlpha(colour, 0.2), colour, 1.5];
  context.beginPath();
  trace(series, scene, place, DRY, context);
  context.fill();
  context.beginPath();
  trace(series, scene, place, context, DRY);
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {any} axis uPlot's @param {any} plot @param {number} i 0 for t @param {Box} box @param {(value: number, scale: string) => number} at @param {string} ink @param {string} line */
function drawAxis(context, axis, plot, i, box, at, ink, line) {
  const marks = axis.splits(plot);
  const words = axis.values(plot, marks);
  [context.font, context.fillStyle, context.strokeStyle, context.lineWidth] = [FONT, ink, line, 1];
  [context.textAlign, context.textBaseline] = [(/** @type {CanvasTextAlign[]} */ (["center", "right", "left"]))[i], "middle"];
  marks.forEach((/** @type {number} */ mark, /** @type {number} */ k) => {
    const place = at(mark, i ? `y${i - 1}` : "x");
    const [x, y] = i ? [i === 1 ? box.left - 6 : box.left + box.width + 6, place] : [place, box.top + box.height + 10];
    context.fillText(words[k], x, y);
    if (i > 1) return;
    context.beginPath();
    context.moveTo(i ? box.left : place, i ? place : box.top);
    context.lineTo(i ? box.left + box.width : place, i ? place : box.top + box.height);
    context.stroke();
  });
}
