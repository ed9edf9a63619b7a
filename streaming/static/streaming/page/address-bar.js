/** Owns the browser's address bar: it holds the moment shown, so that a copied link opens what its sender saw. */

import { addressOf } from "../state/address.js";

/** Safari throws at more than a hundred changes in half a minute, which a held key brings. */
const PAUSE_MS = 350;

/** @typedef {import("../state/address.js").Place} Place */
/** @typedef {{replace: (address: string) => void, now: () => number, setTimeout: Function}} World */

export class AddressBar {
  /** @type {string | null} */ #written = null;
  /** @type {string | null} */ #wanted = null;
  #writtenMs = -Infinity;
  #waiting = false;

  /** @param {(address: string) => void} onWritten told of each address that the bar shows @param {World} [world] replaced in tests */
  constructor(onWritten, world) {
    this.onWritten = onWritten;
    this.world = world ?? {
      replace: (address) => history.replaceState(null, "", address),
      now: () => performance.now(),
      setTimeout: setTimeout.bind(globalThis),
    };
  }

  /** Shows a place: at once, or with others after a pause, of which the last counts. @param {Place} place */
  keep(place) {
    this.#wanted = addressOf(place);
    if (this.#waiting || this.#wanted === this.#written) return;
    const left = this.#writtenMs + PAUSE_MS - this.world.now();
    if (left <= 0) return this.#write();
    this.#waiting = true;
    this.world.setTimeout(() => {
      this.#waiting = false;
      this.#write();
    }, left);
  }

  #write() {
    if (this.#wanted === null || this.#wanted === this.#written) return;
    [this.#written, this.#writtenMs] = [this.#wanted, this.world.now()];
    try {
      this.world.replace(this.#written);
      this.onWritten(this.#written);
    } catch {
      // A browser that has had enough for now: the address waits for the next change.
      this.#written = null;
    }
  }
}
