/** Owns the timeline: the whole recording drawn from its manifest, and dragging, zooming and marking a loop on it. */

import { held, roundNumbers, tOf, xOf, zoomed } from "./axis.js";
import { countText } from "../page/format.js";
import { painter } from "../page/paint.js";
import { withAlpha } from "../page/colors.js";
import { colours, onThemeChange } from "../page/theme.js";

/** Heights in pixels, from the top: the track, the room for numbers, the strip that tells which part of the whole is seen. */
const TRACK = { top: 4, height: 26 };
const NUMBERS_Y = 44;
const STRIP = { top: 53, height: 3 };
const PIXELS_PER_NUMBER = 90;

/** Room at both ends, so that the playhead is whole there. */
const INSET = 9;
const WHEEL_ZOOM = 1.0015;

/** @typedef {import("./axis.js").Stretch} Stretch */
/**
 * @typedef {object} Scene
 * @property {Stretch} whole @property {{start_t: number, end_t: number, pending: boolean}[]} segments
 * @property {import("../data/segments.js").Span[]} gaps @property {import("../data/segments.js").Span[]} unseen where segments are not known
 * @property {import("../state/market-events.js").MarketEvent[]} marketEvents
 * @property {import("../data/segments.js").Span | null} loop @property {Stretch | null} charted @property {number} t
 */

export class TimelineView {
  /** The part that is seen; null for the whole, however it grows. @type {Stretch | null} */ #view = null;
  /** @type {Scene} */ #scene = { whole: { from: 0, to: 1 }, segments: [], unseen: [], gaps: [], marketEvents: [], loop: null, charted: null, t: 0 };
  /** @type {{x: number, loops: boolean, startT: number} | null} */ #drag = null;
  /** @type {number | null} */ #hoverX = null;
  /** As of the last drawing: asking the page for it makes it lay itself out. */ #width = 0;
  #canvas;
  #draw = painter(() => this.#paint());

  /**
   * @param {HTMLElement} slider @param {HTMLCanvasElement} canvas in it
   * @param {{onSeek: (t: number) => void, onLoop: (span: import("../data/segments.js").Span) => void}} hooks
   */
  constructor(slider, canvas, hooks) {
    this.slider = slider;
    this.hooks = hooks;
    this.#canvas = canvas;
    slider.addEventListener("pointerdown", (event) => this.#begin(event));
    slider.addEventListener("pointermove", (event) => this.#move(event));
    slider.addEventListener("pointerup", (event) => this.#end(event));
    slider.addEventListener("pointercancel", () => (this.#drag = null));
    slider.addEventListener("pointerleave", () => this.#hover(null));
    slider.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    new ResizeObserver(this.#draw).observe(slider);
    onThemeChange(this.#draw);
  }

  /** @param {Scene} scene */
  show(scene) {
    this.#scene = scene;
    if (this.#view) this.#view = held(this.#view, scene.whole);
    const { whole, t } = scene;
    const values = { "aria-valuemin": whole.from, "aria-valuemax": whole.to, "aria-valuenow": t, "aria-valuetext": `t ${countText(t)}` };
    for (const [name, value] of Object.entries(values)) this.slider.setAttribute(name, String(value));
    this.#draw();
  }

  /** The stretch that is seen, null for the whole, however it grows. */
  get zoomedTo() {
    return this.#view;
  }

  /** The stretch that is seen. */
  get view() {
    return this.#view ?? this.#scene.whole;
  }

  /** @param {number} factor below 1 shows less @param {number} [around] */
  zoom(factor, around = this.#scene.t) {
    const { whole } = this.#scene;
    const view = zoomed(this.view, whole, around, factor);
    this.#view = view.to - view.from >= whole.to - whole.from ? null : view;
    this.#draw();
  }

  /** Brings t into view. @param {number} t */
  reveal(t) {
    if (!this.#view || this.#drag || (t >= this.#view.from && t <= this.#view.to)) return;
    const half = (this.#view.to - this.#view.from) / 2;
    this.#view = held({ from: t - half, to: t + half }, this.#scene.whole);
  }

  /** Goes along with a playhead that moves on to t; who has panned away from it looks at something else. @param {number} t */
  follow(t) {
    const { from, to } = this.view;
    if (this.#scene.t >= from && this.#scene.t <= to) this.reveal(t);
  }

  /** @param {PointerEvent} event */
  #tAt(event) {
    return Math.round(this.#t(event.clientX - this.slider.getBoundingClientRect().left));
  }

  /** @param {PointerEvent} event */
  #begin(event) {
    if (event.button !== 0) return;
    this.slider.setPointerCapture(event.pointerId);
    this.#drag = { x: event.clientX, loops: event.shiftKey, startT: this.#tAt(event) };
    if (!event.shiftKey) this.hooks.onSeek(this.#drag.startT);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    this.#hover(event.clientX - this.slider.getBoundingClientRect().left);
    if (!this.#drag) return;
    const t = this.#tAt(event);
    const { startT } = this.#drag;
    if (!this.#drag.loops) this.hooks.onSeek(t);
    else if (t !== startT) this.hooks.onLoop({ from_t: Math.min(t, startT), to_t: Math.max(t, startT) });
  }

  /** @param {PointerEvent} event */
  #end(event) {
    if (this.#drag && !this.#drag.loops) this.hooks.onSeek(this.#tAt(event));
    this.#drag = null;
  }

  /** @param {number | null} x */
  #hover(x) {
    this.#hoverX = x;
    this.#draw();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) return this.#pan(event.deltaX);
    this.zoom(WHEEL_ZOOM ** event.deltaY, this.#t(event.clientX - this.slider.getBoundingClientRect().left));
  }

  /** @param {number} pixels */
  #pan(pixels) {
    if (!this.#view) return;
    const by = this.#t(pixels + INSET) - this.#view.from;
    this.#view = held({ from: this.#view.from + by, to: this.#view.to + by }, this.#scene.whole);
    this.#draw();
  }

  #paint() {
    const [width, height] = [this.slider.clientWidth, this.slider.clientHeight];
    if (!width) return;
    this.#width = width;
    const [across, down] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
    if (this.#canvas.width !== across || this.#canvas.height !== down) Object.assign(this.#canvas, { width: across, height: down });
    const context = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#paintTrack(context, width);
    this.#paintMarks(context, width);
    this.#paintNumbers(context, width);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width */
  #paintTrack(context, width) {
    const palette = colours();
    const { segments, unseen, gaps } = this.#scene;
    const [even, odd, open] = [0.16, 0.22, 0.34].map((alpha) => withAlpha(palette.accent, alpha));
    context.fillStyle = even;
    for (const { from_t, to_t } of unseen) {
      const [left, right] = this.#ends(from_t, to_t + 1);
      context.fillRect(left, TRACK.top, right - left, TRACK.height);
    }
    let painted = -Infinity;
    segments.forEach(({ start_t, end_t, pending }, i) => {
      // The newest one goes on to the present, which the manifest tells late.
      const [left, right] = this.#ends(start_t, i === segments.length - 1 ? this.#scene.whole.to : end_t + 1);
      if (right <= 0 || left >= width) return;
      // A year has a hundred thousand: of those within one pixel the first stands for all that are finished.
      if (right <= painted && !pending) return;
      const begin = pending ? left : Math.max(left, painted);
      painted = Math.max(right, begin + 1);
      context.fillStyle = pending ? open : i % 2 ? odd : even;
      context.fillRect(begin, TRACK.top, painted - begin, TRACK.height);
    });
    for (const { from_t, to_t } of gaps) this.#paintGap(context, palette, ...this.#ends(from_t, to_t + 1));
  }

  /** Hatched, and never too narrow to be seen. @param {CanvasRenderingContext2D} context @param {Record<string, string>} palette @param {number} left @param {number} right */
  #paintGap(context, palette, left, right) {
    const wide = Math.max(right - left, 3);
    context.save();
    context.beginPath();
    context.rect(left, TRACK.top, wide, TRACK.height);
    context.fillStyle = palette.panel;
    context.fill();
    context.clip();
    context.strokeStyle = palette.shock;
    context.lineWidth = 1;
    context.beginPath();
    for (let x = left - TRACK.height; x < left + wide; x += 6) {
      context.moveTo(x, TRACK.top + TRACK.height);
      context.lineTo(x + TRACK.height, TRACK.top);
    }
    context.stroke();
    context.restore();
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width */
  #paintMarks(context, width) {
    const palette = colours();
    const { loop, charted, marketEvents, t } = this.#scene;
    if (charted) this.#bracket(context, palette, ...this.#ends(charted.from, charted.to));
    for (const { t: at, what } of marketEvents) {
      context.fillStyle = palette[what];
      context.fillRect(this.#x(at) - 1, TRACK.top, 2, 8);
    }
    if (loop) {
      const [left, right] = this.#ends(loop.from_t, loop.to_t);
      context.fillStyle = withAlpha(palette.experience, 0.3);
      context.fillRect(left, TRACK.top, Math.max(right - left, 2), TRACK.height);
      context.fillStyle = palette.experience;
      for (const x of [left, right]) context.fillRect(x - 1, TRACK.top, 2, TRACK.height);
    }
    this.#playhead(context, palette, this.#x(t));
  }

  /** @param {CanvasRenderingContext2D} context @param {Record<string, string>} palette @param {number} left @param {number} right */
  #bracket(context, palette, left, right) {
    context.fillStyle = withAlpha(palette.ink, 0.07);
    context.fillRect(left, TRACK.top, right - left, TRACK.height);
    context.fillStyle = palette.muted;
    context.fillRect(left, TRACK.top + TRACK.height - 2, right - left, 2);
  }

  /** @param {CanvasRenderingContext2D} context @param {Record<string, string>} palette @param {number} x */
  #playhead(context, palette, x) {
    context.fillStyle = palette.accent;
    context.fillRect(x - 1, TRACK.top - 2, 2, TRACK.height + 4);
    context.beginPath();
    context.arc(x, TRACK.top + TRACK.height / 2, 7, 0, 2 * Math.PI);
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = palette.panel;
    context.stroke();
  }

  /** @param {CanvasRenderingContext2D} context @param {number} width */
  #paintNumbers(context, width) {
    const palette = colours();
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    context.fillStyle = palette.muted;
    for (const number of roundNumbers(this.view, width / PIXELS_PER_NUMBER)) {
      const x = this.#x(number);
      if (x > 18 && x < width - 18) context.fillText(countText(number), x, NUMBERS_Y);
    }
    if (this.#hoverX !== null) this.#paintHover(context, palette, width, this.#hoverX);
    if (this.#view) this.#paintStrip(context, palette, width);
  }

  /** @param {CanvasRenderingContext2D} context @param {Record<string, string>} palette @param {number} width @param {number} x */
  #paintHover(context, palette, width, x) {
    const label = countText(Math.round(this.#t(x)));
    const half = context.measureText(label).width / 2 + 5;
    const centre = Math.min(Math.max(x, half), width - half);
    context.fillStyle = palette.muted;
    context.fillRect(x - 0.5, TRACK.top, 1, TRACK.height);
    context.fillStyle = palette.raised;
    context.fillRect(centre - half, NUMBERS_Y - 11, 2 * half, 15);
    context.fillStyle = palette.ink;
    context.fillText(label, centre, NUMBERS_Y);
  }

  /** @param {CanvasRenderingContext2D} context @param {Record<string, string>} palette @param {number} width */
  #paintStrip(context, palette, width) {
    const { whole } = this.#scene;
    const [left, right] = [this.view.from, this.view.to].map((t) => INSET + xOf(whole, t, width - 2 * INSET));
    context.fillStyle = palette.line;
    context.fillRect(INSET, STRIP.top, width - 2 * INSET, STRIP.height);
    context.fillStyle = palette.muted;
    context.fillRect(left, STRIP.top, Math.max(right - left, 6), STRIP.height);
  }

  /** @param {number} fromT @param {number} toT @returns {[number, number]} */
  #ends(fromT, toT) {
    return [this.#x(fromT), this.#x(toT)];
  }

  /** @param {number} t */
  #x(t) {
    return INSET + xOf(this.view, t, this.#width - 2 * INSET);
  }

  /** @param {number} x pixels from the left */
  #t(x) {
    return tOf(this.view, x - INSET, this.#width - 2 * INSET);
  }
}
