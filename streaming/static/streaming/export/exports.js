/** Owns the menu that saves what is seen: each entry makes one file, in the browser. */

import { csvOf } from "./csv.js";
import { edgeRows, nodeRows } from "./frame-rows.js";
import { graphmlOf } from "./graphml.js";
import { saveText } from "./save.js";
import { text } from "../state/texts.js";

/** @typedef {import("../data/messages.js").Frame} Frame */
/** @typedef {import("./frame-rows.js").Row} Row */

/** @param {Row[]} rows */
const table = (rows) => csvOf(rows, Object.keys(rows[0] ?? {}));

/** @type {Record<string, {ending: string, type: string, make: (frame: Frame, symbol: string) => string}>} */
const DATA = {
  graphml: { ending: ".graphml", type: "application/xml", make: graphmlOf },
  nodes: { ending: "-agents.csv", type: "text/csv", make: (frame) => table(nodeRows(frame)) },
  edges: { ending: "-edges.csv", type: "text/csv", make: (frame) => table(edgeRows(frame)) },
};

export class Exports {
  #menu = /** @type {HTMLDetailsElement} */ (document.getElementById("saving"));

  /** @param {{symbol: string, frame: () => Frame | null, say: (words: string) => void}} parts */
  constructor(parts) {
    this.parts = parts;
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (this.#menu.querySelectorAll("[data-save]"))) {
      button.addEventListener("click", () => this.#save(button.dataset.save ?? ""));
    }
    this.#menu.addEventListener("focusout", ({ relatedTarget }) => relatedTarget instanceof Node && !this.#menu.contains(relatedTarget) && this.close());
    document.addEventListener("pointerdown", ({ target }) => target instanceof Node && !this.#menu.contains(target) && this.close());
  }

  /** Opens the menu and goes to its first entry. */
  open() {
    this.#menu.open = true;
    this.#menu.querySelector("button")?.focus();
  }

  /** @returns {boolean} whether it was open */
  close() {
    const { open } = this.#menu;
    if (open && this.#menu.contains(document.activeElement)) this.#menu.querySelector("summary")?.focus();
    this.#menu.open = false;
    return open;
  }

  /** @param {string} what */
  #save(what) {
    this.close();
    const frame = this.parts.frame();
    if (!frame) return this.parts.say(text("save_no_frame"));
    const { ending, type, make } = DATA[what];
    saveText(`${this.parts.symbol}-t${frame.t}${ending}`, type, make(frame, this.parts.symbol));
  }
}
