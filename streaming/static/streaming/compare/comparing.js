/** Owns what the moment shown is compared with: the frame that was pinned, and what both tell of their structure. */

import { compare, pairsOf } from "./comparison.js";
import { ComparisonPanel } from "./comparison-panel.js";
import { PairMeasures } from "./pair-measures.js";
import { text } from "../state/texts.js";
import { countText } from "../page/format.js";

/** @typedef {import("../data/messages.js").Frame} Frame */
/**
 * @typedef {object} Parts
 * @property {(t: number) => Promise<import("../data/frame-feed.js").Found>} frameAt of the recording
 * @property {(t: number) => Promise<Record<string, number | null>>} measuresAt of the frame of t
 * @property {(before: Frame | null) => void} onChange told what is compared with from now on
 * @property {(words: string) => void} say @property {(error: Error) => void} onError
 */

export class Comparing {
  /** @type {Frame | null} */ #before = null;
  /** @type {Frame | null} */ #now = null;
  /** The t that was asked for last. @type {number | null} */ #wanted = null;
  /** Whether the frame of that t could not be read. */ #failed = false;
  #panel = new ComparisonPanel(() => this.end());
  #measures;

  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
    this.#measures = new PairMeasures({
      measuresAt: parts.measuresAt, onMeasured: (before, now) => this.#panel.measure(pairsOf(before, now)), onError: parts.onError,
    });
  }

  /** The t that is compared with. @returns {number | null} null for none */
  get from() {
    return this.#wanted;
  }

  /** Compares with the frame that is shown from now on, or no more. */
  toggle() {
    if (this.#wanted !== null && !this.#failed) this.end();
    else if (this.#now) this.#pin(this.#now);
  }

  end() {
    [this.#wanted, this.#failed] = [null, false];
    this.#clear();
  }

  #clear() {
    this.#before = null;
    this.#measures.forget();
    this.#change();
  }

  /** Compares with the frame of a t, as an address says. @param {number | null} t null for none */
  async open(t) {
    if (t === this.#wanted) return;
    if (t === null) return this.end();
    [this.#wanted, this.#failed] = [t, false];
    try {
      const { frame } = await this.parts.frameAt(t);
      if (this.#wanted !== t) return;
      if (frame && t - frame.t < frame.window.stride) this.#pin(frame);
      else this.#miss(t);
    } catch (error) {
      if (this.#wanted !== t) return;
      this.#failed = true;
      this.#clear();
      this.parts.onError(/** @type {Error} */ (error));
    }
  }

  /** Asks again for a frame that could not be read. @returns {boolean} whether there was such */
  heal() {
    if (!this.#failed) return false;
    const t = this.#wanted;
    this.#wanted = null;
    this.open(t);
    return true;
  }

  /** @param {Frame | null} frame the one that is shown now */
  show(frame) {
    if (frame === this.#now) return;
    this.#now = frame;
    if (this.#before) this.#change();
  }

  /** @param {Frame} frame */
  #pin(frame) {
    [this.#before, this.#wanted, this.#failed] = [frame, frame.t, false];
    this.#change();
  }

  /** @param {number} t */
  #miss(t) {
    this.end();
    this.parts.say(text("compare_no_frame", { t: countText(t) }));
  }

  #change() {
    const [before, now] = [this.#before, this.#now];
    const comparison = before && now ? compare(before, now) : null;
    this.parts.onChange(before);
    this.#panel.show(before, now, comparison);
    if (before && now) this.#measures.want(before.t, now.t);
  }
}
