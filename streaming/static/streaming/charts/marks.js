/** Owns what is marked on charts and timeline alike: bursts, shocks, where nothing was recorded, and where a run begins. */

import { withAlpha } from "../page/colors.js";

/** @typedef {import("./axis.js").Stretch} Stretch */
/** @typedef {import("../data/segments.js").Span} Span */
/**
 * @typedef {object} Marks
 * @property {import("../state/market-events.js").MarketEvent[]} events by t
 * @property {Span[]} gaps @property {number[]} borders first t of each run
 */
/** @typedef {{left: number, top: number, width: number, height: number}} Box */

/** Pixels between two strokes of a hatch. */
const HATCH = 6;

/** Exactly as wide as what is missing, from half a tick before its first to half a tick behind its last; a line at least. @param {Span} gap @param {(t: number) => number} x @returns {[number, number]} left and width in pixels */
export function hatchOf({ from_t, to_t }, x) {
  const left = x(from_t - 0.5);
  return [left, Math.max(x(to_t + 0.5) - left, 1)];
}

/** @param {CanvasRenderingContext2D} context @param {Box} box @param {string} ground @param {string} stroke @param {number} scale device pixels to a pixel */
export function hatch(context, { left, top, width, height }, ground, stroke, scale) {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.fillStyle = ground;
  context.fill();
  context.clip();
  context.strokeStyle = stroke;
  context.lineWidth = scale;
  context.beginPath();
  const step = HATCH * scale;
  // The strokes keep their place while the hatch moves.
  for (let x = Math.floor((left - height) / step) * step; x < left + width; x += step) {
    context.moveTo(x, top + height);
    context.lineTo(x + height, top);
  }
  context.stroke();
  context.restore();
}

/** Behind the series of a chart. @param {any} plot @param {Stretch} stretch @param {Marks} marks @param {Record<string, string>} palette */
export function drawMarks(plot, stretch, { events, gaps, borders }, palette) {
  const { ctx, bbox } = plot;
  const x = (/** @type {number} */ t) => plot.valToPos(t, "x", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const gap of gaps) {
    if (gap.to_t < stretch.from || gap.from_t > stretch.to) continue;
    const [left, width] = hatchOf({ from_t: Math.max(gap.from_t, stretch.from - 1), to_t: Math.min(gap.to_t, stretch.to + 1) }, x);
    hatch(ctx, { left, top: bbox.top, width, height: bbox.height }, palette.panel, withAlpha(palette.muted, 0.5), devicePixelRatio);
  }
  for (const { t, to, what } of events) {
    const left = x(t - 0.5);
    ctx.fillStyle = withAlpha(palette[what], what === "burst" ? 0.3 : 0.75);
    ctx.fillRect(left, bbox.top, Math.max(x(to + 0.5) - left, 1.5 * devicePixelRatio), bbox.height);
  }
  ctx.strokeStyle = palette.muted;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  for (const t of borders) {
    if (t <= stretch.from || t > stretch.to) continue;
    ctx.moveTo(x(t - 0.5), bbox.top);
    ctx.lineTo(x(t - 0.5), bbox.top + bbox.height);
  }
  ctx.stroke();
  ctx.restore();
}
