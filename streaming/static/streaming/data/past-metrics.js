/** Owns the metrics from before the page was opened: recorded ones, and the last second's from the server's memory. */

import { getJSON, marketPath } from "./api.js";
import { METRIC_COLUMNS, metricOf, metricRow } from "./messages.js";
import { usualStep } from "../charts/timeline.js";

/** The server's limit for `/incremental` allows more; a page needs what is not yet on disk, which is a second's ticks. */
const FROM_MEMORY = 300;

/**
 * @param {import("./recording.js").Past} past @param {number} fromT @param {number} toT
 * @returns {Promise<number[][]>} rows of `METRIC_COLUMNS`, ascending
 */
async function metricRows(past, fromT, toT) {
  const columns = await past.metrics(fromT, toT);
  const recorded = Array.from(columns.t, (_, row) => METRIC_COLUMNS.map((name) => columns[name][row]));
  return [...recorded, ...(await unrecorded(past.symbol, columns.t, toT))];
}

export class Backfill {
  #asked = 0;

  /** @param {{past: import("./recording.js").Past, store: import("../state/store.js").Store, span: number}} parts `span`: ticks that the charts show */
  constructor(parts) {
    this.parts = parts;
  }

  /** What is under way is of no use any more. */
  forget() {
    this.#asked += 1;
  }

  /**
   * Fills the live charts with what was recorded before the stream began.
   * @param {number} beforeT @returns {Promise<boolean>} whether they were: not where the stream began anew meanwhile
   */
  async fill(beforeT) {
    const { past, store, span } = this.parts;
    this.#asked += 1;
    const turn = this.#asked;
    const rows = await metricRows(past, Math.max(0, beforeT - span), beforeT);
    if (turn !== this.#asked) return false;
    store.backfill(rows);
    return true;
  }
}

/** @param {string} symbol @param {Float64Array} ts of the recorded metrics @param {number} toT */
async function unrecorded(symbol, ts, toT) {
  const step = Math.min(usualStep(ts), toT);
  const fromT = Math.max(ts.length ? ts[ts.length - 1] : -1, toT - FROM_MEMORY);
  if (toT - fromT < 1) return [];
  const { data } = await getJSON(marketPath("/incremental", symbol, { from_t: fromT, limit: toT - fromT }));
  const due = data.filter((/** @type {{t: number}} */ { t }) => t <= toT && (!ts.length || t % step === 0));
  return due.map(metricOf).map(metricRow);
}
