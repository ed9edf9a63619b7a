/** Owns what the stream has brought: the newest tick, the last frames and metrics. */

import { Columns } from "./columns.js";
import { METRIC_COLUMNS, metricRow } from "../data/messages.js";
import { lastAtOrBefore } from "../charts/timeline.js";

/** The recording lags behind the stream by about a second; these frames bridge that. */
const FRAMES_KEPT = 8;

/** @typedef {import("../data/messages.js").Tick} Tick */
/** @typedef {import("../data/messages.js").Metric} Metric */
/** @typedef {import("../data/messages.js").Frame} Frame */

export class Store {
  /** Newest last, each the neighbour of the one before. @type {Frame[]} */ frames = [];
  /** The newest, on whichever side of a gap. @type {Frame | null} */ frame = null;
  /** The newest t of which the camera is known to have made a frame, whether it came or was left out. */ #filmedT = -Infinity;
  /** @type {Tick | null} */ tick = null;
  /** Whether the metrics reach as far back as they are wanted. */ backfilled = false;

  /** @param {number} capacity metrics kept */
  constructor(capacity) {
    this.metrics = new Columns(METRIC_COLUMNS, capacity);
  }

  /** For a stream that begins anew: nothing held need be continued by it. */
  clear() {
    this.metrics.clear();
    [this.tick, this.frame, this.frames, this.#filmedT, this.backfilled] = [null, null, [], -Infinity, false];
  }

  /** The t to resume after. Of one t the tick comes last, so who has it has all of that t. */
  get position() {
    return this.tick ? this.tick.t : null;
  }

  /**
   * The frame of the present. Of one t the frame comes before the tick, so it may be a tick ahead; and the last one stays
   * while those behind it are left out on a slow connection. Of a run that has just begun there is none yet, and that of
   * the run before is over.
   * @returns {Frame | null}
   */
  get presentFrame() {
    const { frame, position } = this;
    return frame && (position ?? frame.t) - this.#filmedT < frame.window.stride ? frame : null;
  }

  /** The frame to be seen at t, if the stream brought it. @param {number} t @returns {import("../data/frame-feed.js").Found | null} */
  frameAt(t) {
    const ts = this.frames.map((frame) => frame.t);
    const index = lastAtOrBefore(ts, t);
    if (index < 0) return null;
    return { frame: this.frames[index], previousT: ts[index - 1] ?? null, nextT: ts[index + 1] ?? null };
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
        return this.#newer(this.frame?.t, message.t) && this.#keep(message);
      case "metric":
        return this.#newer(this.metrics.last("t"), message.t) && this.#push(message);
      case "gap":
        // Frames on both sides of it are no neighbours.
        this.frames = [];
        if (message.kind === "frame" && message.reason === "slow") this.#filmedT = Math.max(this.#filmedT, message.to_t);
        return true;
      default:
        return false;
    }
  }

  /** Puts recorded metrics before those that came live; those the stream has brought already are left out. @param {number[][]} rows in the order of `METRIC_COLUMNS` */
  backfill(rows) {
    const first = this.metrics.first("t") ?? Infinity;
    this.metrics.prepend(rows.filter(([t]) => t < first));
    this.backfilled = true;
  }

  /** The metrics held. @returns {Record<string, Float64Array>} views, valid until the next message */
  columns() {
    return Object.fromEntries(METRIC_COLUMNS.map((name) => [name, this.metrics.column(name)]));
  }

  /** @param {number | undefined} held @param {number} t */
  #newer(held, t) {
    return held === undefined || t > held;
  }

  /** @param {Frame} frame */
  #keep(frame) {
    [this.frame, this.#filmedT] = [frame, frame.t];
    this.frames = [...this.frames, frame].slice(-FRAMES_KEPT);
    return true;
  }

  /** @param {Metric} metric */
  #push(metric) {
    this.metrics.push(metricRow(metric));
    return true;
  }
}
