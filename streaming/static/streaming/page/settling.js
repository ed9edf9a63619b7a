/** Owns waiting until what changes often has come to rest before work is done for it, but not for ever. */

/** @typedef {{now: () => number, setTimeout: (run: () => void, ms: number) => any, clearTimeout: (timer: any) => void}} World */

/** The time of the page. @returns {World} */
export function clock() {
  return { now: () => performance.now(), setTimeout: setTimeout.bind(globalThis), clearTimeout: clearTimeout.bind(globalThis) };
}

export class Settling {
  /** @type {any} */ #timer;
  /** When the first change came for which nothing was done yet. @type {number | null} */ #sinceMs = null;

  /**
   * @param {() => void} work @param {{pauseMs: number, longestMs: number}} waits without a change before the work, and since the
   *   first change at most @param {World} [world] replaced in tests
   */
  constructor(work, waits, world) {
    this.work = work;
    this.waits = waits;
    this.world = world ?? clock();
  }

  /** Tells of a change. */
  changed() {
    const { now, setTimeout, clearTimeout } = this.world;
    this.#sinceMs ??= now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.atOnce(), Math.max(Math.min(this.waits.pauseMs, this.#sinceMs + this.waits.longestMs - now()), 0));
  }

  /** Does the work now, for all changes that were told. */
  atOnce() {
    this.world.clearTimeout(this.#timer);
    this.#sinceMs = null;
    this.work();
  }
}
