/** Owns the lines of one segment and finds a message among them without parsing the others. */

import { METRIC_COLUMNS, metricRow } from "./messages.js";

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
  /** @type {number[]} */ #ts = [];
  /** @type {import("./messages.js").Gap[]} */ gaps = [];

  /** @param {string} line */
  add(line) {
    const { type, t } = headOf(line);
    if (type === "gap") {
      this.gaps.push(JSON.parse(line));
    } else {
      this.#lines.push(line);
      this.#ts.push(t);
    }
  }

  get length() {
    return this.#lines.length;
  }

  /** The t of every message, ascending. */
  ts() {
    return Float64Array.from(this.#ts);
  }

  /** @param {number} index */
  message(index) {
    if (!(index in this.#lines)) throw new RangeError(`message ${index} of a segment that has ${this.length}`);
    return JSON.parse(this.#lines[index]);
  }

  /** @returns {Float64Array[]} one array per name of `METRIC_COLUMNS` */
  metricColumns() {
    const rows = this.#lines.map((line) => metricRow(JSON.parse(line)));
    return METRIC_COLUMNS.map((_, column) => Float64Array.from(rows, (row) => row[column]));
  }
}
