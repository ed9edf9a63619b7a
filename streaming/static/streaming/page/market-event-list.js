/** Owns the list of bursts and shocks, each a link to its moment. */

import { countText } from "./format.js";
import { text } from "../state/texts.js";

/** More rows than anybody reads would only cost drawing. */
const MOST = 60;

/** @typedef {import("../state/market-events.js").MarketEvent} MarketEvent */

/** @param {MarketEvent} marketEvent */
function wordsOf({ what, kind, score, to, t }) {
  const words = text(`${what}_${kind}`, { score: score.toFixed(1) });
  return to > t ? `${words} · ${text("ticks", { count: to - t + 1 })}` : words;
}

/** @param {MarketEvent} marketEvent @param {(t: number) => string} hrefOf */
function item(marketEvent, hrefOf) {
  const [row, link, mark, when, words] = ["li", "a", "span", "span", "span"].map((tag) => document.createElement(tag));
  /** @type {HTMLAnchorElement} */ (link).href = hrefOf(marketEvent.t);
  link.dataset.t = String(marketEvent.t);
  mark.className = `mark ${marketEvent.what}`;
  when.className = "when";
  when.textContent = `t ${countText(marketEvent.t)}`;
  words.textContent = wordsOf(marketEvent);
  link.append(mark, when, words);
  row.append(link);
  return row;
}

export class MarketEventList {
  #shown = "";

  /** @param {HTMLElement} list @param {HTMLElement} none said while there is nothing @param {(t: number) => string} hrefOf */
  constructor(list, none, hrefOf) {
    this.list = list;
    this.none = none;
    this.hrefOf = hrefOf;
  }

  /** Shows the newest first. @param {MarketEvent[]} marketEvents by t */
  show(marketEvents) {
    const key = `${marketEvents.length}/${marketEvents.at(-1)?.t}/${this.hrefOf(marketEvents[0]?.t ?? 0)}`;
    if (key === this.#shown) return;
    this.#shown = key;
    this.list.replaceChildren(...marketEvents.slice(-MOST).reverse().map((marketEvent) => item(marketEvent, this.hrefOf)));
    this.none.hidden = marketEvents.length > 0;
  }
}
