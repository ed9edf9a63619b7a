/** Owns the menu that saves what is seen: each entry makes one file, in the browser. */

import { csvOf } from "./csv.js";
import { edgeRows, nodeRows } from "./frame-rows.js";
import { graphmlOf } from "./graphml.js";
import { savePng, saveText } from "./save.js";
import { SvgContext } from "./svg-context.js";
import { countText } from "../page/format.js";
import { colours } from "../page/theme.js";
import { text } from "../state/texts.js";

/** Room above and below a saved picture for its title. Pixels. */
const [TITLE, MARGIN] = [34, 10];

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

  /** @param {{symbol: string, view: import("../graph/frame-view.js").FrameView, say: (words: string) => void, onError: (error: Error) => void}} parts */
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
    const { symbol, view, say, onError } = this.parts;
    const frame = view.shown;
    if (!frame) return say(text("save_no_frame"));
    const name = `${symbol}-t${frame.t}`;
    if (what === "graph-svg") return saveText(`${name}.svg`, "image/svg+xml", this.#graph(frame).toString());
    if (what === "graph-png") return savePng(`${name}.png`, this.#graph(frame)).catch(onError);
    const { ending, type, make } = DATA[what];
    saveText(`${name}${ending}`, type, make(frame, symbol));
  }

  /** The graph as it is seen, under a title that says of what. @param {Frame} frame @returns {SvgContext} */
  #graph(frame) {
    const { symbol, view } = this.parts;
    const { width, height } = view.graph.size;
    const { panel, ink } = colours();
    const title = text("save_title", { symbol, t: countText(frame.t) });
    const svg = new SvgContext(width, height + TITLE + MARGIN, panel, title);
    svg.font = "600 15px system-ui, sans-serif";
    svg.fillStyle = ink;
    svg.fillText(title, 14, 23);
    svg.translate(0, TITLE);
    view.graph.drawOn(/** @type {any} */ (svg));
    return svg;
  }
}
