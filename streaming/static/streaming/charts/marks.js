/** Owns what is marked on charts and timeline alike: bursts, shocks, where nothing was recorded or summed up, and where a run begins. */

import { withAlpha } from "../page/colors.js";
import { text } from "../state/texts.js";

/** @typedef {import("./axis.js").Stretch} Stretch */
/** @typedef {import("../data/segments.js").Span} Span */
/**
 * @typedef {object} Marks
 * @property {import("../state/market-events.js").MarketEvent[]} events by t
 * @property {Span[]} gaps @property {number[]} borders first t of each run
 * @property {Span[]} [unsummed] recorded, and not known yet where it is summed up
 */
/** @typedef {{left: number, top: number, width: number, height: number}} Box */

/** Pixels between two strokes of a hatch. */
const HATCH = 6;

/** Events closer than this are one mark, and if they stand closer than that on the whole, marks are short ones at the top: lines would hide the series. Pixels. */
const [EVENT_ROOM, LINE_ROOM, SHORT] = [4, 12, 6];

/** What is said of a stretch has so much room on either side. Pixels. */
const WORDS_APART = 6;

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

/** In the middle of a box, if there is room for it there. @param {CanvasRenderingContext2D} context @param {string} words @param {Box} box @param {Record<string, string>} palette @param {number} scale device pixels to a pixel */
export function say(context, words, { left, top, width, height }, { panel, muted }, scale) {
  context.save();
  context.font = `${11 * scale}px system-ui, sans-serif`;
  if (context.measureText(words).width + 2 * WORDS_APART * scale <= width) {
    [context.textAlign, context.textBaseline, context.lineJoin] = ["center", "middle", "round"];
    [context.lineWidth, context.strokeStyle, context.fillStyle] = [4 * scale, panel, muted];
    context.strokeText(words, left + width / 2, top + height / 2);
    context.fillText(words, left + width / 2, top + height / 2);
  }
  context.restore();
}

/** Hatched, and said: nothing was recorded. @param {CanvasRenderingContext2D} context @param {Box} box @param {string} stroke @param {Record<string, string>} palette @param {number} scale device pixels to a pixel */
export function drawGap(context, box, stroke, palette, scale) {
  hatch(context, box, palette.panel, stroke, scale);
  say(context, text("gap"), box, palette, scale);
}

/** Veiled, and said: it is recorded, and comes. @param {CanvasRenderingContext2D} context @param {Box} box @param {Record<string, string>} palette @param {number} scale device pixels to a pixel */
export function drawUnsummed(context, box, palette, scale) {
  context.fillStyle = withAlpha(palette.muted, 0.2);
  context.fillRect(box.left, box.top, Math.max(box.width, scale), box.height);
  say(context, text("unsummed"), box, palette, scale);
}

/** @param {CanvasRenderingContext2D} ctx @param {Box} box @param {import("../state/market-events.js").MarketEvent[]} events by t @param {(t: number) => number} x @param {Record<string, string>} palette @param {number} scale */
function drawEvents(ctx, { top, width, height }, events, x, palette, scale) {
  const many = events.length * LINE_ROOM * scale > width;
  const last = { burst: -Infinity, shock: -Infinity };
  for (const { t, to, what } of events) {
    const left = x(t - 0.5);
    if (left < last[what] + EVENT_ROOM * scale) continue;
    last[what] = left;
    ctx.fillStyle = withAlpha(palette[what], what === "burst" && !many ? 0.3 : 0.75);
    ctx.fillRect(left, top, Math.max(x(to + 0.5) - left, 1.5 * scale), many ? SHORT * scale : height);
  }
}

/** Behind the series of a chart. @param {any} plot @param {Stretch} stretch @param {Marks} marks @param {Record<string, string>} palette @param {number} [scale] device pixels to a pixel */
export function drawMarks(plot, stretch, { events, gaps, borders, unsummed = [] }, palette, scale = devicePixelRatio) {
  const { ctx, bbox } = plot;
  const x = (/** @type {number} */ t) => plot.valToPos(t, "x", true);
  const seen = (/** @type {Span} */ span) => span.to_t >= stretch.from && span.from_t <= stretch.to;
  const boxOf = (/** @type {Span} */ { from_t, to_t }) => {
    const [left, width] = hatchOf({ from_t: Math.max(from_t, stretch.from), to_t: Math.min(to_t, stretch.to) }, x);
    return { left, top: bbox.top, width, height: bbox.height };
  };
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const span of unsummed.filter(seen)) drawUnsummed(ctx, boxOf(span), palette, scale);
  for (const gap of gaps.filter(seen)) drawGap(ctx, boxOf(gap), withAlpha(palette.muted, 0.5), palette, scale);
  drawEvents(ctx, bbox, events.filter(({ t, to }) => to >= stretch.from && t <= stretch.to), x, palette, scale);
  ctx.strokeStyle = palette.muted;
  ctx.lineWidth = scale;
  ctx.setLineDash([4 * scale, 3 * scale]);
  ctx.beginPath();
  for (const t of borders) {
    if (t <= stretch.from || t > stretch.to) continue;
    ctx.moveTo(x(t - 0.5), bbox.top);
    ctx.lineTo(x(t - 0.5), bbox.top + bbox.height);
  }
  ctx.stroke();
  ctx.restore();
}
