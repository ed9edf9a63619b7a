/** Owns the charts of the structure's measures: which are chosen, and what the server tells of them. */

import { BucketFeed } from "./bucket-feed.js";
import { padded } from "./chart-options.js";
import { courseOfAnswer, emptyCourse } from "./course.js";
import { countText, ratioText } from "../page/format.js";

/** Measures that count something. */
const COUNTS = new Set(["communities", "core"]);

/** @typedef {import("./axis.js").Stretch} Stretch */

export class MeasureCharts {
  /** @type {Set<string>} */ #shown = new Set();
  /** @type {Stretch} */ #stretch = { from: 0, to: 1 };

  /**
   * @param {HTMLElement} choice with a box for each measure @param {HTMLTemplateElement} template of a chart
   * @param {{charts: import("./charts.js").Charts, ask: (measures: string[], stretch: Stretch, points: number) => Promise<import("./bucket-feed.js").Answer>,
   *   onChoice: () => void, onAnswer: () => void, onError: (error: Error) => void}} parts
   */
  constructor(choice, template, parts) {
    this.choice = choice;
    this.template = template;
    this.parts = parts;
    const { ask, onAnswer, onError } = parts;
    this.feed = new BucketFeed({ ask: (stretch, points) => ask(this.chosen, stretch, points), onError, onAnswer: () => (this.show(this.#stretch), onAnswer()) });
    choice.addEventListener("change", () => (this.#choose(), parts.onChoice()));
    this.#choose();
  }

  /** @returns {string[]} */
  get chosen() {
    return this.#boxes.filter(({ checked }) => checked).map(({ value }) => value);
  }

  /** Sees to it that the measures of a stretch are known. @param {Stretch} stretch @param {Stretch} whole */
  want(stretch, whole) {
    if (this.#shown.size) this.feed.want(stretch, whole);
  }

  /** Draws what is known of a stretch. @param {Stretch} stretch */
  show(stretch) {
    this.#stretch = stretch;
    const { held } = this.feed;
    for (const name of this.#shown) this.parts.charts.showMeasure(name, held?.[name] ? courseOfAnswer(held, [name], held.t1 + held.bucket - 1) : emptyCourse(), stretch, held?.unsummed ?? []);
  }

  get #boxes() {
    return /** @type {HTMLInputElement[]} */ ([...this.choice.querySelectorAll("input")]);
  }

  #choose() {
    const chosen = new Set(this.chosen);
    for (const name of this.#shown) if (!chosen.has(name)) this.parts.charts.drop(name);
    for (const box of this.#boxes) if (box.checked && !this.#shown.has(box.value)) this.#add(box);
    this.#shown = chosen;
    this.feed.refresh();
    this.show(this.#stretch);
  }

  /** @param {HTMLInputElement} box */
  #add({ value: name, parentElement }) {
    const figure = /** @type {HTMLElement} */ (/** @type {Element} */ (this.template.content.firstElementChild).cloneNode(true));
    const [words, meaning] = ["b", "small"].map((tag) => parentElement?.querySelector(tag)?.textContent ?? "");
    figure.dataset.chart = name;
    figure.title = meaning;
    /** @type {HTMLElement} */ (figure.querySelector(".words")).textContent = words;
    figure.querySelector(".plot")?.setAttribute("aria-label", `${words}: ${meaning}`);
    this.template.before(figure);
    const series = { measure: name, colour: "accent", write: COUNTS.has(name) ? countText : ratioText, range: padded(COUNTS.has(name) ? 2 : 0.02), whole: COUNTS.has(name) };
    this.parts.charts.add(name, figure, [series]);
  }
}
