/** Owns what is done with what is seen: comparing it, saving it, asking whether it is like a real market, and the help. */

import { Comparing } from "../compare/comparing.js";
import { measuresAt } from "../data/measures-at.js";
import { Exports } from "../export/exports.js";
import { Help } from "./help.js";
import { RealismPanel } from "./realism-panel.js";
import { remark } from "./notice.js";

/** @typedef {import("../data/messages.js").Frame} Frame */
/**
 * @typedef {object} Parts
 * @property {string} symbol @property {import("../data/recording.js").Past} past
 * @property {() => import("../charts/axis.js").Stretch | null} stretch that the timeline shows, null for the whole
 * @property {import("../graph/frame-view.js").FrameView} view @property {import("../charts/charts.js").Charts} charts
 * @property {(error: Error) => void} onError @property {(error: Error) => void} onMissed told what is asked for again after `heal`
 * @property {() => void} draw asks for a drawing
 */

export class Study {
  #help = new Help();
  #realism;
  #exports;
  #comparing;

  /** @param {Parts} parts */
  constructor({ symbol, past, stretch, view, charts, onError, onMissed, draw }) {
    this.#realism = new RealismPanel({ symbol, stretch, onError });
    this.#exports = new Exports({ symbol, view, charts, say: (words) => remark("saving", words), onError });
    this.#comparing = new Comparing({
      frameAt: (t) => past.frame(t), measuresAt: (t) => measuresAt(symbol, t), onChange: (before) => (view.graph.compareWith(before), draw()), say: (words) => remark("compare", words), onError: onMissed,
    });
    document.getElementById("compare")?.addEventListener("click", () => this.#comparing.toggle());
  }

  /** The t that is compared with, null for none. */
  get from() {
    return this.#comparing.from;
  }

  /** @param {number | null} t to compare with, null for none */
  compareWith(t) {
    this.#comparing.open(t);
  }

  /** What was compared belongs to another recording. */
  forget() {
    this.#comparing.end();
  }

  /** Asks again for what could not be read. @returns {boolean} whether there was such */
  heal() {
    return this.#comparing.heal();
  }

  /** @param {Frame | null} frame the one that is shown now */
  show(frame) {
    this.#comparing.show(frame);
    this.#realism.look();
  }

  /** @param {string} command @returns {boolean} whether it was for this */
  run(command) {
    if (command === "compare") this.#comparing.toggle();
    else if (command === "save") this.#exports.open();
    else if (command === "help") this.#help.toggle();
    else return command === "unpin" && this.#exports.close();
    return true;
  }
}
