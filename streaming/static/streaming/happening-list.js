/** Owns the list of bursts and shocks, each a link to its moment. */

import { countText } from "./format.js";
import { text } from "./texts.js";

/** More rows than anybody reads would only cost drawing. */
const MOST = 60;

/** @typedef {import("./happenings.js").Happening} Happening */

/** @param {Happening} happening */
function wordsOf({ what, kind, score, to, t }) {
  const words = text(`${what}_${kind}`, { score: score.toFixed(1) });
  return to > t ? `${words} · ${text("ticks", { count: to - t + 1 })}` : words;
}

/** @param {Happening} happening @param {(t: number) => string} hrefOf */
function item(happening, hrefOf) {
  const [row, link, mark, when, words] = ["li", "a", "span", "span", "span"].map((tag) => document.createElement(tag));
  /** @type {HTMLAnchorElement} */ (link).href = hrefOf(happening.t);
  link.dataset.t = String(happening.t);
  mark.className = `mark ${happening.what}`;
  when.className = "when";
  when.textContent = `t ${countText(happening.t)}`;
  words.textContent = wordsOf(happening);
  link.append(mark, when, words);
  row.append(link);
  return row;
}

export class HappeningList {
  #shown = "";

  /** @param {HTMLElement} list @param {HTMLElement} none said while there is nothing @param {(t: number) => string} hrefOf */
  constructor(list, none, hrefOf) {
    this.list = list;
    this.none = none;
    this.hrefOf = hrefOf;
  }

  /** Shows the newest first. @param {Happening[]} happenings by t */
  show(happenings) {
    const key = `${happenings.length}/${happenings.at(-1)?.t}/${this.hrefOf(happenings[0]?.t ?? 0)}`;
    if (key === this.#shown) return;
    this.#shown = key;
    this.list.replaceChildren(...happenings.slice(-MOST).reverse().map((happening) => item(happening, this.hrefOf)));
    this.none.hidden = happenings.length > 0;
  }
}
