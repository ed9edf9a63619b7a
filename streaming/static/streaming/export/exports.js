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

/** A part of the page that can draw itself elsewhere. @typedef {{size: {width: number, height: number}, drawOn: (context: CanvasRenderingContext2D) => void}} Seen */

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

  /** @param {{symbol: string, view: import("../graph/frame-view.js").FrameView, charts: import("../charts/charts.js").Charts, say: (words: string) => void, onError: (error: Error) => void}} parts */
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
    const { symbol, view, charts, say, onError } = this.parts;
    const frame = view.shown;
    if (!frame) return say(text("save_no_frame"));
    const name = `${symbol}-t${frame.t}`;
    const [part, ending] = what.split("-");
    const seen = { graph: view.graph, charts }[part];
    if (!seen) return saveText(`${name}${DATA[what].ending}`, DATA[what].type, DATA[what].make(frame, symbol));
    const picture = this.#drawn(frame, seen);
    const file = `${name}${part === "charts" ? "-charts" : ""}.${ending}`;
    if (ending === "svg") saveText(file, "image/svg+xml", picture.toString());
    else savePng(file, picture).catch(onError);
  }

  /** A part of the page as it is seen, under a title that says of what. @param {Frame} frame @param {Seen} seen @returns {SvgContext} */
  #drawn(frame, seen) {
    const { width, height } = seen.size;
    const { panel, ink } = colours();
    const title = text("save_title", { symbol: this.parts.symbol, t: countText(frame.t) });
    const svg = new SvgContext(width, height + TITLE + MARGIN, panel, title);
    svg.font = "600 15px system-ui, sans-serif";
    svg.fillStyle = ink;
    svg.fillText(title, 14, 23);
    svg.translate(0, TITLE);
    seen.drawOn(/** @type {any} */ (svg));
    return svg;
  }
}
