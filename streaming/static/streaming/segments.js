/** Owns reaching the recording: the manifest, and opened segments in their worker. */

import { ApiError, getJSON, marketPath } from "./api.js";

/** @typedef {{path: string, start_t: number, end_t: number, lines: number, bytes: number, created_at: string, pending: boolean}} Segment */
/** @typedef {"ticks" | "frames" | "metrics"} Kind */

/** @param {Kind} kind @param {string} symbol @returns {Promise<Segment[]>} oldest first, the pending one last */
export function fetchManifest(kind, symbol) {
  return getJSON(marketPath(`/manifest/${kind}`, symbol));
}

/** @param {Segment} segment */
export function nameOf(segment) {
  return /** @type {string} */ (segment.path.split("/").pop());
}

/** @param {Segment[]} segments @param {number} t @returns {Segment | undefined} the one holding t, else the last that began before it */
export function segmentAt(segments, t) {
  return segments.findLast(({ start_t }) => start_t <= t);
}

/** @param {Segment[]} segments @param {number} fromT @param {number} toT */
export function overlapping(segments, fromT, toT) {
  return segments.filter(({ start_t, end_t, pending }) => start_t <= toT && (pending || end_t >= fromT));
}

/** One opened segment; its lines stay in the worker until it is closed. */
export class OpenSegment {
  /** @param {SegmentReader} reader @param {number} id @param {Float64Array} ts of its messages, ascending @param {import("./messages.js").Gap[]} gaps */
  constructor(reader, id, ts, gaps) {
    this.reader = reader;
    this.id = id;
    this.ts = ts;
    this.gaps = gaps;
  }

  /** @param {number} index @returns {Promise<any>} */
  message(index) {
    return this.reader.ask("message", { segment: this.id, index });
  }

  /** @returns {Promise<Float64Array[]>} one array per name of `METRIC_COLUMNS` */
  metricColumns() {
    return this.reader.ask("metricColumns", { segment: this.id });
  }

  close() {
    return this.reader.ask("close", { segment: this.id });
  }
}

export class SegmentReader {
  #worker = new Worker(new URL("./segment-worker.js", import.meta.url), { type: "module" });
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void, onProgress?: (bytes: number) => void}>} */
  #waiting = new Map();
  #asked = 0;

  constructor() {
    this.#worker.onmessage = ({ data }) => this.#answered(data);
  }

  /**
   * Fetches and decompresses a whole segment.
   * @param {Kind} kind @param {string} symbol @param {Segment} segment @param {(bytes: number) => void} [onProgress] compressed bytes read
   * @returns {Promise<OpenSegment>}
   */
  async open(kind, symbol, segment, onProgress) {
    const id = this.#asked + 1;
    const url = marketPath(`/segment/${kind}/${nameOf(segment)}`, symbol);
    const { ts, gaps } = await this.ask("open", { segment: id, url, pending: segment.pending }, onProgress);
    return new OpenSegment(this, id, ts, gaps);
  }

  /** Gives up the worker and all that it holds. */
  end() {
    this.#worker.terminate();
  }

  /** @param {string} kind @param {object} task @param {(bytes: number) => void} [onProgress] @returns {Promise<any>} */
  ask(kind, task, onProgress) {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress });
      this.#worker.postMessage({ id, kind, task });
    });
  }

  /** @param {any} answer */
  #answered({ id, value, error, progress }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (progress !== undefined) return waiting.onProgress?.(progress);
    this.#waiting.delete(id);
    if (error) waiting.reject(new ApiError(error.status ?? 0, error.code ?? "unreadable", error.message));
    else waiting.resolve(value);
  }
}
