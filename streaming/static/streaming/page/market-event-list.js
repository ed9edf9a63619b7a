/** Owns the list of bursts and shocks, each a link to the frame that tells of it, and going from one to the next: the list is one stop of the Tab key. */

import { countText, decimalText } from "./format.js";
import { text } from "../state/texts.js";

/** @typedef {import("../state/market-events.js").MarketEvent} MarketEvent */

/** @param {MarketEvent} marketEvent */
function wordsOf({ what, kind, score, to, t }) {
  const words = text(`${what}_${kind}`, { score: decimalText(score) });
  return to > t ? `${words} · ${text("ticks", { count: countText(to - t + 1) })}` : words;
}

/** @param {MarketEvent} marketEvent @returns {HTMLElement} */
function rowOf(marketEvent) {
  const [row, link, mark, when, words] = ["li", "a", "span", "span", "span"].map((tag) => document.createElement(tag));
  link.tabIndex = -1;
  Object.assign(link.dataset, { t: marketEvent.t, frameT: marketEvent.frameT });
  mark.className = `mark ${marketEvent.what}`;
  when.className = "when";
  when.textContent = `t ${countText(marketEvent.t)}`;
  words.textContent = wordsOf(marketEvent);
  link.append(mark, when, words);
  row.append(link);
  return row;
}

/** @param {Element} row */
const linkOf = (row) => /** @type {HTMLAnchorElement} */ (row.firstElementChild);

export class MarketEventList {
  /** @type {Map<MarketEvent, HTMLElement>} */ #rows = new Map();
  /** @type {MarketEvent[]} */ #shown = [];
  #hrefs = "";
  /** @type {HTMLElement | null} */ #current = null;
  /** The row that the Tab key comes to. @type {Element | null} */ #stop = null;

  /** @param {HTMLElement} list @param {HTMLElement} facts how many there are @param {(t: number) => string} hrefOf */
  constructor(list, facts, hrefOf) {
    this.list = list;
    this.facts = facts;
    this.hrefOf = hrefOf;
    list.addEventListener("keydown", (event) => this.#step(event));
    list.addEventListener("focusin", ({ target }) => this.#stopAt(/** @type {Element} */ (target).closest("li")));
  }

  /** Shows the newest first; `known` tells whether all of the recording is. @param {MarketEvent[]} events by t @param {boolean} known */
  show(events, known) {
    const words = events.length ? countText(events.length) : known ? text("no_events") : text("reading");
    if (this.facts.textContent !== words) this.facts.textContent = words;
    if (events !== this.#shown) this.#fill(events);
    const hrefs = this.hrefOf(0);
    if (hrefs === this.#hrefs) return;
    this.#hrefs = hrefs;
    for (const [event, row] of this.#rows) this.#lead(event, row);
  }

  /** Marks those that the frame of t tells of. @param {number | null} frameT */
  mark(frameT) {
    const event = frameT === null ? undefined : this.#shown.findLast((one) => one.frameT === frameT);
    const row = (event && this.#rows.get(event)) ?? null;
    if (row === this.#current) return;
    this.#current?.firstElementChild?.removeAttribute("aria-current");
    row?.firstElementChild?.setAttribute("aria-current", "true");
    if (row) this.#lookAt(row);
    if (row && !this.list.contains(document.activeElement)) this.#stopAt(row);
    this.#current = row;
  }

  /** @param {Element | null} row */
  #stopAt(row) {
    if (this.#stop) linkOf(this.#stop).tabIndex = -1;
    if (row) linkOf(row).tabIndex = 0;
    this.#stop = row;
  }

  /** Up and down lead to the rows beside. @param {KeyboardEvent} event */
  #step(event) {
    const way = { ArrowUp: "previousElementSibling", ArrowDown: "nextElementSibling" }[event.key];
    if (!way || !this.#stop) return;
    event.preventDefault();
    const next = /** @type {any} */ (this.#stop)[way];
    if (next) linkOf(next).focus();
  }

  /** Puts a row into the middle, with whole rows above it. @param {HTMLElement} row */
  #lookAt(row) {
    const above = Math.floor((this.list.clientHeight / row.offsetHeight - 1) / 2);
    this.list.scrollTop = row.offsetTop - this.list.offsetTop - Math.max(above, 0) * row.offsetHeight;
  }

  /** Rows that are there already stay: what is new comes above them. @param {MarketEvent[]} events */
  #fill(events) {
    this.#shown = events;
    const gone = new Map(this.#rows);
    /** @type {Element | null} */ let below = null;
    for (const event of events) {
      const row = this.#rows.get(event) ?? this.#add(event);
      gone.delete(event);
      if (row.nextElementSibling !== below || !row.isConnected) this.list.insertBefore(row, below);
      below = row;
    }
    for (const [event, row] of gone) {
      row.remove();
      this.#rows.delete(event);
    }
    if (!this.#stop?.isConnected) this.#stopAt(this.list.firstElementChild);
  }

  /** @param {MarketEvent} event */
  #add(event) {
    const row = rowOf(event);
    this.#rows.set(event, row);
    this.#lead(event, row);
    return row;
  }

  /** @param {MarketEvent} event @param {HTMLElement} row */
  #lead({ frameT }, row) {
    /** @type {HTMLAnchorElement} */ (row.firstElementChild).href = this.hrefOf(frameT);
  }
}
