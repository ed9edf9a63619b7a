/** Owns the metrics of single ticks that the charts draw: from the stream where it brought them, else from the recording. */

import { METRIC_COLUMNS } from "../data/messages.js";

/** Live charts move ten times a second, however fast the market: more is not seen, and costs. */
const REDRAW_MS = 90;

/** How far the stream may be ahead of a standing chart before it is drawn again, in ticks. */
const REDRAW_AFTER = 5;

/** What is read lies around what is shown by this share of it, so that a chart can be moved a little. */
const BESIDE = 0.25;

/** @typedef {import("./axis.js").Stretch} Stretch */
/** @typedef {Record<string, Float64Array>} Columns */

export class ChartFeed {
  /** The stretch shown. @type {Stretch | null} */ stretch = null;
  /** The rows known of it, none where it is only known in buckets. @type {Columns} */ columns = emptyColumns();
  /** The stretch whose recorded metrics are held. @type {Stretch | null} */ #loaded = null;
  /** @type {Columns} */ #recorded = emptyColumns();
  /** How far the stream had come when these were asked for: what lies behind comes from it, as long as it has that. */ #readT = -1;
  /** How far the recording was known to go then. */ #endT = -1;
  #drawnT = -1;
  #drawnMs = -Infinity;
  /** The stretch whose rows are wanted. @type {Stretch | null} */ #wanted = null;
  #reading = false;
  #age = 0;
  /** The stretch that could not be read; it is asked for again after `heal`. @type {Stretch | null} */ #failed = null;

  /**
   * @param {{past: {lastT: number, metrics: (fromT: number, toT: number) => Promise<Columns>}, store: import("../state/store.js").Store,
   *   turn: () => Promise<void>, onColumns: (columns: Columns, stretch: Stretch) => void, onError: (error: Error) => void}} parts
   *   `turn` comes when the recording may be asked; `onColumns` gets no rows where the stretch is only known in buckets
   */
  constructor(parts) {
    this.parts = parts;
  }

  /** Shows a stretch at whose end the stream goes on. @param {Stretch} stretch @param {number} nowMs @param {boolean} summed whether it is longer than the stream's rows reach @returns {boolean} whether the charts are behind */
  follow(stretch, nowMs, summed) {
    const { store } = this.parts;
    const lastT = store.metrics.last("t");
    const moved = this.#moves(stretch);
    if (lastT === undefined || (lastT === this.#drawnT && !moved)) return false;
    if (nowMs - this.#drawnMs < REDRAW_MS) return true;
    [this.#drawnT, this.#drawnMs, this.#loaded, this.#wanted] = [lastT, nowMs, null, null];
    this.#draw(stretch, summed ? emptyColumns() : store.columns());
    return false;
  }

  /** Shows a stretch of which single ticks can be seen. @param {Stretch} stretch */
  show(stretch) {
    const moved = this.#moves(stretch);
    this.stretch = stretch;
    if (this.#isTorn(stretch)) this.#loaded = null;
    if (covers(this.#loaded, stretch)) {
      if (moved || this.#behind(stretch)) this.#draw(stretch, this.#joined());
      return;
    }
    if (moved) this.#draw(stretch, emptyColumns());
    this.#want(stretch);
  }

  /** Shows a stretch too long for single ticks. @param {Stretch} stretch */
  showSummed(stretch) {
    this.#wanted = null;
    if (this.#moves(stretch)) this.#draw(stretch, emptyColumns());
  }

  /** Draws what is shown once more, since more is known of it; rows of the stream with the next drawing, since they move. */
  redraw() {
    if (covers(this.#loaded, this.stretch ?? { from: 0, to: 0 }) || !this.columns.t.length) this.stretch && this.#draw(this.stretch, this.columns);
    else [this.#drawnT, this.#drawnMs] = [-1, -Infinity];
  }

  /** Lets the end be read again where the recording has gone on within what is shown, and no stream told of it. */
  refresh() {
    const knownT = Math.max(this.#recorded.t.at(-1) ?? -1, this.parts.store.position ?? -1, this.#endT);
    if (this.stretch && this.stretch.to > knownT && this.parts.past.lastT > knownT) this.#loaded = null;
  }

  /** Lets what could not be read be asked for again. @returns {boolean} whether there was such */
  heal() {
    const failed = this.#failed !== null;
    this.#failed = null;
    return failed;
  }

  /** Lets everything be read anew. */
  forget() {
    [this.stretch, this.columns, this.#loaded, this.#recorded] = [null, emptyColumns(), null, emptyColumns()];
    [this.#drawnT, this.#drawnMs, this.#failed, this.#wanted] = [-1, -Infinity, null, null];
    this.#age += 1;
  }

  /** @param {Stretch} stretch */
  #moves({ from, to }) {
    return this.stretch === null || this.stretch.from !== from || this.stretch.to !== to;
  }

  /** One reading at a time; the next is of what is wanted by then. @param {Stretch} stretch */
  async #want(stretch) {
    this.#wanted = stretch;
    if (this.#reading) return;
    this.#reading = true;
    while (this.#wanted && !covers(this.#loaded, this.#wanted) && !covers(this.#failed, this.#wanted)) await this.#read(around(this.#wanted));
    this.#reading = false;
  }

  /** @param {Stretch} wide */
  async #read(wide) {
    const age = this.#age;
    let columns, readT = -1, endT = -1;
    try {
      await this.parts.turn();
      if (!this.#wanted || !covers(wide, this.#wanted)) return;
      [readT, endT] = [this.parts.store.metrics.last("t") ?? -1, this.parts.past.lastT];
      columns = await this.parts.past.metrics(wide.from, wide.to);
    } catch (error) {
      if (age !== this.#age) return;
      this.#failed = wide;
      return this.parts.onError(/** @type {Error} */ (error));
    }
    if (age !== this.#age) return;
    [this.#loaded, this.#recorded, this.#readT, this.#endT] = [wide, columns, readT, endT];
    if (this.#wanted && covers(wide, this.#wanted)) this.#draw(this.#wanted, this.#joined());
  }

  /** Whether rows of the stretch are neither among those read nor among the stream's, which keeps its last alone. @param {Stretch} stretch */
  #isTorn({ to }) {
    return this.#loaded !== null && to > this.#readT && (this.parts.store.metrics.first("t") ?? -1) > this.#readT + 1;
  }

  #joined() {
    return joined(this.#recorded, this.parts.store.columns(), /** @type {Stretch} */ (this.#loaded).to);
  }

  /** Whether the stream has gone on within the stretch since it was drawn. @param {Stretch} stretch */
  #behind({ to }) {
    return this.#drawnT < to && (this.parts.store.metrics.last("t") ?? -1) >= this.#drawnT + REDRAW_AFTER;
  }

  /** @param {Stretch} stretch @param {Columns} columns */
  #draw(stretch, columns) {
    [this.stretch, this.columns] = [stretch, columns];
    this.#drawnT = Math.max(columns.t.at(-1) ?? -1, this.#drawnT);
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

/** @param {Stretch} stretch @returns {Stretch} */
function around({ from, to }) {
  const beside = Math.ceil((to - from) * BESIDE);
  return { from: Math.max(0, Math.floor(from) - beside), to: Math.ceil(to) + beside };
}

/** @param {Stretch | null} some @param {Stretch} stretch */
function covers(some, { from, to }) {
  return some !== null && some.from <= from && some.to >= to;
}
