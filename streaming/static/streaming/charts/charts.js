/** Owns the charts of a page: one uPlot for each of `CHARTS`, its readouts, the line at the present t and the marks of events. */

import uPlot from "uplot";
import { CHARTS, READOUTS, optionsOf } from "./chart-options.js";
import { priceOf, priceRangeAt, priceSpan } from "../data/messages.js";
import { colours, onThemeChange } from "../page/theme.js";
import { withAlpha } from "../page/colors.js";
import { recordedAt } from "./timeline.js";

/** @typedef {Record<string, Float64Array>} Columns a column for each of `METRIC_COLUMNS` */
/** @typedef {{plot: any, box: HTMLElement, line: HTMLElement, readouts: HTMLElement[]}} Chart */

export class Charts {
  /** @type {Map<string, Chart>} */ #charts = new Map();
  /** @type {Columns} */ #columns = {};
  /** @type {import("./axis.js").Stretch} */ #stretch = { from: 0, to: 1 };
  /** @type {import("../state/market-events.js").MarketEvent[]} */ #marketEvents = [];
  /** @type {number | null} */ #marked = null;

  /**
   * @param {HTMLElement} root holds one `[data-chart=NAME]` per chart, with a `.plot` and a `.readout` for each value told
   * @param {{onPick?: (t: number) => void}} [options] what a click on a chart does
   */
  constructor(root, { onPick } = {}) {
    this.onPick = onPick;
    for (const name of Object.keys(CHARTS)) this.#add(name, /** @type {HTMLElement} */ (root.querySelector(`[data-chart=${name}]`)));
    onThemeChange(() => this.#rebuild());
  }

  /**
   * Draws a stretch of t.
   * @param {Columns} columns a chart keeps no copy @param {import("./axis.js").Stretch} stretch @param {import("../state/market-events.js").MarketEvent[]} marketEvents in it
   * @param {import("../data/messages.js").PriceRange[]} prices of the market's runs
   */
  show(columns, stretch, marketEvents, prices) {
    this.#columns = withPrices(columns, prices);
    this.#stretch = stretch;
    this.#marketEvents = marketEvents;
    for (const [name, { plot }] of this.#charts) this.#fill(name, plot);
    this.mark(this.#marked);
  }

  /** Puts the line at t and shows its values; null for neither. @param {number | null} t */
  mark(t) {
    this.#marked = t;
    for (const { plot, line } of this.#charts.values()) placeLine(plot, line, t, this.#stretch);
    this.#read();
  }

  /** @param {string} name @param {HTMLElement} figure */
  #add(name, figure) {
    const box = /** @type {HTMLElement} */ (figure.querySelector(".plot"));
    const line = document.createElement("div");
    line.className = "now";
    const readouts = /** @type {HTMLElement[]} */ ([...figure.querySelectorAll(".readout")]);
    const plot = this.#make(name, box);
    plot.over.append(line);
    this.#charts.set(name, { box, line, readouts, plot });
    box.addEventListener("click", () => this.#pick(name));
    new ResizeObserver(() => this.#fit(name)).observe(box);
  }

  /** @param {string} name @param {HTMLElement} box */
  #make(name, box) {
    const size = { width: box.clientWidth || 300, height: box.clientHeight || 120 };
    const hooks = {
      drawClear: [(/** @type {any} */ plot) => this.#drawMarketEvents(plot)],
      setCursor: [() => this.#read()],
    };
    return new uPlot(optionsOf(name, colours(), size, hooks), this.#dataOf(name), box);
  }

  /** @param {string} name @returns {any} */
  #dataOf(name) {
    const { t = [] } = this.#columns;
    return [t, ...CHARTS[name].map((column) => this.#columns[column] ?? [])];
  }

  /** @param {string} name @param {any} plot */
  #fill(name, plot) {
    plot.batch(() => {
      plot.setData(this.#dataOf(name), false);
      plot.setScale("x", { min: this.#stretch.from, max: this.#stretch.to });
    });
  }

  /** @param {string} name */
  #fit(name) {
    const { plot, box, line } = /** @type {Chart} */ (this.#charts.get(name));
    if (!box.clientWidth || !box.clientHeight) return;
    plot.setSize({ width: box.clientWidth, height: box.clientHeight });
    placeLine(plot, line, this.#marked, this.#stretch);
  }

  #rebuild() {
    for (const [name, chart] of this.#charts) {
      chart.plot.destroy();
      chart.plot = this.#make(name, chart.box);
      chart.plot.over.append(chart.line);
      this.#fill(name, chart.plot);
    }
    this.mark(this.#marked);
  }

  /** Values under the cursor, else at the marked t, else the newest. */
  #read() {
    const { t = new Float64Array(0) } = this.#columns;
    const [first] = this.#charts.values();
    const under = first?.plot.cursor.idx;
    const index = under ?? (this.#marked === null ? t.length - 1 : recordedAt(t, this.#marked));
    for (const [name, { readouts }] of this.#charts) {
      CHARTS[name].filter((column) => READOUTS[column]).forEach((column, i) => {
        const value = this.#columns[column]?.[index];
        const text = value === undefined || Number.isNaN(value) ? "–" : READOUTS[column](value);
        if (readouts[i].textContent !== text) readouts[i].textContent = text;
      });
    }
  }

  /** Bursts as bands, shocks as lines, behind the series. @param {any} plot */
  #drawMarketEvents(plot) {
    const { ctx, bbox } = plot;
    const palette = colours();
    ctx.save();
    for (const { t, to, what } of this.#marketEvents) {
      const from = plot.valToPos(t, "x", true);
      const width = Math.max(plot.valToPos(to + 1, "x", true) - from, 2 * devicePixelRatio);
      const left = Math.max(from, bbox.left);
      ctx.fillStyle = withAlpha(palette[what], what === "burst" ? 0.3 : 0.75);
      ctx.fillRect(left, bbox.top, Math.min(from + width, bbox.left + bbox.width) - left, bbox.height);
    }
    ctx.restore();
  }

  /** @param {string} name */
  #pick(name) {
    const { plot } = /** @type {Chart} */ (this.#charts.get(name));
    if (this.onPick && plot.cursor.left >= 0) this.onPick(Math.round(plot.posToVal(plot.cursor.left, "x")));
  }
}

/** @param {Columns} columns @param {import("../data/messages.js").PriceRange[]} prices @returns {Columns} */
function withPrices(columns, prices) {
  const ranges = [...columns.t].map((t) => priceRangeAt(prices, t));
  const price = columns.price_norm.map((norm, i) => priceOf(ranges[i], norm));
  const spread = columns.volatility.map((norm, i) => priceSpan(ranges[i], norm));
  return { ...columns, price, price_high: price.map((value, i) => value + spread[i]), price_low: price.map((value, i) => value - spread[i]) };
}

/** @param {any} plot @param {HTMLElement} line @param {number | null} t @param {import("./axis.js").Stretch} stretch */
function placeLine(plot, line, t, { from, to }) {
  line.hidden = t === null || t < from || t > to;
  if (t !== null && !line.hidden) line.style.transform = `translateX(${plot.valToPos(t, "x") - 1}px)`;
}
