/** Owns the timeline's handling: which part of the recording it shows, and dragging, zooming and marking a loop on it. */

import { held, tOf, zoomed } from "./axis.js";
import { emptyCourse } from "./course.js";
import { INSET, TimelinePainter } from "./timeline-painter.js";
import { countText } from "../page/format.js";
import { painter } from "../page/paint.js";
import { calmMotion, colours, onThemeChange } from "../page/theme.js";

const WHEEL_ZOOM = 1.0015;

/** @typedef {import("./axis.js").Stretch} Stretch */
/** @typedef {import("./timeline-painter.js").Scene} Scene */

export class TimelineView {
  /** The part that is seen; null for the whole, however it grows. @type {Stretch | null} */ #view = null;
  /** @type {Scene} */ #scene = { whole: { from: 0, to: 1 }, course: emptyCourse(), runs: [], gaps: [], unsummed: [], events: [], loop: null, charted: null, t: 0, tsAt: () => null };
  /** Whether someone has moved the view away from the playhead, and looks at something else. */ #left = false;
  #painter = new TimelinePainter();
  /** @type {{x: number, loops: boolean, startT: number} | null} */ #drag = null;
  /** @type {number | null} */ #hoverX = null;
  /** As of the last drawing: asking the page for it makes it lay itself out. */ #width = 0;
  #canvas;
  #draw = painter(() => this.#paint());

  /**
   * @param {HTMLElement} slider @param {HTMLCanvasElement} canvas in it
   * @param {{onSeek: (t: number) => void, onLoop: (span: import("../data/segments.js").Span) => void, onView: () => void}} hooks
   *   `onView` hears that someone has chosen another part
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
    if (!this.#drag) this.#look();
    const { whole, t } = scene;
    const values = { "aria-valuemin": whole.from, "aria-valuemax": whole.to, "aria-valuenow": t, "aria-valuetext": `t ${countText(t)}` };
    for (const [name, value] of Object.entries(values)) this.slider.setAttribute(name, String(value));
    this.#draw();
  }

  /** The stretch that is seen, null for the whole, however it grows. */
  get zoomedTo() {
    return this.#view;
  }

  /** That as an address holds it: in whole ticks, and by its length where it ends with the newest. @returns {{part: Stretch | null, ticks: number | null}} */
  get addressed() {
    if (!this.#view) return { part: null, ticks: null };
    const [from, to] = [Math.round(this.#view.from), Math.round(this.#view.to)];
    return { part: { from, to }, ticks: to - from };
  }

  /** Shows a part of the whole, or so many of its newest ticks; null for all of it. @param {Stretch | number | null} zoom @param {Stretch} whole */
  zoomTo(zoom, whole) {
    const wanted = typeof zoom === "number" ? { from: whole.to - zoom, to: whole.to } : zoom;
    this.#view = wanted && wanted.to - wanted.from < whole.to - whole.from ? held(wanted, whole) : null;
    this.#left = this.#view !== null && typeof zoom !== "number";
    this.#draw();
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
    this.#look();
    this.#draw();
    this.hooks.onView();
  }

  /** Brings t into view, also where the recording reached less far when it was drawn last. @param {number} t */
  reveal(t) {
    this.#left = false;
    if (!this.#view || this.#drag || (t >= this.#view.from && t <= this.#view.to)) return;
    const half = (this.#view.to - this.#view.from) / 2;
    const { from, to } = this.#scene.whole;
    this.#view = held({ from: t - half, to: t + half }, { from: Math.min(from, t), to: Math.max(to, t) });
  }

  /** Goes along with a playhead that moves on to t, unless someone looks elsewhere, or has a hand on the timeline. @param {number} t */
  follow(t) {
    if (this.#left || this.#drag) return;
    const { from, to } = this.view;
    if (this.#view && t > to && t - to < (to - from) / 2) this.#view = { from: from + t - to, to: t };
    else this.reveal(t);
  }

  /** Where someone sees the playhead, it is to be seen further on. */
  #look() {
    const { from, to } = this.view;
    this.#left = this.#scene.t < from || this.#scene.t > to;
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
    this.#look();
    this.#draw();
    this.hooks.onView();
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
    const picture = { scene: this.#scene, view: this.view, zoomed: this.#view !== null, hoverX: this.#hoverX, width, calm: calmMotion(), palette: colours() };
    if (this.#painter.paint(context, picture)) this.#draw();
  }

  /** @param {number} x pixels from the left */
  #t(x) {
    return tOf(this.view, x - INSET, this.#width - 2 * INSET);
  }
}
