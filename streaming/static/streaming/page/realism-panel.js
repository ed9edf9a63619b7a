/** Owns the panel that asks whether the returns in view are like those of real markets; asks only while it is open. */

import { realismOf } from "../data/realism.js";
import { countText } from "./format.js";
import { Settling } from "./settling.js";
import { text } from "../state/texts.js";

/** A timeline that is being zoomed has many stretches on its way, and one that follows the present never rests. */
const WAITS = { pauseMs: 400, longestMs: 5000 };

/** Bars of a second are new each second; nobody sees so small a change of a statistic. Milliseconds. */
const REFRESH_MS = 20_000;

const GRAPHIC = { width: 96, height: 12 };
const SVG = "http://www.w3.org/2000/svg";

/** @typedef {import("../data/realism.js").Fact} Fact */
/** @typedef {import("../data/realism.js").Card} Card */
/** @typedef {import("../charts/axis.js").Stretch} Stretch */

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class RealismPanel {
  #panel = /** @type {HTMLDetailsElement} */ (element("realism"));
  /** The stretch seen last. */ #seen = "";
  /** The number of the question asked last: an answer to an earlier one counts no more. */ #question = 0;
  /** Whether it was opened and has nothing to be read yet. */ #opened = false;
  #asking = new Settling(() => this.#ask(), WAITS);

  /** @param {{symbol: string, stretch: () => Stretch | null, onError: (error: Error) => void}} parts `stretch` is what the timeline shows, null for the whole */
  constructor(parts) {
    this.parts = parts;
    this.#panel.addEventListener("toggle", () => {
      this.#opened = this.#panel.open;
      if (this.#isRead) this.#asking.atOnce();
    });
    setInterval(() => this.#isRead && this.#asking.atOnce(), REFRESH_MS);
  }

  get #isRead() {
    return this.#panel.open && document.visibilityState !== "hidden";
  }

  /** Asks where the stretch in view is another one. */
  look() {
    if (!this.#isRead) return;
    const seen = JSON.stringify(this.parts.stretch());
    if (seen !== this.#seen) this.#asking.changed();
    this.#seen = seen;
  }

  async #ask() {
    const [question, stretch] = [++this.#question, this.parts.stretch()];
    this.#seen = JSON.stringify(stretch);
    try {
      const card = await realismOf(this.parts.symbol, stretch);
      if (question === this.#question) this.#show(card);
    } catch (error) {
      this.parts.onError(/** @type {Error} */ (error));
    }
  }

  /** @param {Card} card */
  #show({ facts, t0, t1 }) {
    const counted = (/** @type {Fact["verdict"]} */ verdict) => facts.filter((fact) => fact.verdict === verdict).length;
    element("realism-summary").textContent = text("realism_summary", { inside: counted("inside"), outside: counted("outside"), few: counted("too few") });
    element("realism-span").textContent = t0 === null || t1 === null ? text("realism_none") : text("realism_span", { from: countText(t0), to: countText(t1) });
    const names = [...new Set(facts.map(({ name }) => name))];
    element("realism-facts").replaceChildren(...names.map((name) => row(facts.filter((fact) => fact.name === name))));
    // It opens downwards, where there may be no more room to be seen.
    if (this.#opened) this.#panel.scrollIntoView({ block: "nearest" });
    this.#opened = false;
  }
}

/** @param {Fact[]} facts of one name, by horizon */
function row(facts) {
  const [line, head, source] = ["tr", "th", "small"].map((tag) => document.createElement(tag));
  /** @type {HTMLTableCellElement} */ (head).scope = "row";
  source.textContent = facts[0].source;
  source.lang = "en";
  head.append(text(`fact_${facts[0].name}`), source);
  line.append(head, ...["1s", "1m"].map((horizon) => cell(facts.find((fact) => fact.horizon === horizon))));
  return line;
}

/** @param {Fact | undefined} fact */
function cell(fact) {
  const [data, word, detail] = ["td", "strong", "small"].map((tag) => document.createElement(tag));
  if (!fact) return data;
  const { verdict, value, low, high, n, usual } = fact;
  word.className = `verdict ${verdict.replace(" ", "-")}`;
  word.textContent = text(`verdict_${verdict.replace(" ", "_")}`);
  const written = value === null ? "–" : short(value);
  detail.textContent = low === null || high === null
    ? text("fact_alone", { value: written, n: countText(n) })
    : text("fact_detail", { value: written, low: short(low), high: short(high), n: countText(n) });
  data.append(word, ...(usual ? [graphic(fact, usual)] : []), detail);
  if (usual) data.title = text("fact_usual", { low: short(usual[0]), high: short(usual[1]) });
  return data;
}

/** @param {number} value */
function short(value) {
  const digits = Math.abs(value) < 10 ? 2 : 0;
  // Rounded to nothing, a number has no sign.
  return (Number(value.toFixed(digits)) || 0).toLocaleString(document.documentElement.lang, { maximumFractionDigits: digits });
}

/** The usual range as a box, the band as a line with the value as a dot; what lies far out is held at the rim. @param {Fact} fact @param {[number, number]} usual */
function graphic({ value, low, high }, [least, most]) {
  const margin = (most - least) * 0.6;
  const x = (/** @type {number} */ number) => Math.min(Math.max((number - least + margin) / (most - least + 2 * margin), 0.02), 0.98) * GRAPHIC.width;
  const picture = svg("svg", { viewBox: `0 0 ${GRAPHIC.width} ${GRAPHIC.height}`, "aria-hidden": "true" });
  picture.append(svg("rect", { class: "usual", x: x(least), y: 1, width: x(most) - x(least), height: GRAPHIC.height - 2, rx: 2 }));
  const middle = GRAPHIC.height / 2;
  if (low !== null && high !== null) picture.append(svg("path", { class: "band", d: `M${x(low)} ${middle}H${x(high)}` }));
  if (value !== null) picture.append(svg("circle", { class: "value", cx: x(value), cy: middle, r: 3 }));
  return picture;
}

/** @param {string} name @param {Record<string, string | number>} attributes */
function svg(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
