/** Owns the charts of a page: one uPlot for each of `CHARTS`, its readouts, and the line that marks a t. */

import uPlot from "uplot";
import { CHARTS, READOUTS, optionsOf } from "./chart-options.js";
import { priceOf } from "./messages.js";
import { colours, onThemeChange } from "./theme.js";
import { lastAtOrBefore } from "./timeline.js";

/** @typedef {(name: string) => Float64Array} ColumnSource */

export class Charts {
  /** @type {Map<string, {plot: any, box: HTMLElement, outputs: HTMLOutputElement[]}>} */
  #charts = new Map();
  /** @type {Record<string, Float64Array>} */ #columns = {};
  /** @type {number | null} */ #marked = null;

  /**
   * @param {HTMLElement} root holds one `[data-chart=NAME]` per chart, with a `.plot` and an output for each series
   * @param {{onPick?: (t: number) => void}} [options] what a click on a chart does
   */
  constructor(root, { onPick } = {}) {
    this.onPick = onPick;
    for (const name of Object.keys(CHARTS)) this.#add(name, /** @type {HTMLElement} */ (root.querySelector(`[data-chart=${name}]`)));
    onThemeChange(() => this.#rebuild());
  }

  /** @param {ColumnSource} column of metrics; a chart keeps no copy */
  show(column) {
    const names = ["t", "N", "avg_exp", "matches_n"];
    this.#columns = Object.fromEntries(names.map((name) => [name, column(name)]));
    this.#columns.price = column("price_norm").map(priceOf);
    for (const [name, { plot }] of this.#charts) plot.setData(this.#dataOf(name));
    this.#read();
  }

  /** Draws a line at t on every chart and shows its values. @param {number} t */
  mark(t) {
    this.#marked = t;
    for (const { plot } of this.#charts.values()) plot.redraw(false, false);
    this.#read();
  }

  /** @param {string} name @param {HTMLElement} figure */
  #add(name, figure) {
    const box = /** @type {HTMLElement} */ (figure.querySelector(".plot"));
    const outputs = [...figure.querySelectorAll("output")];
    this.#charts.set(name, { box, outputs, plot: this.#make(name, box) });
    box.addEventListener("click", () => this.#pick(name));
    new ResizeObserver(() => this.#fit(name)).observe(box);
  }

  /** @param {string} name @param {HTMLElement} box */
  #make(name, box) {
    const size = { width: box.clientWidth || 300, height: box.clientHeight || 120 };
    const hooks = {
      draw: [(/** @type {any} */ plot) => this.#drawMark(plot)],
      setCursor: [() => this.#read()],
    };
    return new uPlot(optionsOf(name, colours(), size, hooks), this.#dataOf(name), box);
  }

  /** @param {string} name @returns {any} */
  #dataOf(name) {
    const { t = [] } = this.#columns;
    return [t, ...CHARTS[/** @type {keyof typeof CHARTS} */ (name)].map((column) => this.#columns[column] ?? [])];
  }

  /** @param {string} name */
  #fit(name) {
    const { plot, box } = /** @type {any} */ (this.#charts.get(name));
    if (box.clientWidth && box.clientHeight) plot.setSize({ width: box.clientWidth, height: box.clientHeight });
  }

  #rebuild() {
    for (const [name, chart] of this.#charts) {
      chart.plot.destroy();
      chart.plot = this.#make(name, chart.box);
    }
  }

  /** Values under the cursor, else at the marked t, else the newest. */
  #read() {
    const { t = new Float64Array(0) } = this.#columns;
    for (const [name, { plot, outputs }] of this.#charts) {
      const index = plot?.cursor.idx ?? (this.#marked === null ? t.length - 1 : lastAtOrBefore(t, this.#marked));
      CHARTS[/** @type {keyof typeof CHARTS} */ (name)].forEach((column, i) => {
        const value = this.#columns[column]?.[index];
        outputs[i].textContent = value === undefined ? "–" : READOUTS[column](value);
      });
    }
  }

  /** @param {any} plot */
  #drawMark(plot) {
    if (this.#marked === null || !plot.data[0].length) return;
    const { ctx, bbox } = plot;
    const x = Math.round(plot.valToPos(this.#marked, "x", true)) + 0.5;
    ctx.save();
    ctx.strokeStyle = colours().accent;
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  /** @param {string} name */
  #pick(name) {
    const { plot } = /** @type {any} */ (this.#charts.get(name));
    if (this.onPick && plot.cursor.idx !== null) this.onPick(plot.data[0][plot.cursor.idx]);
  }
}
