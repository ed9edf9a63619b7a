/** Owns which stretch the charts show, and its metrics: from the stream where it brought them, else from the recording. */

import { page } from "./axis.js";
import { METRIC_COLUMNS } from "./messages.js";

/** How far the stream may be ahead of a standing chart before it is drawn again, in ticks. */
const REDRAW_AFTER = 5;

/** Live charts move ten times a second, however fast the market: more is not seen, and costs. */
const REDRAW_MS = 90;

/** @typedef {import("./axis.js").Stretch} Stretch */
/** @typedef {Record<string, Float64Array>} Columns */

export class ChartFeed {
  /** @type {Stretch | null} */ stretch = null;
  /** The stretch whose recorded metrics are held. @type {Stretch | null} */ #loaded = null;
  /** @type {Columns} */ #recorded = emptyColumns();
  #drawnT = -1;
  #drawnMs = -Infinity;
  #asked = 0;

  /**
   * @param {{past: import("./past.js").Past, store: import("./store.js").Store, span: number,
   *   onColumns: (columns: Columns, stretch: Stretch) => void, onStretch: (stretch: Stretch) => void, onError: (error: Error) => void}} parts
   *   `onStretch` hears of each new stretch of the past
   */
  constructor(parts) {
    this.parts = parts;
  }

  /** Shows the stretch that ends now. @param {Stretch} whole @param {number} nowMs @returns {boolean} whether the charts are behind */
  follow(whole, nowMs) {
    const { store, span, onColumns } = this.parts;
    const lastT = store.metrics.last("t");
    if (lastT === undefined || lastT === this.#drawnT) return false;
    if (nowMs - this.#drawnMs < REDRAW_MS) return true;
    [this.#drawnT, this.#drawnMs] = [lastT, nowMs];
    this.#loaded = null;
    const from = Math.max(whole.to - span, Math.min(whole.from, store.metrics.first("t") ?? 0));
    this.stretch = { from, to: Math.max(whole.to, from + 50) };
    onColumns(store.columns(), this.stretch);
    return false;
  }

  /** Shows a stretch around t. @param {number} t @param {Stretch} whole */
  show(t, whole) {
    const stretch = page(this.stretch, t, this.parts.span, whole);
    this.stretch = stretch;
    if (!same(stretch, this.#loaded)) this.#load(stretch);
    else if (this.#behind(stretch)) this.#draw(stretch);
  }

  /** Lets everything be read anew. */
  forget() {
    [this.stretch, this.#loaded, this.#recorded, this.#drawnT, this.#drawnMs] = [null, null, emptyColumns(), -1, -Infinity];
  }

  /** @param {Stretch} stretch */
  async #load(stretch) {
    this.#loaded = stretch;
    this.#asked += 1;
    const turn = this.#asked;
    try {
      const columns = await this.parts.past.metrics(stretch.from, stretch.to);
      if (turn !== this.#asked || !same(stretch, this.stretch)) return;
      this.#recorded = columns;
      this.#draw(stretch);
      this.parts.onStretch(stretch);
    } catch (error) {
      if (turn === this.#asked) this.parts.onError(/** @type {Error} */ (error));
    }
  }

  /** Whether the stream has gone on within the stretch since it was drawn. @param {Stretch} stretch */
  #behind({ to }) {
    return this.#drawnT < to && (this.parts.store.metrics.last("t") ?? -1) >= this.#drawnT + REDRAW_AFTER;
  }

  /** @param {Stretch} stretch */
  #draw(stretch) {
    const columns = joined(this.#recorded, this.parts.store.columns(), stretch.to);
    this.#drawnT = columns.t.at(-1) ?? -1;
    this.parts.onColumns(columns, stretch);
  }
}

/** The recorded rows, and of the stream's those that follow them. @param {Columns} recorded @param {Columns} streamed @param {number} toT @returns {Columns} */
export function joined(recorded, streamed, toT) {
  const known = recorded.t.at(-1) ?? -1;
  const from = streamed.t.findIndex((t) => t > known);
  const to = streamed.t.findLastIndex((t) => t <= toT) + 1;
  if (from < 0 || to <= from) return recorded;
  return Object.fromEntries(METRIC_COLUMNS.map((name) => [name, Float64Array.from([...recorded[name], ...streamed[name].subarray(from, to)])]));
}

/** @returns {Columns} */
export function emptyColumns() {
  return Object.fromEntries(METRIC_COLUMNS.map((name) => [name, new Float64Array(0)]));
}

/** @param {Stretch | null} some @param {Stretch | null} other */
function same(some, other) {
  return some !== null && other !== null && some.from === other.from && some.to === other.to;
}
