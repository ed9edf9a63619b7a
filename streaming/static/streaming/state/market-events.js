/** Owns the bursts and shocks that the page has heard of, each once, in order. */

/** A page left open for weeks must not collect them without end. */
const MOST = 2000;

/**
 * @typedef {{t: number, to: number, what: "burst" | "shock", kind: string, score: number, size: number | null}} MarketEvent
 * `to` is the last t of a burst, and t itself of a shock
 */

export class MarketEvents {
  /** @type {Map<string, MarketEvent>} */ #known = new Map();

  /** @param {import("../data/messages.js").FrameEvents | undefined} events of a frame @returns {boolean} whether there was something new */
  take(events) {
    const before = this.#known.size;
    for (const { t0, t1, kind, score } of events?.bursts ?? []) this.#add({ t: t0, to: t1, what: "burst", kind, score, size: null });
    for (const { t, kind, score, size } of events?.shocks ?? []) this.#add({ t, to: t, what: "shock", kind, score, size });
    return this.#known.size !== before;
  }

  clear() {
    this.#known.clear();
  }

  /** @param {number} fromT @param {number} toT @returns {MarketEvent[]} by t */
  within(fromT, toT) {
    return [...this.#known.values()].filter(({ t, to }) => to >= fromT && t <= toT).sort((a, b) => a.t - b.t);
  }

  /** A burst that was under way at its first frame is told by that frame alone. @param {MarketEvent} marketEvent */
  #add(marketEvent) {
    this.#known.set(`${marketEvent.what}/${marketEvent.kind}/${marketEvent.t}`, marketEvent);
    if (this.#known.size > MOST) this.#known.delete(/** @type {string} */ (this.#known.keys().next().value));
  }
}
