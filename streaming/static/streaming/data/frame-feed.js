/** Owns asking for frames no faster than they come: while one is under way, only the newest wish is kept. */

/** @typedef {import("./messages.js").Frame} Frame */
/** @typedef {{frame: Frame | null, previousT: number | null, nextT: number | null}} Found a frame, and the t of its neighbours as far as known */

export class FrameFeed {
  #wanted = -1;
  #asking = false;
  /** The question under way. @type {Promise<void>} */ #answer = Promise.resolve();
  #generation = 0;
  /** The stretch of t for which `found` is the answer. */
  #from = 0;
  #until = -1;
  /** What was found last. @type {Found | null} */ found = null;
  /** Why nothing was found instead. @type {Error | null} */ failure = null;

  /**
   * @param {(t: number) => Promise<Found>} source
   * @param {(found: Found, t: number) => void} onFound told what was found for t, which may no longer be the newest wish
   * @param {(error: Error) => void} onError
   */
  constructor(source, onFound, onError) {
    this.source = source;
    this.onFound = onFound;
    this.onError = onError;
  }

  /** Whether what was found is what t wants. @param {number} t */
  covers(t) {
    return t >= this.#from && t < this.#until;
  }

  /** @param {number} t that should be seen now */
  want(t) {
    this.#wanted = t;
    if (!this.#asking && !this.covers(t)) this.#ask();
  }

  /** Settles with the question under way, however it ends. */
  get answered() {
    return this.#answer;
  }

  /** Lets the next wish be asked for anew, whatever was found; what is still under way will not count. */
  forget() {
    this.#generation += 1;
    [this.#from, this.#until, this.found, this.failure] = [0, -1, null, null];
  }

  /** Asks again where nothing was found because of a failure. @returns {boolean} whether there was one */
  heal() {
    if (!this.failure) return false;
    this.forget();
    return true;
  }

  async #ask() {
    this.#asking = true;
    try {
      while (!this.covers(this.#wanted)) await (this.#answer = this.#askFor(this.#wanted));
    } finally {
      this.#asking = false;
    }
  }

  /** @param {number} t */
  async #askFor(t) {
    const generation = this.#generation;
    let found;
    try {
      found = await this.source(t);
    } catch (error) {
      if (generation === this.#generation) this.#miss(t, /** @type {Error} */ (error));
      return;
    }
    if (generation === this.#generation) this.#hold(t, found);
  }

  /** @param {number} t @param {Found} found */
  #hold(t, found) {
    const { frame, nextT } = found;
    this.#from = frame ? frame.t : t;
    this.#until = Math.max(nextT ?? (frame ? frame.t + frame.window.stride : 0), t + 1);
    [this.found, this.failure] = [found, null];
    this.onFound(found, t);
  }

  /** It is not asked for again until something else is wanted, or `heal`. @param {number} t @param {Error} error */
  #miss(t, error) {
    [this.#from, this.#until] = [t, t + 1];
    [this.found, this.failure] = [null, error];
    this.onError(error);
  }
}
