/** Owns the lines of one stretch of a segment and finds a message among them without parsing the others. */

import { METRIC_COLUMNS, metricRow } from "../data/messages.js";

/** The server writes `type` and `t` first; a line made by others is parsed whole. */
const OPENING = /^\{"type":"(\w+)","t":(\d+)[,}]/;

/** @param {string} line @returns {{type: string, t: number}} t is NaN for a line without one, such as a gap */
export function headOf(line) {
  const match = OPENING.exec(line);
  if (match) return { type: match[1], t: Number(match[2]) };
  const { type, t = NaN } = JSON.parse(line);
  return { type, t };
}

export class Tape {
  /** @type {string[]} */ #lines = [];
  /** The t of every message, ascending. @type {number[]} */ ts = [];
  /** @type {import("../data/messages.js").Gap[]} */ gaps = [];
  /** Characters held. */ size = 0;

  /** @param {string} line */
  add(line) {
    const { type, t } = headOf(line);
    this.size += line.length;
    if (type === "gap") {
      this.gaps.push(JSON.parse(line));
    } else {
      this.#lines.push(line);
      this.ts.push(t);
    }
  }

  get length() {
    return this.#lines.length;
  }

  /** @param {number} index */
  message(index) {
    return JSON.parse(this.line(index));
  }

  /** A message as it was written. @param {number} index */
  line(index) {
    if (!(index in this.#lines)) throw new RangeError(`message ${index} of a segment that has ${this.length}`);
    return this.#lines[index];
  }

  /** Rows of `METRIC_COLUMNS` with fromT <= t <= toT. @param {number} fromT @param {number} toT @returns {number[][]} */
  metricRows(fromT, toT) {
    return this.#lines.filter((_, i) => this.ts[i] >= fromT && this.ts[i] <= toT).map((line) => metricRow(JSON.parse(line)));
  }
}
