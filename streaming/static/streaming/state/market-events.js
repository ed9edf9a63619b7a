/** Owns the bursts and shocks that the page has heard of, each once, in order. */

/** A page left open for weeks must not collect them without end. */
const MOST = 2000;

/**
 * @typedef {{t: number, to: number, frameT: number, what: "burst" | "shock", kind: string, score: number}} MarketEvent
 * `to` is the last t of a burst, and t itself of a shock; `frameT` is the t of the frame that tells of it
 */
/** As `/overview` tells it; the size of a burst is how many ticks it has. @typedef {{t: number, kind: string, size: number, score: number, frame_t: number}} SummedEvent */

export class MarketEvents {
  /** @type {Map<string, MarketEvent>} */ #known = new Map();
  /** By t; made when it is asked for. @type {MarketEvent[] | null} */ #ordered = null;

  /** @param {{t: number, events?: import("../data/messages.js").FrameEvents} | null} frame @returns {boolean} whether there was something new */
  take(frame) {
    if (!frame) return false;
    const { bursts = [], shocks = [] } = frame.events ?? {};
    return this.#addAll([
      ...bursts.map(({ t0, t1, kind, score }) => ({ t: t0, to: t1, frameT: frame.t, what: /** @type {const} */ ("burst"), kind, score })),
      ...shocks.map(({ t, kind, score }) => ({ t, to: t, frameT: frame.t, what: /** @type {const} */ ("shock"), kind, score })),
    ]);
  }

  /** @param {SummedEvent[]} events of a stretch of the recording @returns {boolean} whether there was something new */
  takeSummed(events) {
    return this.#addAll(events.map(({ t, kind, size, score, frame_t }) => {
      const burst = kind === "burst";
      return { t, to: burst ? t + size - 1 : t, frameT: frame_t, what: burst ? "burst" : "shock", kind: burst ? "match" : kind, score };
    }));
  }

  clear() {
    this.#known.clear();
    this.#ordered = null;
  }

  /** All of them by t. @returns {MarketEvent[]} the same list until something new is heard of */
  all() {
    this.#ordered ??= [...this.#known.values()].sort((a, b) => a.t - b.t);
    return this.#ordered;
  }

  /** @param {number} fromT @param {number} toT @returns {MarketEvent[]} by t */
  within(fromT, toT) {
    return this.all().filter(({ t, to }) => to >= fromT && t <= toT);
  }

  /** The next one to be seen after t, or the last one before it. @param {number} t @param {number} way 1 or -1 @returns {MarketEvent | null} */
  beside(t, way) {
    const ordered = this.all();
    return (way > 0 ? ordered.find(({ frameT }) => frameT > t) : ordered.findLast(({ frameT }) => frameT < t)) ?? null;
  }

  /** @param {MarketEvent[]} events */
  #addAll(events) {
    const known = this.#known.size;
    for (const event of events) this.#add(event);
    if (this.#known.size === known) return false;
    this.#ordered = null;
    if (this.#known.size > MOST) for (const { what, kind, t } of this.all().slice(0, this.#known.size - MOST)) this.#known.delete(`${what}/${kind}/${t}`);
    this.#ordered = null;
    return true;
  }

  /** @param {MarketEvent} event */
  #add(event) {
    const name = `${event.what}/${event.kind}/${event.t}`;
    if (!this.#known.has(name)) this.#known.set(name, event);
  }
}
