/** Owns the card of the pinned agent: every feature of it in the present frame, each with its course over the window. */

import { countText, priceText, ratioText } from "./format.js";
import { FEATURES } from "./messages.js";
import { pathOf } from "./sparkline.js";
import { text } from "./texts.js";

const SPARK = { width: 72, height: 18 };
const SVG = "http://www.w3.org/2000/svg";

/** @type {Record<string, (value: number) => string>} */
const WRITTEN = {
  buy_count: countText, sell_count: countText, none_count: countText, match_count: countText,
  quote_price_mean: priceText, quote_price_std: priceText,
};

/** @typedef {import("./messages.js").Frame} Frame */
/** @typedef {(agent: number, fromT: number, toT: number) => Promise<number[][]>} FeatureSource */

export class AgentCard {
  /** @type {string | null} */ #agent = null;
  /** Rows of t and `FEATURES` by t, of the pinned agent. @type {Map<number, number[]>} */ #course = new Map();
  #asked = 0;

  /** @param {HTMLElement} card @param {FeatureSource} features from the recording @param {(error: Error) => void} onError */
  constructor(card, features, onError) {
    this.card = card;
    this.features = features;
    this.onError = onError;
    this.list = /** @type {HTMLElement} */ (card.querySelector("dl"));
    this.rows = FEATURES.map((name) => this.#row(name));
  }

  /** @param {string | null} agent @param {Frame | null} frame the one shown */
  pin(agent, frame) {
    this.#agent = agent;
    this.#course.clear();
    this.card.hidden = agent === null;
    this.#write("h3", agent === null ? "" : text("agent", { id: agent }));
    if (frame) this.show(frame);
  }

  /** @param {Frame} frame */
  show(frame) {
    if (this.#agent === null) return;
    const node = frame.nodes.find(({ agent_id }) => String(agent_id) === this.#agent);
    this.#write(".side", node ? text(`side_${node.features.dominant_side}`) : text("not_in_frame"));
    this.list.hidden = !node;
    if (!node) return;
    this.#course.set(frame.t, [frame.t, ...FEATURES.map((name) => node.features[name])]);
    this.#draw(frame, node.features);
    if (this.#wanting(frame)) this.#fetch(frame);
  }

  /** Whether frames of the window are missing in the course. @param {Frame} frame */
  #wanting({ t, window: { W, stride } }) {
    const known = [...this.#course.keys()].filter((at) => at > t - W && at <= t).length;
    return known < Math.min(Math.floor(W / stride), this.#reachable ?? Infinity);
  }

  /** How many frames the recording had when asked last; at its beginning they are fewer than a window's. @type {number | null} */
  #reachable = null;

  /** @param {Frame} frame */
  async #fetch(frame) {
    this.#asked += 1;
    const turn = this.#asked;
    try {
      const rows = await this.features(Number(this.#agent), frame.t - frame.window.W + 1, frame.t);
      if (turn !== this.#asked || this.#agent === null) return;
      this.#course = new Map(rows.map((row) => [row[0], row]));
      this.#reachable = Math.max(rows.length, 1);
      this.#draw(frame, null);
    } catch (error) {
      this.onError(/** @type {Error} */ (error));
    }
  }

  /** @param {Frame} frame @param {import("./messages.js").Features | null} features null to leave the numbers as they are */
  #draw({ t, window: { W } }, features) {
    for (const at of this.#course.keys()) if (at <= t - 2 * W || at > t + W) this.#course.delete(at);
    const rows = [...this.#course.values()].filter(([at]) => at > t - W && at <= t).sort((a, b) => a[0] - b[0]);
    const ts = rows.map(([at]) => at);
    FEATURES.forEach((name, i) => {
      const { value, path } = this.rows[i];
      if (features) value.textContent = (WRITTEN[name] ?? ratioText)(features[name]);
      path.setAttribute("d", pathOf(ts, rows.map((row) => row[i + 1]), SPARK));
    });
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
