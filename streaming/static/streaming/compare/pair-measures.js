/** Owns asking for the measures of the two frames compared: one at a time, and again until both are there. */

/** @typedef {Record<string, number | null>} Measures by name; of a frame that is not measured yet there are none */
/**
 * @typedef {object} Parts
 * @property {(t: number) => Promise<Measures>} measuresAt of the frame of t
 * @property {(before: Measures, now: Measures) => void} onMeasured told whenever more is known of the two
 * @property {(error: Error) => void} onError told the first of errors in a row
 */

/** The newest frames are measured within some seconds, and a server that is busy is free again. Milliseconds. */
const AGAIN_MS = 2000;

export class PairMeasures {
  /** The t of the two frames. @type {number[]} */ #pair = [];
  /** @type {Map<number, Measures>} */ #known = new Map();
  #asking = false;
  #waiting = false;
  #failing = false;

  /** @param {Parts} parts @param {(run: () => void, ms: number) => unknown} [later] replaced in tests */
  constructor(parts, later = setTimeout) {
    this.parts = parts;
    // Called as a method of this object, the browser's own would refuse.
    this.later = (/** @type {() => void} */ run, /** @type {number} */ ms) => later(run, ms);
  }

  /** Asks for the measures of two frames; while the picture moves on, those in between are passed over. @param {number} before @param {number} now */
  want(before, now) {
    this.#pair = [before, now];
    for (const t of this.#known.keys()) if (!this.#pair.includes(t)) this.#known.delete(t);
    this.#tell();
    this.#ask();
  }

  /** Nothing is compared any more. */
  forget() {
    this.#pair = [];
    this.#known.clear();
  }

  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      for (let t = this.#missing(); t !== undefined; t = this.#missing()) {
        const found = await this.parts.measuresAt(t);
        if (this.#pair.includes(t)) this.#known.set(t, found);
        this.#failing = false;
        this.#tell();
      }
    } catch (error) {
      if (!this.#failing) this.parts.onError(/** @type {Error} */ (error));
      this.#failing = true;
    } finally {
      this.#asking = false;
    }
    this.#askAgain();
  }

  #missing() {
    return this.#pair.find((t) => !this.#known.has(t));
  }

  #askAgain() {
    if (this.#waiting || this.#pair.every((t) => this.#isMeasured(t))) return;
    this.#waiting = true;
    this.later(() => {
      this.#waiting = false;
      for (const t of this.#pair) if (!this.#isMeasured(t)) this.#known.delete(t);
      this.#ask();
    }, AGAIN_MS);
  }

  /** @param {number} t */
  #isMeasured(t) {
    return Object.keys(this.#known.get(t) ?? {}).length > 0;
  }

  #tell() {
    const [before, now] = this.#pair.map((t) => this.#known.get(t) ?? {});
    if (before && now) this.parts.onMeasured(before, now);
  }
}
