/**
 * Owns the browser's address bar: it holds the moment shown, so that a copied link opens what its sender saw. Moments that
 * somebody leapt away from stay in the browser's history; those that were passed on the way do not.
 */

import { addressOf } from "../state/address.js";

/** Safari throws at more than a hundred changes in half a minute, which a held key brings; leaps come on top. */
const PAUSE_MS = 450;

/** Leaps that follow each other so soon are one: a drag along the timeline, a held key. */
const ONE_LEAP_MS = 1000;

/** @typedef {import("../state/address.js").Place} Place */
/** @typedef {{replace: (address: string) => void, push: (address: string) => void, now: () => number, setTimeout: Function}} World */

export class AddressBar {
  /** @type {string | null} */ #written = null;
  /** @type {string | null} */ #wanted = null;
  #writtenMs = -Infinity;
  #waiting = false;
  /** Whether the next place gets an entry of its own in the history. */ #leaps = false;
  #leaptMs = -Infinity;

  /** @param {(address: string) => void} onWritten told of each address that the bar shows @param {World} [world] replaced in tests */
  constructor(onWritten, world) {
    this.onWritten = onWritten;
    this.world = world ?? {
      replace: (address) => history.replaceState(null, "", address),
      push: (address) => history.pushState(null, "", address),
      now: () => performance.now(),
      setTimeout: setTimeout.bind(globalThis),
    };
  }

  /** Shows a place: at once, or with others after a pause, of which the last counts. @param {Place} place */
  keep(place) {
    this.#wanted = addressOf(place);
    if (this.#leaps && this.#wanted !== this.#written) return this.#write("push");
    this.#leaps = false;
    if (this.#waiting || this.#wanted === this.#written) return;
    const left = this.#writtenMs + PAUSE_MS - this.world.now();
    if (left <= 0) return this.#write("replace");
    this.#waiting = true;
    this.world.setTimeout(() => {
      this.#waiting = false;
      this.#write("replace");
    }, left);
  }

  /** Tells that the page leaves its place on purpose, before it does: Back shall lead here. */
  leap() {
    const now = this.world.now();
    if (now - this.#leaptMs > ONE_LEAP_MS) {
      this.#write("replace");
      this.#leaps = this.#written !== null;
    }
    this.#leaptMs = now;
  }

  /** The browser has gone to another entry of its history by itself. @param {string} address */
  arrive(address) {
    [this.#written, this.#wanted, this.#leaps, this.#leaptMs] = [address, address, false, -Infinity];
    this.onWritten(address);
  }

  /** @param {"replace" | "push"} how */
  #write(how) {
    this.#leaps = false;
    if (this.#wanted === null || this.#wanted === this.#written) return;
    [this.#written, this.#writtenMs] = [this.#wanted, this.world.now()];
    try {
      this.world[how](this.#written);
      this.onWritten(this.#written);
    } catch {
      // A browser that has had enough for now: the address waits for the next change.
      this.#written = null;
    }
  }
}
