/** Owns the charts of a page: those of the market and of the structure, with one cursor and one t that is read. */

import { Chart } from "./chart.js";
import { CHARTS } from "./chart-options.js";
import { bucketFor, bucketAt, courseOf } from "./course.js";
import { onThemeChange } from "../page/theme.js";

/** Buckets of the single ticks that a chart draws: all where a line can be followed, few where every tick is another number. */
const MOST = { price: 1300, agents: 1300, matches: 80, depth: 80 };

/** @typedef {import("./course.js").Course} Course */
/** @typedef {import("./axis.js").Stretch} Stretch */
/** @typedef {{from: number, to: number}} Told what a reading tells of */

export class Charts {
  /** @type {Map<string, Chart>} */ #charts = new Map();
  /** Tick by tick, else in buckets. @type {Course} */ #told = { size: 1, from: [], to: [], values: {} };
  /** @type {number | null} */ #marked = null;
  /** @type {number | null} */ #hovered = null;
  /** @type {import("./marks.js").Marks} */ #marks = { events: [], gaps: [], borders: [] };

  /**
   * @param {HTMLElement} root holds one `[data-chart=NAME]` per chart
   * @param {{onPick: (t: number) => void, onRead: (told: Told | null, hovered: boolean) => void}} hooks
   *   what a click does; `onRead` hears of which t the readouts tell, null for none
   */
  constructor(root, hooks) {
    this.root = root;
    this.hooks = hooks;
    for (const [name, series] of Object.entries(CHARTS)) this.add(name, /** @type {HTMLElement} */ (root.querySelector(`[data-chart=${name}]`)), series);
    onThemeChange(() => {
      for (const chart of this.#charts.values()) chart.rebuild();
    });
  }

  /** @param {string} name @param {HTMLElement} figure @param {import("./chart-options.js").Series[]} series */
  add(name, figure, series) {
    const hooks = { onPick: this.hooks.onPick, onHover: (/** @type {number | null} */ t) => this.#hover(t), marks: () => this.#marks };
    this.#charts.set(name, new Chart(figure, series, hooks, true));
  }

  /** How much room all charts take, also those that are scrolled away. Pixels. */
  get size() {
    return { width: this.root.scrollWidth, height: this.root.scrollHeight };
  }

  /** Draws all charts elsewhere too. @param {CanvasRenderingContext2D} context */
  drawOn(context) {
    const { left, top } = this.root.getBoundingClientRect();
    for (const chart of this.#charts.values()) chart.drawOn(context, { left, top: top - this.root.scrollTop });
  }

  /** @param {string} name */
  drop(name) {
    this.#charts.get(name)?.remove();
    this.#charts.delete(name);
  }

  /**
   * Draws a stretch of the market.
   * @param {{columns: Record<string, ArrayLike<number>> & {t: ArrayLike<number>}, step: number, part: boolean} | null} rows tick by tick; null where only the summed course is known. Where they are only a part of the stretch they tell values, and the course is drawn
   * @param {Course} summed @param {Stretch} stretch @param {import("./marks.js").Marks} marks what is unsummed is of the summed course
   */
  show(rows, summed, stretch, { unsummed = [], ...marks }) {
    this.#marks = marks;
    const { borders } = marks;
    const drawn = rows && !rows.part ? rows : null;
    const exact = rows && courseOf(rows.columns, MEASURES, 1, rows.step, borders);
    if (exact) addSpread(exact, rows.columns);
    this.#told = exact ?? summed;
    for (const name of Object.keys(CHARTS)) {
      const size = bucketFor(stretch, MOST[/** @type {keyof typeof MOST} */ (name)]);
      const measures = CHARTS[name].map(({ measure }) => measure);
      const course = drawn ? (size <= drawn.step ? /** @type {Course} */ (exact) : courseOf(drawn.columns, measures, size, drawn.step, borders)) : summed;
      this.#charts.get(name)?.show({ course, exact, stretch, borders, unsummed: drawn ? [] : unsummed });
    }
    this.root.dataset.band = drawn && bucketFor(stretch, MOST.price) <= drawn.step ? "volatility" : "range";
    this.mark(this.#marked);
  }

  /** Draws the course of a measure of the structure. @param {string} name @param {Course} course @param {Stretch} stretch @param {import("../data/segments.js").Span[]} unsummed */
  showMeasure(name, course, stretch, unsummed) {
    this.#charts.get(name)?.show({ course, exact: null, stretch, borders: this.#marks.borders, unsummed });
  }

  /** Puts the line at t and shows its values; null for neither, and for the values of the newest. @param {number | null} t */
  mark(t) {
    this.#marked = t;
    for (const chart of this.#charts.values()) chart.mark(t);
    this.#read();
  }

  /** @param {number | null} t */
  #hover(t) {
    this.#hovered = t;
    this.#read();
  }

  /** Values under the pointer, else at the marked t, else the newest. */
  #read() {
    const t = this.#hovered ?? this.#marked ?? this.#told.to.at(-1) ?? null;
    for (const chart of this.#charts.values()) chart.read(this.#hovered ?? this.#marked ?? chart.newestT);
    const bucket = t === null ? -1 : bucketAt(this.#told, t);
    const told = bucket >= 0 ? { from: this.#told.from[bucket], to: this.#told.to[bucket] } : t === null ? null : { from: t, to: t };
    this.hooks.onRead(told, this.#hovered !== null);
  }
}

const MEASURES = Object.values(CHARTS).flatMap((series) => series.map(({ measure }) => measure));

/** Around each price what its volatility spans. @param {Course} exact @param {Record<string, ArrayLike<number>>} columns */
function addSpread(exact, { price, spread }) {
  const [low, high] = [-1, 1].map((sign) => Float64Array.from(price, (value, i) => value + sign * spread[i]));
  exact.values.spread = { mean: price, min: low, max: high };
}
