/**
 * Owns which earlier frame anchors the layout of a frame. It is the one at the last multiple of twenty windows: far enough apart
 * that agents seldom change their places at once, near enough that most of them are known. It depends on t alone, so whoever
 * opens a moment by a link and whoever scrubs there see the same picture; the frame before each frame could do so only if a
 * visitor read the whole recording.
 */

import { tellsOf } from "../data/messages.js";

const WINDOWS = 20;

/** @typedef {import("../data/messages.js").Frame} Frame */
/** @typedef {import("../data/frame-feed.js").Found} Found */

/** The t whose frame anchors a frame. @param {Frame} frame */
export function anchorTOf({ t, window: { W } }) {
  return Math.floor(t / (WINDOWS * W)) * WINDOWS * W;
}

export class Anchors {
  /** The one that was found last. @type {{t: number, frame: Frame} | null} */ #found = null;
  /** @type {number | null} */ #asking = null;
  /** Whether the one that was looked for last was not found. */ #missed = false;

  /** @param {(t: number) => Promise<Found>} source @param {() => void} onFound told when `of` is to be asked again @param {() => void} onMiss told when the source failed */
  constructor(source, onFound, onMiss) {
    this.source = source;
    this.onFound = onFound;
    this.onMiss = onMiss;
  }

  /** Of another recording nothing holds. */
  forget() {
    [this.#found, this.#asking, this.#missed] = [null, null, false];
  }

  /** Lets what was not found be looked for again. @returns {boolean} whether there was such */
  heal() {
    const missed = this.#missed;
    this.#missed = false;
    if (missed) this.onFound();
    return missed;
  }

  /** @param {Frame} frame @returns {{t: number, frame: Frame} | null} null while it is looked for; then `onFound` is called */
  of(frame) {
    const t = anchorTOf(frame);
    if (frame.t === t) this.#found = { t, frame };
    if (this.#found?.t === t) return this.#found;
    if (this.#asking !== t) this.#look(t);
    return null;
  }

  /** What cannot be read is asked for again with the next frame, or after `heal`. @param {number} t */
  async #look(t) {
    this.#asking = t;
    const frame = await this.#frameAt(t).catch(() => (this.onMiss(), null));
    if (this.#asking !== t) return;
    [this.#asking, this.#missed] = [null, frame === null];
    if (!frame) return;
    this.#found = { t, frame };
    this.onFound();
  }

  /** The frame to be seen at t; at the beginning of a recording, the first. @param {number} t @returns {Promise<Frame | null>} null where the recording lags behind */
  async #frameAt(t) {
    const { frame, nextT } = await this.source(t);
    if (frame) return nextT !== null || tellsOf(frame, t) ? frame : null;
    return nextT === null ? null : (await this.source(nextT)).frame;
  }
}
