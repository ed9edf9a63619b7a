/** Owns reaching the recording from the page: the manifests here, everything else by way of the worker. */

import { ApiError } from "./api.js";
import { METRIC_COLUMNS } from "./messages.js";
import { accountsFor, acrossSegments, broughtUpToDate, fetchManifest, gapsBetween, mergedGaps, overlapping, reachOf, segmentAt } from "./segments.js";

/** @typedef {import("./segments.js").Segment} Segment */
/** @typedef {import("./segments.js").Span} Span */
/** @typedef {Record<import("./segments.js").Kind, Segment[]>} Segments */

/** The manifest lags behind the files by a second; asking more often brings nothing. */
const FRESH_MS = 1000;

const KINDS = /** @type {const} */ (["ticks", "frames", "metrics"]);
const none = () => ({ ticks: [], frames: [], metrics: [] });

export class Past {
  /** @type {Worker | null} */ #worker = null;
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();
  #asked = 0;
  #refreshedMs = -Infinity;
  /** @type {Span[]} */ #told = [];
  /** Found once for each state of the manifest: a page asks at every drawing. @type {Span[] | null} */ #gaps = null;
  /** @type {Promise<void> | null} */ #refreshing = null;
  /** The recording that the segments are of. @type {string | null} */ #store = null;
  /** Whether something changed elsewhere than at the ends of the manifests: they are taken whole next time. */ #behind = false;
  /** @type {Segments} */ segments = none();
  /** Bytes of segments fetched so far. */
  fetched = 0;

  /** @param {string} symbol */
  constructor(symbol) {
    this.symbol = symbol;
  }

  /** Forgets what files told that are no longer there, and the blocks of them that the worker keeps. */
  forget() {
    if (this.#worker) this.#lost(this.#worker);
    [this.#told, this.#gaps, this.#store, this.segments] = [[], null, null, none()];
  }

  /** @returns {Worker} */
  #start() {
    const url = new URL("./segment-worker.js", import.meta.url);
    url.searchParams.set("symbol", this.symbol);
    const worker = new Worker(url, { type: "module" });
    worker.onmessage = ({ data }) => this.#answered(data);
    worker.onerror = () => this.#lost(worker);
    return worker;
  }

  /** The worker could not be loaded, or died: nobody waits for it any more, and the next question gets another. @param {Worker} worker */
  #lost(worker) {
    if (worker !== this.#worker) return;
    worker.terminate();
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(new ApiError(0, "worker_lost", "the recording's worker ended"));
    this.#waiting.clear();
  }

  get empty() {
    return this.segments.ticks.length === 0;
  }

  get firstT() {
    return this.segments.ticks[0]?.start_t ?? 0;
  }

  get lastT() {
    return this.segments.ticks.at(-1)?.end_t ?? 0;
  }

  /** Where nothing was recorded: between segments, and inside them as far as they were read. */
  get gaps() {
    this.#gaps ??= mergedGaps(gapsBetween(this.segments.ticks), this.#told);
    return this.#gaps;
  }

  /** Learns what the manifests tell by now. */
  refresh() {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  /** @returns {Promise<void>} */
  async #refresh() {
    const { segments } = this;
    const known = this.#behind ? none() : segments;
    this.#behind = false;
    const found = await Promise.all(KINDS.map((kind) => fetchManifest(kind, this.symbol, reachOf(known[kind]))));
    if (this.segments !== segments) return this.#refresh(); // it was forgotten meanwhile
    const store = found[0].store ?? this.#store;
    if (this.#store !== null && this.#store !== store) {
      this.forget();
      return this.#refresh();
    }
    const [ticks, frames, metrics] = KINDS.map((kind, i) => broughtUpToDate(known[kind], found[i]));
    // One that was given up by its writer may have been finished among others that are known.
    this.#behind = !KINDS.every((kind, i) => accountsFor(known[kind], found[i]));
    [this.segments, this.#gaps, this.#store] = [{ ticks, frames, metrics }, null, store];
    this.#refreshedMs = performance.now();
  }

  /** The frame to be seen at t. @param {number} t @returns {Promise<import("./frame-feed.js").Found>} */
  async frame(t) {
    await this.#reach("frames", t);
    const { frames } = this.segments;
    const segment = segmentAt(frames, t);
    if (!segment) return { frame: null, previousT: null, nextT: frames[0]?.start_t ?? null };
    return acrossSegments(await this.#ask("frame", { segment, t }), frames, segment);
  }

  /** Reads ahead of t, whatever comes of it: what fails will fail again when it is wanted. @param {number} t */
  readAhead(t) {
    const segment = segmentAt(this.segments.frames, t);
    if (segment) this.#ask("readAhead", { segment, t }).catch(() => {});
  }

  /** @param {number} fromT @param {number} toT @returns {Promise<Record<string, Float64Array>>} a column for each of `METRIC_COLUMNS` */
  async metrics(fromT, toT) {
    await this.#reach("metrics", toT);
    const { columns, gaps } = await this.#askRange("metrics", "metrics", fromT, toT);
    [this.#told, this.#gaps] = [mergedGaps(this.#told, gaps), null];
    return Object.fromEntries(METRIC_COLUMNS.map((name, i) => [name, columns[i]]));
  }

  /** @param {number} fromT @param {number} toT @returns {Promise<import("./messages.js").FrameEvents[]>} */
  events(fromT, toT) {
    return this.#askRange("events", "frames", fromT, toT);
  }

  /** @param {number} agent @param {number} fromT @param {number} toT @returns {Promise<number[][]>} rows of t and `FEATURES` */
  async features(agent, fromT, toT) {
    await this.#reach("frames", toT);
    return this.#askRange("features", "frames", fromT, toT, { agent });
  }

  /** Looks at the manifest again where t lies beyond what it told. @param {import("./segments.js").Kind} kind @param {number} t */
  async #reach(kind, t) {
    const known = this.segments[kind].at(-1)?.end_t ?? -1;
    if (t > known && performance.now() - this.#refreshedMs > FRESH_MS) await this.refresh();
  }

  /** @param {string} question @param {import("./segments.js").Kind} kind @param {number} fromT @param {number} toT @param {object} [more] */
  #askRange(question, kind, fromT, toT, more = {}) {
    return this.#ask(question, { segments: overlapping(this.segments[kind], fromT, toT), fromT, toT, ...more });
  }

  /** @param {string} question @param {object} wish @returns {Promise<any>} */
  #ask(question, wish) {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker ??= this.#start();
      this.#worker.postMessage({ id, question, wish });
    });
  }

  /** @param {any} data */
  #answered({ id, answer, error, fetched }) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error?.status === 404) this.#behind = true; // of a segment that is not there any more, among others that are
    if (error) return waiting?.reject(new ApiError(error.status ?? 0, error.code ?? "unreadable", error.message));
    this.fetched = fetched;
    waiting?.resolve(answer);
  }
}
