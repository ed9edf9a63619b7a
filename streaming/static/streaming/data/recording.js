/** Owns reaching the recording from the page: the manifests here, everything else by way of the worker. */

import { ApiError } from "./api.js";
import { PART, broughtUpToDate, gapsIn, nothing, ofNewest, unknownIn, widened } from "./known-segments.js";
import { METRIC_COLUMNS } from "./messages.js";
import { accountsFor, acrossSegments, fetchGaps, fetchManifest, mergedGaps, overlapping, reachOf, segmentAt } from "./segments.js";

/** @typedef {import("./segments.js").Kind} Kind */
/** @typedef {import("./segments.js").Segment} Segment */
/** @typedef {import("./segments.js").Span} Span */
/** @typedef {import("./known-segments.js").Known} Known */

/** The manifest lags behind the files by a second; asking more often brings nothing. */
const FRESH_MS = 1000;

const KINDS = /** @type {const} */ (["ticks", "frames", "metrics"]);
const none = () => ({ ticks: nothing(), frames: nothing(), metrics: nothing() });

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
  /** Whether something changed elsewhere than at the ends of the manifests: nothing of them counts next time. */ #behind = false;
  /** @type {Record<Kind, Known>} */ #known = none();
  /** Gaps that the server told of when nothing was known. @type {Span[]} */ #old = [];
  /** Another number whenever what was known is known no more. */ #age = 0;
  /** The price ranges of its runs. @type {import("./messages.js").PriceRange[]} */ prices = [];
  /** Bytes of segments fetched so far. */
  fetched = 0;

  /** @param {string} symbol @param {(recording: string) => void} [onAnew] told of another recording that the manifests were the first to tell of */
  constructor(symbol, onAnew = () => {}) {
    this.symbol = symbol;
    this.onAnew = onAnew;
  }

  /** Forgets what files told that are no longer there, and the blocks of them that the worker keeps. */
  forget() {
    if (this.#worker) this.#lost(this.#worker);
    [this.#told, this.#old, this.#store, this.prices] = [[], [], null, []];
    this.#know(none());
    this.#age += 1;
  }

  /** @param {Record<Kind, Known>} known */
  #know(known) {
    [this.#known, this.#gaps] = [known, null];
  }

  /** @returns {Worker} */
  #start() {
    const url = new URL("../worker/segment-worker.js", import.meta.url);
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

  /** The segments of a kind that are known. @param {Kind} kind */
  segments(kind) {
    return this.#known[kind].segments;
  }

  /** Where the first segment of a kind begins. @param {Kind} kind @returns {number | null} null without any */
  firstOf(kind) {
    const { segments, firstT } = this.#known[kind];
    return segments.length ? Math.min(firstT, segments[0].start_t) : null;
  }

  get empty() {
    return this.segments("ticks").length === 0;
  }

  get firstT() {
    return this.firstOf("ticks") ?? 0;
  }

  get lastT() {
    return this.segments("ticks").at(-1)?.end_t ?? 0;
  }

  /** Where nothing was recorded: between segments, and inside them as far as they were read. */
  get gaps() {
    this.#gaps ??= mergedGaps([...this.#old.filter(({ from_t }) => from_t > this.firstT), ...gapsIn(this.#known.ticks)], this.#told);
    return this.#gaps;
  }

  /** Learns what the manifests tell by now. */
  refresh() {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  /** @returns {Promise<void>} */
  async #refresh() {
    const age = this.#age;
    const anew = this.#behind;
    const reach = KINDS.map((kind) => (anew ? null : reachOf(this.segments(kind))));
    this.#behind = false;
    const [old, ...found] = await Promise.all([
      reach[0] === null ? fetchGaps(this.symbol) : this.#old,
      ...KINDS.map((kind, i) => fetchManifest(kind, this.symbol, partBeyond(reach[i]))),
    ]);
    if (this.#age !== age) return this.#refresh(); // it was forgotten meanwhile
    const store = found[0].store ?? this.#store;
    if (store !== null && this.#store !== null && this.#store !== store) {
      this.forget();
      this.onAnew(store);
      return this.#refresh();
    }
    const now = KINDS.map((kind, i) => (reach[i] === null ? ofNewest(found[i]) : broughtUpToDate(this.#known[kind], found[i])));
    // One that was given up by its writer may have been finished among others that are known.
    this.#behind = !KINDS.every((kind, i) => anew || accountsFor(this.segments(kind), found[i]));
    this.#old = old;
    this.#know({ ticks: now[0], frames: now[1], metrics: now[2] });
    if (anew) this.#age += 1;
    this.#store = store;
    if (found[0].prices.length) this.prices = found[0].prices;
    this.#refreshedMs = performance.now();
  }

  /** The frame to be seen at t. @param {number} t @returns {Promise<import("./frame-feed.js").Found>} */
  async frame(t) {
    await Promise.all([this.#reach("frames", t, t), this.#learn("ticks", t, t)]);
    const found = segmentAt(this.segments("frames"), t);
    // The neighbours of a frame may be in the segments beside its own.
    if (found) await this.#learn("frames", found.start_t - 1, found.end_t + 1);
    const frames = this.segments("frames");
    const segment = segmentAt(frames, t);
    if (!segment) return { frame: null, previousT: null, nextT: this.firstOf("frames") };
    const { line, previousT, nextT } = await this.#ask("frame", { segment, t });
    return acrossSegments({ frame: frameOf(line), previousT, nextT }, frames, segment);
  }

  /** Reads ahead of t, whatever comes of it: what fails will fail again when it is wanted. @param {number} t */
  readAhead(t) {
    const segment = segmentAt(this.segments("frames"), t);
    if (segment) this.#ask("readAhead", { segment, t }).catch(() => {});
  }

  /** @param {number} fromT @param {number} toT @returns {Promise<Record<string, Float64Array>>} a column for each of `METRIC_COLUMNS` */
  async metrics(fromT, toT) {
    await this.#reach("metrics", fromT, toT);
    const { columns, gaps } = await this.#askRange("metrics", "metrics", fromT, toT);
    [this.#told, this.#gaps] = [mergedGaps(this.#told, gaps), null];
    return Object.fromEntries(METRIC_COLUMNS.map((name, i) => [name, columns[i]]));
  }

  /** @param {number} agent @param {number} fromT @param {number} toT @returns {Promise<number[][]>} rows of t and `FEATURES` */
  async features(agent, fromT, toT) {
    await this.#reach("frames", fromT, toT);
    return this.#askRange("features", "frames", fromT, toT, { agent });
  }

  /** Learns of the segments of a stretch, and looks again whether there are more where it goes beyond all. @param {Kind} kind @param {number} fromT @param {number} toT */
  async #reach(kind, fromT, toT) {
    const last = this.segments(kind).at(-1)?.end_t ?? -1;
    if (toT > last && performance.now() - this.#refreshedMs > FRESH_MS) await this.refresh();
    await this.#learn(kind, fromT, toT);
  }

  /** Learns of the segments of a stretch. @param {Kind} kind @param {number} fromT @param {number} toT */
  async #learn(kind, fromT, toT) {
    let t = unknownIn(this.#known[kind], fromT, toT);
    while (t !== null) {
      if (this.#known[kind].spans.length) await this.#widen(kind, t);
      else await this.refresh();
      t = unknownIn(this.#known[kind], fromT, toT);
    }
  }

  /** @param {Kind} kind @param {number} t */
  async #widen(kind, t) {
    const age = this.#age;
    const ask = (/** @type {Record<string, number>} */ part) => fetchManifest(kind, this.symbol, { ...part, limit: PART });
    const [older, newer] = await Promise.all([ask({ before_t: t + 1 }), ask({ after_t: t })]);
    if ((older.store ?? this.#store) !== this.#store) return this.refresh();
    if (this.#age === age) this.#know({ ...this.#known, [kind]: widened(this.#known[kind], t, older, newer) });
  }

  /** @param {string} question @param {Kind} kind @param {number} fromT @param {number} toT @param {object} [more] */
  #askRange(question, kind, fromT, toT, more = {}) {
    return this.#ask(question, { segments: overlapping(this.segments(kind), fromT, toT), fromT, toT, ...more });
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

/** @param {string | null} line @returns {import("./messages.js").Frame | null} */
function frameOf(line) {
  try {
    return line === null ? null : JSON.parse(line);
  } catch (error) {
    throw new ApiError(0, "unreadable", /** @type {Error} */ (error).message);
  }
}

/** What to ask for where the finished segments that are known reach so far, null without any. @param {number | null} t @returns {Record<string, number>} */
function partBeyond(t) {
  return t === null ? { before_t: Number.MAX_SAFE_INTEGER, limit: PART } : { after_t: t };
}
