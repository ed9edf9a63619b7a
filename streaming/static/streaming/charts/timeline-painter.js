/** Owns how the timeline looks: the price over the recording, its gaps, runs and events, what the charts show, and the playhead. */

import { bucketAt, extremes, pieces, within } from "./course.js";
import { roundNumbers, xOf } from "./axis.js";
import { drawGap, drawUnsummed, hatchOf } from "./marks.js";
import { drawArea, drawLine } from "./paths.js";
import { withAlpha } from "../page/colors.js";
import { countText, momentText, priceText } from "../page/format.js";

/** Heights in pixels, from the top: marks of events, the track, numbers, the strip that tells which part of the whole is seen. */
const EVENTS = { top: 1, height: 8 };
const TRACK = { top: 11, height: 42 };
const NUMBERS_Y = 66;
const STRIP = { top: 73, height: 3 };
const PIXELS_PER_NUMBER = 90;

/** Room at both ends, so that the playhead is whole there. */
export const INSET = 9;

/** The least price stands at the beginning of the track, in so many pixels. */
const BOUNDS_ROOM = 70;

/** The name of a run is written where there is this much room for it, in pixels. */
const RUN_ROOM = 46;

/** Marks of events closer than this are one, and closer than that on the whole they are no lines through the track. Pixels. */
const [EVENT_ROOM, LINE_ROOM] = [8, 12];

/** The share of the way that the price's scale goes in one drawing: it follows what is in view without a jump. */
const EASE = 0.25;

/** It is there where it is as near as this: by the span in view, by the price itself, where that is flat, or by less than any price tells. */
const NEAR = { span: 1 / 200, price: 1e-9, least: 1e-12 };

/** @typedef {import("./axis.js").Stretch} Stretch */
/** @typedef {import("./course.js").Course} Course */
/**
 * What the timeline shows.
 * @typedef {object} Scene
 * @property {Stretch} whole @property {Course} course with `price` @property {{t: number, source: string}[]} runs
 * @property {import("../data/segments.js").Span[]} gaps @property {import("../data/segments.js").Span[]} unsummed recorded, and in no bucket yet
 * @property {import("../state/market-events.js").MarketEvent[]} events by t
 * @property {import("../data/segments.js").Span | null} loop @property {Stretch | null} charted what the charts show
 * @property {number} t @property {(t: number) => number | null} tsAt Unix seconds
 */
/** @typedef {{scene: Scene, view: Stretch, zoomed: boolean, hoverX: number | null, width: number, calm: boolean, palette: Record<string, string>}} Picture */

export class TimelinePainter {
  /** The prices at the bottom and at the top of the track. @type {[number, number] | null} */ #range = null;

  /** @param {CanvasRenderingContext2D} context @param {Picture} picture @returns {boolean} whether the scale is still on its way */
  paint(context, picture) {
    const { scene, view, width, palette } = picture;
    const x = (/** @type {number} */ t) => INSET + xOf(view, t, width - 2 * INSET);
    const moving = this.#scale(picture);
    context.font = "11px system-ui, sans-serif";
    paintGround(context, picture, x);
    if (this.#range) paintPrice(context, scene, view, palette, x, this.#range);
    paintUnsummed(context, scene, view, palette, x);
    paintGaps(context, scene, view, palette, x);
    paintRuns(context, scene, view, palette, x);
    if (this.#range) paintBounds(context, this.#range, palette);
    paintEvents(context, scene, view, palette, x);
    paintLoop(context, scene, palette, x);
    paintPlayhead(context, palette, x(scene.t));
    paintNumbers(context, view, width, palette, x);
    if (picture.hoverX !== null) paintHover(context, picture, picture.hoverX);
    if (picture.zoomed) paintStrip(context, picture);
    return moving;
  }

  /** @param {Picture} picture */
  #scale({ scene, view, calm }) {
    const wanted = extremes(scene.course, "price", view);
    if (!wanted || !this.#range || calm) {
      this.#range = wanted ?? this.#range;
      return false;
    }
    const [low, high] = this.#range.map((value, i) => value + EASE * (wanted[i] - value));
    const rest = Math.max(NEAR.span * (wanted[1] - wanted[0]), NEAR.price * Math.abs(wanted[1]), NEAR.least);
    const near = Math.max(Math.abs(low - wanted[0]), Math.abs(high - wanted[1])) < rest;
    this.#range = near ? wanted : [low, high];
    return !near;
  }
}

/** @typedef {(t: number) => number} X */
/** @typedef {CanvasRenderingContext2D} Context */
/** @typedef {Record<string, string>} Palette */

/** @param {Context} context @param {Picture} picture @param {X} x */
function paintGround(context, { scene, view, width, palette }, x) {
  context.fillStyle = withAlpha(palette.ink, 0.05);
  context.fillRect(INSET, TRACK.top, width - 2 * INSET, TRACK.height);
  // Where the charts show all that is in view there is no part to point at.
  if (!scene.charted || (scene.charted.from <= view.from && scene.charted.to >= view.to)) return;
  const [left, right] = [Math.max(x(scene.charted.from), INSET), Math.min(x(scene.charted.to), width - INSET)];
  if (right <= left) return;
  context.fillStyle = withAlpha(palette.accent, 0.16);
  context.fillRect(left, TRACK.top, right - left, TRACK.height);
  context.fillStyle = withAlpha(palette.accent, 0.8);
  context.fillRect(left, TRACK.top + TRACK.height, Math.max(right - left, 2), 2);
}

/** @param {Context} context @param {Scene} scene @param {Stretch} view @param {Palette} palette @param {X} x @param {[number, number]} range */
function paintPrice(context, { course, runs }, view, palette, x, [low, high]) {
  if (!course.values.price) return;
  const span = high - low || 1;
  const room = TRACK.height - 6;
  const y = (/** @type {number} */ value) => TRACK.top + 3 + room * (high === low ? 0.5 : 1 - (value - low) / span);
  const { mean, min, max } = course.values.price;
  const place = { x, y, pieces: pieces(course, "price", runs.map(({ t }) => t), within(course, view)) };
  context.save();
  context.beginPath();
  context.rect(INSET, TRACK.top, x(view.to) - INSET, TRACK.height);
  context.clip();
  context.fillStyle = withAlpha(palette.price, 0.35);
  context.beginPath();
  drawArea(context, course, min, max, place);
  context.fill();
  context.strokeStyle = palette.price;
  context.lineWidth = 1.25;
  context.lineJoin = "round";
  context.beginPath();
  drawLine(context, course, mean, place);
  context.stroke();
  context.restore();
}

/** @param {Context} context @param {Scene} scene @param {Stretch} view @param {Palette} palette @param {X} x */
function paintGaps(context, { gaps }, view, palette, x) {
  for (const gap of gaps) {
    if (gap.to_t < view.from || gap.from_t > view.to) continue;
    const seen = { from_t: Math.max(gap.from_t, view.from + 0.5), to_t: Math.min(gap.to_t, view.to - 0.5) };
    const [left, width] = hatchOf(seen, x);
    drawGap(context, { left, top: TRACK.top, width, height: TRACK.height }, palette.muted, palette, 1);
  }
}

/** @param {Context} context @param {Scene} scene @param {Stretch} view @param {Palette} palette @param {X} x */
function paintUnsummed(context, { unsummed }, view, palette, x) {
  for (const { from_t, to_t } of unsummed) {
    if (to_t < view.from || from_t > view.to) continue;
    const left = x(Math.max(from_t, view.from));
    drawUnsummed(context, { left, top: TRACK.top, width: x(Math.min(to_t, view.to)) - left, height: TRACK.height }, palette, 1);
  }
}

/** Each run begins with a border, and has its name where there is room for it. @param {Context} context @param {Scene} scene @param {Stretch} view @param {Palette} palette @param {X} x */
function paintRuns(context, { runs, whole }, view, palette, x) {
  context.textAlign = "left";
  context.lineWidth = 1;
  context.strokeStyle = palette.muted;
  runs.forEach(({ t, source }, i) => {
    const end = Math.min(x(runs[i + 1]?.t ?? whole.to), x(view.to));
    const left = Math.max(x(t - 0.5), INSET);
    if (end <= left || x(t) > x(view.to)) return;
    if (i > 0 && x(t - 0.5) >= INSET) dashed(context, Math.round(left) + 0.5);
    if (runs.length > 1 && end - left > RUN_ROOM + (i > 0 ? 0 : BOUNDS_ROOM)) name(context, source, i > 0 ? left + 5 : INSET + BOUNDS_ROOM, end - left - 10 - (i > 0 ? 0 : BOUNDS_ROOM), palette);
  });
}

/** @param {Context} context @param {number} x */
function dashed(context, x) {
  context.save();
  context.setLineDash([4, 3]);
  context.beginPath();
  context.moveTo(x, TRACK.top - 4);
  context.lineTo(x, TRACK.top + TRACK.height + 4);
  context.stroke();
  context.restore();
}

/** @param {Context} context @param {string} words @param {number} x @param {number} room pixels @param {Palette} palette */
function name(context, words, x, room, palette) {
  let shown = words;
  while (shown.length > 3 && context.measureText(shown).width > room) shown = `${shown.slice(0, -2).replace(/…$/, "")}…`;
  outlined(context, shown, x, TRACK.top + TRACK.height - 5, palette);
}

/** Text that is read on whatever lies below it. @param {Context} context @param {string} words @param {number} x @param {number} y @param {Palette} palette */
function outlined(context, words, x, y, palette) {
  context.save();
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = palette.panel;
  context.strokeText(words, x, y);
  context.fillStyle = palette.muted;
  context.fillText(words, x, y);
  context.restore();
}

/** The least and the greatest price in view. @param {Context} context @param {[number, number]} range @param {Palette} palette */
function paintBounds(context, [low, high], palette) {
  context.textAlign = "left";
  outlined(context, priceText(high), INSET + 4, TRACK.top + 11, palette);
  if (high > low) outlined(context, priceText(low), INSET + 4, TRACK.top + TRACK.height - 4, palette);
}

/** @param {Context} context @param {Scene} scene @param {Stretch} view @param {Palette} palette @param {X} x */
function paintEvents(context, { events }, view, palette, x) {
  const free = { burst: -Infinity, shock: -Infinity };
  // So many lines would hide the price; the marks above it are enough then.
  const many = events.filter(({ t, to }) => to >= view.from && t <= view.to).length * LINE_ROOM > x(view.to) - x(view.from);
  for (const { t, to, what } of events) {
    if (to < view.from || t > view.to) continue;
    const at = Math.max(x(t), INSET);
    if (at < free[what] + EVENT_ROOM) continue;
    free[what] = at;
    if (!many) {
      context.fillStyle = withAlpha(palette[what], 0.35);
      context.fillRect(at - 0.5, TRACK.top, 1, TRACK.height);
    }
    context.fillStyle = palette[what];
    context.beginPath();
    const [top, middle] = [EVENTS.top, EVENTS.top + EVENTS.height / 2];
    if (what === "burst") context.rect(at - 3, top + 1, 6, EVENTS.height - 2);
    else [[at, top], [at + 4, middle], [at, top + EVENTS.height], [at - 4, middle]].forEach(([across, down]) => context.lineTo(across, down));
    context.fill();
  }
}

/** @param {Context} context @param {Scene} scene @param {Palette} palette @param {X} x */
function paintLoop(context, { loop }, palette, x) {
  if (!loop) return;
  const [left, right] = [x(loop.from_t), x(loop.to_t)];
  context.fillStyle = withAlpha(palette.experience, 0.3);
  context.fillRect(left, TRACK.top, Math.max(right - left, 2), TRACK.height);
  context.fillStyle = palette.experience;
  for (const end of [left, right]) context.fillRect(end - 1, TRACK.top, 2, TRACK.height);
}

/** @param {Context} context @param {Palette} palette @param {number} x */
function paintPlayhead(context, palette, x) {
  context.fillStyle = palette.accent;
  context.fillRect(x - 1, TRACK.top - 3, 2, TRACK.height + 6);
  context.beginPath();
  context.arc(x, TRACK.top + TRACK.height / 2, 7, 0, 2 * Math.PI);
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = palette.panel;
  context.stroke();
}

/** @param {Context} context @param {Stretch} view @param {number} width @param {Palette} palette @param {X} x */
function paintNumbers(context, view, width, palette, x) {
  context.textAlign = "center";
  context.fillStyle = palette.muted;
  for (const number of roundNumbers(view, width / PIXELS_PER_NUMBER)) {
    const at = x(number);
    if (at > 22 && at < width - 22) context.fillText(countText(number), at, NUMBERS_Y);
  }
}

/** The moment and the price under the pointer. @param {Context} context @param {Picture} picture @param {number} x */
function paintHover(context, { scene, view, width, palette }, x) {
  const t = Math.round(view.from + ((x - INSET) / Math.max(width - 2 * INSET, 1)) * (view.to - view.from));
  const [price, ts] = [scene.course.values.price?.mean[bucketAt(scene.course, t)], scene.tsAt(t)];
  const label = [`t ${countText(t)}`, price === undefined ? "" : priceText(price), ts === null ? "" : momentText(ts)].filter(Boolean).join(" · ");
  const half = context.measureText(label).width / 2 + 6;
  const centre = Math.min(Math.max(x, half), width - half);
  context.fillStyle = palette.muted;
  context.fillRect(x - 0.5, TRACK.top, 1, TRACK.height);
  context.fillStyle = palette.raised;
  context.fillRect(centre - half, NUMBERS_Y - 12, 2 * half, 17);
  context.textAlign = "center";
  context.fillStyle = palette.ink;
  context.fillText(label, centre, NUMBERS_Y);
}

/** @param {Context} context @param {Picture} picture */
function paintStrip(context, { scene, view, width, palette }) {
  const [left, right] = [view.from, view.to].map((t) => INSET + xOf(scene.whole, t, width - 2 * INSET));
  context.fillStyle = palette.line;
  context.fillRect(INSET, STRIP.top, width - 2 * INSET, STRIP.height);
  context.fillStyle = palette.muted;
  context.fillRect(left, STRIP.top, Math.max(right - left, 6), STRIP.height);
}
