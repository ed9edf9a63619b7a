/** Owns what the live page knows of the market: the newest tick and frame, the last metrics, the gaps. */

import { Columns } from "./columns.js";
import { METRIC_COLUMNS, metricRow } from "./messages.js";

/** Gaps are drawn on the charts and rare; a page left open for weeks must not collect them without end. */
const GAPS_KEPT = 200;

/** @typedef {import("./messages.js").Tick} Tick */
/** @typedef {import("./messages.js").Metric} Metric */
/** @typedef {import("./messages.js").Frame} Frame */
/** @typedef {import("./messages.js").Gap} Gap */

export class Store {
  /** @param {number} capacity metrics kept */
  constructor(capacity) {
    this.metrics = new Columns(METRIC_COLUMNS, capacity);
    /** @type {Tick | null} */ this.tick = null;
    /** @type {Frame | null} */ this.frame = null;
    /** @type {Gap[]} */ this.gaps = [];
  }

  /** For a stream that begins anew: nothing held need be continued by it. */
  clear() {
    this.metrics.clear();
    [this.tick, this.frame, this.gaps] = [null, null, []];
  }

  /** The t to resume after. Of one t the tick comes last, so who has it has all of that t. */
  get position() {
    return this.tick ? this.tick.t : null;
  }

  /**
   * Takes one message. A resumed stream may repeat the t it broke off in; what is not newer is left out.
   * @param {any} message
   * @returns {boolean} whether anything changed
   */
  receive(message) {
    switch (message.type) {
      case "tick":
        return this.#newer(this.tick?.t, message.t) && Boolean((this.tick = message));
      case "frame":
        return this.#newer(this.frame?.t, message.t) && Boolean((this.frame = message));
      case "metric":
        return this.#newer(this.metrics.last("t"), message.t) && this.#push(message);
      case "gap":
        this.gaps = [...this.gaps, message].slice(-GAPS_KEPT);
        return true;
      default:
        return false;
    }
  }

  /** Puts recorded metrics before those that came live; those the stream has brought already are left out. @param {number[][]} rows in the order of `METRIC_COLUMNS` */
  backfill(rows) {
    const first = this.metrics.first("t") ?? Infinity;
    this.metrics.prepend(rows.filter(([t]) => t < first));
  }

  /** @param {number | undefined} held @param {number} t */
  #newer(held, t) {
    return held === undefined || t > held;
  }

  /** @param {Metric} metric */
  #push(metric) {
    this.metrics.push(metricRow(metric));
    return true;
  }
}
