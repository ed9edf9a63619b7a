/** Owns the words beside the pointer: what the pair that it points at has to do with each other. */

import { apart } from "../data/agent-names.js";
import { countText } from "../page/format.js";
import { text } from "../state/texts.js";
import { wordsFor } from "./order.js";

const LONGEST_NAME = 24;

/** From the pointer to the words, and the room they need at the right. Pixels. */
const [ASIDE, ROOM] = [14, 230];

/** @typedef {import("./scene.js").Scene} Scene */

/** How often a pair matched or quoted close in the window, as far as it is shown, or in the one compared with, if it does so no more. @param {Scene} scene @param {[string, string]} pair */
export function pairText(scene, [a, b]) {
  const between = scene.drawn.filter(({ source, target }) => (source === a && target === b) || (source === b && target === a));
  const facts = between.map(({ kind, count, beyond, change }) => {
    const words = text(`pair_${kind}`, { count: countText(count) });
    if (change === "lost") return text("pair_lost", { words });
    return beyond === null ? words : text("pair_beyond", { words, score: `${beyond < 0 ? "−" : "+"}${Math.abs(beyond).toFixed(1)}` });
  });
  const names = [a, b].map((key) => apart(wordsFor(scene, key, LONGEST_NAME))).join(" – ");
  return text("pair_told", { names, facts: facts.length ? facts.join(text("list_comma")) : text("pair_none") });
}

export class Tip {
  /** What is pointed at. @type {[string, string] | null} */ #pair = null;

  /** @param {HTMLElement} tip @param {HTMLElement} container of the graph */
  constructor(tip, container) {
    this.tip = tip;
    this.container = container;
  }

  /** @param {Scene} scene @param {[string, string] | null} pair null to hide it @param {{x: number, y: number}} at pixels in the graph's box */
  point(scene, pair, at) {
    this.#pair = pair;
    this.refresh(scene);
    if (this.#pair) this.#place(at);
  }

  /** A pointer may rest for long while frames go by: what it points at has other counts then, or is no more. @param {Scene} scene */
  refresh(scene) {
    if (!this.#pair?.every((key) => scene.everyone.has(key))) this.#pair = null;
    this.tip.hidden = this.#pair === null;
    const words = this.#pair ? pairText(scene, this.#pair) : "";
    if (words && this.tip.textContent !== words) this.tip.textContent = words;
  }

  /** @param {{x: number, y: number}} at */
  #place({ x, y }) {
    const right = x + ASIDE + ROOM > this.container.clientWidth;
    this.tip.style.left = right ? "auto" : `${x + ASIDE}px`;
    this.tip.style.right = right ? `${/** @type {HTMLElement} */ (this.tip.offsetParent ?? this.container).clientWidth - x + ASIDE}px` : "auto";
    this.tip.style.top = `${Math.max(y - ASIDE, 4)}px`;
  }
}
