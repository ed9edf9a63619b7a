/** Owns one chart: its uPlot, its readouts, the line at the present t, and what is marked behind its series. */

import uPlot from "uplot";
import { dataOf, optionsOf, readingOf } from "./chart-options.js";
import { emptyCourse } from "./course.js";
import { captionOf, drawChart } from "./chart-picture.js";
import { drawMarks } from "./marks.js";
import { colours } from "../page/theme.js";

/** Every chart of a page shares one cursor. */
const SYNC_KEY = "t";

/** @typedef {import("./chart-options.js").Series} Series */
/** @typedef {import("./chart-options.js").Scene} Scene */
/** @typedef {import("./marks.js").Marks} Marks */
/** @typedef {{onPick: (t: number) => void, onHover: (t: number | null) => void, marks: () => Marks}} Hooks */

export class Chart {
  /** @type {Scene} */ #scene = { course: emptyCourse(), exact: null, stretch: { from: 0, to: 1 }, borders: [], unsummed: [] };
  /** @type {number | null} */ #marked = null;
  #line = document.createElement("div");

  /** @param {HTMLElement} figure with a `.plot` and a `.readout` for each series @param {Series[]} series @param {Hooks} hooks @param {boolean} last whether the numbers of t stand below it */
  constructor(figure, series, hooks, last) {
    this.figure = figure;
    this.series = series;
    this.hooks = hooks;
    this.last = last;
    this.box = /** @type {HTMLElement} */ (figure.querySelector(".plot"));
    this.readouts = [...figure.querySelectorAll(".readout")];
    this.#line.className = "now";
    this.plot = this.#make();
    this.box.addEventListener("click", (event) => hooks.onPick(this.#tAt(event)));
    this.box.addEventListener("pointermove", (event) => hooks.onHover(this.#tAt(event)));
    for (const over of ["pointerleave", "pointercancel"]) this.box.addEventListener(over, () => hooks.onHover(null));
    this.resizes = new ResizeObserver(() => this.#fit());
    this.resizes.observe(this.box);
  }

  /** @param {Scene} scene */
  show(scene) {
    Object.assign(this.#scene, scene);
    const { from, to } = scene.stretch;
    this.plot.batch(() => {
      this.plot.setData(dataOf(this.series, scene), false);
      this.plot.setScale("x", { min: from, max: to });
    });
    this.#placeLine();
  }

  /** The last t that it tells of. @returns {number | null} null without any */
  get newestT() {
    return (this.#scene.exact ?? this.#scene.course).to.at(-1) ?? null;
  }

  get #marks() {
    return { ...this.hooks.marks(), unsummed: this.#scene.unsummed };
  }

  /** Puts the line at t; null for none. @param {number | null} t */
  mark(t) {
    this.#marked = t;
    this.#placeLine();
  }

  /** Shows the values of t; null for none. @param {number | null} t */
  read(t) {
    this.series.forEach((series, i) => {
      const words = t === null ? "–" : readingOf(series, this.#scene, t);
      if (this.readouts[i].textContent !== words) this.readouts[i].textContent = words;
    });
  }

  /** Draws with the colours there are now. */
  rebuild() {
    this.plot.destroy();
    this.plot = this.#make();
    this.show(this.#scene);
  }

  /** Draws what is seen elsewhere too. @param {CanvasRenderingContext2D} context @param {{left: number, top: number}} origin of all charts, as the window has it */
  drawOn(context, { left, top }) {
    const [figure, box] = [this.figure.getBoundingClientRect(), this.box.getBoundingClientRect()];
    const parts = /** @type {HTMLElement[]} */ ([...this.figure.querySelectorAll("figcaption > *")]);
    const words = captionOf(parts.map(({ innerText, classList }) => ({ words: innerText, title: classList.contains("title") })));
    context.save();
    context.translate(box.left - left, figure.top - top);
    drawChart(context, { plot: this.plot, series: this.series, scene: this.#scene, marks: this.#marks, words, palette: colours() }, box.top - figure.top);
    context.restore();
  }

  remove() {
    this.resizes.disconnect();
    this.plot.destroy();
    this.figure.remove();
  }

  #make() {
    const size = { width: this.box.clientWidth || 300, height: this.box.clientHeight || 120 };
    const hooks = { drawClear: [(/** @type {any} */ plot) => drawMarks(plot, this.#scene.stretch, this.#marks, colours())] };
    const look = { series: this.series, scene: this.#scene, last: this.last, key: SYNC_KEY };
    const plot = /** @type {any} */ (new uPlot(optionsOf(look, colours(), size, hooks), dataOf(this.series, this.#scene), this.box));
    plot.over.append(this.#line);
    return plot;
  }

  /** @param {MouseEvent} event */
  #tAt(event) {
    const { left, width } = this.plot.over.getBoundingClientRect();
    return Math.round(this.plot.posToVal(Math.min(Math.max(event.clientX - left, 0), width), "x"));
  }

  #fit() {
    if (!this.box.clientWidth || !this.box.clientHeight) return;
    this.plot.setSize({ width: this.box.clientWidth, height: this.box.clientHeight });
    this.#placeLine();
  }

  #placeLine() {
    const t = this.#marked;
    const { from, to } = this.#scene.stretch;
    this.#line.hidden = t === null || t < from || t > to;
    if (t !== null && !this.#line.hidden) this.#line.style.transform = `translateX(${this.plot.valToPos(t, "x") - 1}px)`;
  }
}
