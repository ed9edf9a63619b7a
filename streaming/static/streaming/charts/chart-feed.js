/** Owns which stretch the charts show, and its metrics: from the stream where it brought them, else from the recording. */

import { page } from "./axis.js";
import { METRIC_COLUMNS } from "../data/messages.js";

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
  /** The stretch under way, of which the answer counts. @type {Stretch | null} */ #asking = null;
  /** The stretch that could not be read; it is asked for again after `heal`. @type {Stretch | null} */ #failed = null;

  /**
   * @param {{past: import("../data/recording.js").Past, store: import("../state/store.js").Store, span: number, turn: () => Promise<void>,
   *   onColumns: (columns: Columns, stretch: Stretch) => void, onStretch: (stretch: Stretch) => void, onError: (error: Error) => void}} parts
   *   `turn` comes when the recording may be asked, `onStretch` hears of each new stretch of the past
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
    [this.#loaded, this.#asking] = [null, null];
    const from = Math.max(whole.to - span, Math.min(whole.from, store.metrics.first("t") ?? 0));
    this.stretch = { from, to: Math.max(whole.to, from + 50) };
    onColumns(store.columns(), this.stretch);
    return false;
  }

  /** Shows a stretch around t. @param {number} t @param {Stretch} whole */
  show(t, whole) {
    const stretch = page(this.stretch, t, this.parts.span, whole);
    this.stretch = stretch;
    if (!same(stretch, this.#loaded)) this.#want(stretch);
    else if (this.#behind(stretch)) this.#draw(stretch);
  }

  /** Lets what could not be read be asked for again. @returns {boolean} whether there was such */
  heal() {
    const failed = this.#failed !== null;
    this.#failed = null;
    return failed;
  }

  /** Lets everything be read anew. */
  forget() {
    [this.stretch, this.#loaded, this.#recorded, this.#drawnT, this.#drawnMs] = [null, null, emptyColumns(), -1, -Infinity];
    [this.#asking, this.#failed] = [null, null];
  }

  /** @param {Stretch} stretch */
  #want(stretch) {
    if (!same(stretch, this.#asking) && !same(stretch, this.#failed)) this.#load(stretch);
  }

  /** @param {Stretch} stretch */
  async #load(stretch) {
    this.#asking = stretch;
    let columns;
    try {
      await this.parts.turn();
      if (this.#asking !== stretch) return;
      columns = await this.parts.past.metrics(stretch.from, stretch.to);
    } catch (error) {
      if (this.#asking === stretch) this.#miss(stretch, /** @type {Error} */ (error));
      return;
    }
    if (this.#asking !== stretch) return;
    this.#asking = null;
    if (!same(stretch, this.stretch)) return;
    [this.#loaded, this.#recorded] = [stretch, columns];
    this.#draw(stretch);
    this.parts.onStretch(stretch);
  }

  /** @param {Stretch} stretch @param {Error} error */
  #miss(stretch, error) {
    [this.#asking, this.#failed] = [null, stretch];
    this.parts.onError(error);
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
