/** Owns the card of the pinned agent: every feature of it in the present frame, each with its course over the window. */

import { countText, priceText, ratioText } from "../page/format.js";
import { FEATURES } from "../data/messages.js";
import { pathOf } from "../charts/sparkline.js";
import { text } from "../state/texts.js";

const SPARK = { width: 72, height: 18 };
const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, (value: number) => string>} */
const WRITTEN = {
  buy_count: countText, sell_count: countText, none_count: countText, match_count: countText,
  quote_price_mean: priceText, quote_price_std: priceText,
};

/** No t is complete. */
const NOTHING = { from: Infinity, to: -Infinity };

/** @typedef {import("../data/messages.js").Frame} Frame */
/** @typedef {(agent: number, fromT: number, toT: number) => Promise<number[][]>} FeatureSource */

/** What it mostly did, and by how much: that it quoted a little more often on one side says nothing. @param {import("../data/messages.js").Features} features */
function sideOf({ dominant_side: side, buy_count: buys, sell_count: sells }) {
  if (side === "none") return text("side_none");
  return text(`side_${side}`, { share: Math.round((100 * (side === "buy" ? buys : sells)) / Math.max(buys + sells, 1)) });
}

export class AgentCard {
  /** @type {string | null} */ #agent = null;
  /** Rows of t and `FEATURES` by t, of the pinned agent. @type {Map<number, number[]>} */ #course = new Map();
  /** The stretch of t in which the course lacks no frame. */ #complete = NOTHING;
  /** The one shown. @type {Frame | null} */ #frame = null;
  #asking = false;
  /** Whether the last question failed: it is asked again with the next frame, or after `heal`. */ #failed = false;
  /** Another number whenever another one is pinned. */ #age = 0;

  /**
   * @param {HTMLElement} card
   * @param {{features: FeatureSource, title: Pick<import("./agent-title.js").AgentTitle, "show" | "heal" | "forget">, onError: (error: Error) => void}} parts features are those of the recording
   */
  constructor(card, { features, title, onError }) {
    this.card = card;
    this.features = features;
    this.title = title;
    this.onError = onError;
    this.list = /** @type {HTMLElement} */ (card.querySelector("dl"));
    this.rows = FEATURES.map((name) => this.#row(name));
  }

  /** @param {string | null} agent @param {Frame | null} frame the one shown */
  pin(agent, frame) {
    this.#agent = agent;
    this.#age += 1;
    this.#failed = false;
    this.#course.clear();
    this.#complete = NOTHING;
    this.card.hidden = agent === null;
    this.show(frame);
  }

  /** In another recording the agent is another one. */
  forget() {
    this.title.forget();
    this.pin(this.#agent, null);
  }

  /** @param {Frame | null} frame null for a moment that has none */
  show(frame) {
    this.#frame = frame;
    this.title.show(this.#agent);
    if (this.#agent === null) return;
    const node = frame?.nodes.find(({ agent_id }) => String(agent_id) === this.#agent);
    this.#write(".side", node ? sideOf(node.features) : text("not_in_frame"));
    this.list.hidden = !node;
    if (!frame || !node) return;
    this.#extend(frame, node.features);
    this.#draw(frame, node.features);
    this.#failed = false;
    this.#fetch();
  }

  /** Asks again for what could not be read. @returns {boolean} whether there was such */
  heal() {
    const failed = this.#failed;
    this.#failed = false;
    if (failed) this.#fetch();
    return this.title.heal() || failed;
  }

  /** Takes a frame's features into the course, which stays complete where the frame follows the last. @param {Frame} frame @param {import("../data/messages.js").Features} features */
  #extend({ t, window: { stride } }, features) {
    this.#course.set(t, [t, ...FEATURES.map((name) => features[name])]);
    if (t > this.#complete.to && t <= this.#complete.to + stride) this.#complete = { ...this.#complete, to: t };
  }

  /** Whether the course has every frame of this frame's window. @param {Frame} frame */
  #knows({ t, window: { W } }) {
    return this.#complete.from <= Math.max(t - W + 1, 0) && t <= this.#complete.to;
  }

  /** One question at a time, about the newest frame: at 64 times the market's speed there are many. */
  async #fetch() {
    if (this.#asking) return;
    this.#asking = true;
    while (this.#frame && this.#agent !== null && !this.#failed && !this.#knows(this.#frame)) await this.#ask(this.#agent, this.#frame);
    this.#asking = false;
  }

  /** @param {string} agent @param {Frame} frame */
  async #ask(agent, { t, window: { W } }) {
    const [age, from] = [this.#age, Math.max(t - W + 1, 0)];
    try {
      const rows = await this.features(Number(agent), from, t);
      if (age === this.#age) this.#take(rows, from, t);
    } catch (error) {
      if (age !== this.#age) return;
      this.#failed = true;
      this.onError(/** @type {Error} */ (error));
    }
  }

  /** @param {number[][]} rows all those of a stretch @param {number} from @param {number} to */
  #take(rows, from, to) {
    for (const row of rows) this.#course.set(row[0], row);
    this.#complete = { from, to };
    if (this.#frame) this.#draw(this.#frame, null);
  }

  /** @param {Frame} frame @param {import("../data/messages.js").Features | null} features null to leave the numbers as they are */
  #draw({ t, window: { W } }, features) {
    this.#trim(t - 2 * W + 1, t + W);
    const rows = [...this.#course.values()].filter(([at]) => at > t - W && at <= t).sort((a, b) => a[0] - b[0]);
    const ts = rows.map(([at]) => at);
    FEATURES.forEach((name, i) => {
      const { value, path } = this.rows[i];
      if (features) value.textContent = (WRITTEN[name] ?? ratioText)(features[name]);
      path.setAttribute("d", pathOf(ts, rows.map((row) => row[i + 1]), SPARK));
    });
  }

  /** @param {number} from @param {number} to */
  #trim(from, to) {
    for (const at of this.#course.keys()) if (at < from || at > to) this.#course.delete(at);
    this.#complete = { from: Math.max(this.#complete.from, from), to: Math.min(this.#complete.to, to) };
  }

  /** @param {string} name */
  #row(name) {
    const [row, term, value] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
    const [line, path] = ["svg", "path"].map((tag) => document.createElementNS(SVG, tag));
    line.setAttribute("viewBox", `-1 -2 ${SPARK.width + 2} ${SPARK.height + 4}`);
    line.setAttribute("aria-hidden", "true");
    line.append(path);
    term.textContent = text(`feature_${name}`);
    row.append(term, line, value);
    this.list.append(row);
    return { value, path };
  }

  /** @param {string} selector @param {string} words */
  #write(selector, words) {
    const target = /** @type {HTMLElement} */ (this.card.querySelector(selector));
    if (target.textContent !== words) target.textContent = words;
  }
}
