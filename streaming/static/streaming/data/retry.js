/** Owns doing again what failed: soon, then more and more seldom, and at once when the server is heard again. */

import { delayMs } from "./backoff.js";

/** @typedef {{work: () => Promise<unknown>, onError: (error: Error) => void}} Attempt */

export class Retry {
  #failures = 0;
  /** @type {any} */ #timer = null;
  /** What is to be done again; of one name the newest. @type {Map<string, Attempt>} */ #undone = new Map();

  /**
   * @param {() => void} again lets others try what failed for them
   * @param {{setTimeout: Function, clearTimeout: Function, random: () => number}} [world] replaced in tests
   */
  constructor(again, world) {
    this.again = again;
    this.world = world ?? { setTimeout: setTimeout.bind(globalThis), clearTimeout: clearTimeout.bind(globalThis), random: Math.random };
  }

  /** Does something until it succeeds, or something else of that name is to be done. @param {string} name @param {Attempt["work"]} work @param {Attempt["onError"]} onError */
  async attempt(name, work, onError) {
    this.#undone.delete(name);
    try {
      await work();
      this.succeeded();
    } catch (error) {
      this.#undone.set(name, { work, onError });
      onError(/** @type {Error} */ (error));
      this.failed();
    }
  }

  /** Something failed: it is tried again after a while. */
  failed() {
    if (this.#timer !== null) return;
    this.#failures += 1;
    this.#timer = this.world.setTimeout(() => this.#try(), delayMs(this.#failures, this.world.random()));
  }

  /** Something succeeded, so the next failure is tried again soon. */
  succeeded() {
    if (this.#timer === null) this.#failures = 0;
  }

  /** The server is there: what waits is tried now. */
  now() {
    if (this.#timer === null) return;
    this.world.clearTimeout(this.#timer);
    this.#try();
  }

  #try() {
    this.#timer = null;
    for (const [name, { work, onError }] of [...this.#undone]) this.attempt(name, work, onError);
    this.again();
  }
}
