/**
 * Owns the blocks of segments: each from one seek point to the next, fetched by byte range, decompressed, and kept while
 * there is room. Runs in the worker.
 */

import { ApiError, get, marketPath } from "../data/api.js";
import { LineSplitter } from "./ndjson.js";
import { lastingName, nameOf } from "../data/segments.js";
import { Tape } from "./tape.js";
import { SegmentError, checkedText } from "./zstd.js";

/** @typedef {import("../data/segments.js").Segment} Segment */
/** @typedef {import("../data/segments.js").Kind} Kind */
/** @typedef {[t: number, offset: number]} SeekPoint first t and byte offset of a block */
/** @typedef {{list: SeekPoint[], of: string}} Points seek points, and the SHA-256 of the finished file that has them: a copy of it may be compressed anew */
/** @typedef {{tape: Tape, offset: number, nextT: number | null}} Block `nextT` begins the next block of the segment */
/** @typedef {(url: string, options?: RequestInit) => Promise<Response>} Fetch */

/** Characters of text kept; a block has about a million, a minute of 74 agents six of them. */
const ROOM = 64 * 2 ** 20;

/** What a server answers that has less of a file than was asked for. */
const NO_SUCH_RANGE = 416;

/** What a server answers that has a segment only in another form than before. */
const OTHER_CONTENT = 409;

/** Segments whose seek points are kept: three days of five minutes each. */
const POINTS_KEPT = 1000;

export class Blocks {
  /** Least recently used first; a block on its way has no size yet. @type {Map<string, {block: Promise<Block>, size: number}>} */
  #kept = new Map();
  /** @type {Map<string, Promise<Points>>} */
  #points = new Map();
  /** Bytes fetched so far. */
  fetched = 0;

  /** @param {string} symbol @param {{fetch?: Fetch, room?: number}} [options] replaced in tests */
  constructor(symbol, { fetch = get, room = ROOM } = {}) {
    this.symbol = symbol;
    this.fetch = fetch;
    this.room = room;
  }

  /** Characters of text held. */
  get size() {
    return [...this.#kept.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** The block of a segment that holds t, or would if t were recorded. @param {Kind} kind @param {Segment} segment @param {number} t */
  async at(kind, segment, t) {
    const open = segment.pending ? await this.#kept.get(openKey(kind, segment))?.block : undefined;
    if (open && t >= open.tape.ts[0] && t <= (open.tape.ts.at(-1) ?? -1)) return open;
    try {
      return await this.#blockOf(kind, segment, t, await this.#seekPoints(kind, segment));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === OTHER_CONTENT)) throw error;
      return this.#blockOf(kind, segment, t, await this.#seekPoints(kind, segment, "reload"));
    }
  }

  /** @param {Kind} kind @param {Segment} segment @param {number} t @param {Points} points */
  #blockOf(kind, segment, t, points) {
    return this.#block(kind, segment, points, Math.max(0, points.list.findLastIndex(([firstT]) => firstT <= t)));
  }

  /** The blocks of some segments that touch a range of t, in order. @param {Kind} kind @param {Segment[]} segments @param {number} fromT @param {number} toT */
  async *over(kind, segments, fromT, toT) {
    for (const segment of segments) {
      /** @type {number | null} */
      let t = fromT;
      do {
        /** @type {Block} */
        const block = await this.at(kind, segment, t);
        yield block;
        t = block.nextT;
      } while (t !== null && t <= toT);
    }
  }

  /** Those of a finished segment change only where its file gives way to a copy. @param {Kind} kind @param {Segment} segment @param {RequestCache} [cache] @returns {Promise<Points>} */
  #seekPoints(kind, segment, cache) {
    const key = nameKey(kind, segment);
    const known = segment.pending || cache ? undefined : this.#points.get(key);
    if (known) return known;
    const points = this.#fetchPoints(kind, segment, cache);
    if (!segment.pending) this.#keepPoints(key, points);
    return points;
  }

  /** @param {string} key @param {Promise<Points>} points */
  #keepPoints(key, points) {
    this.#points.set(key, points);
    if (this.#points.size > POINTS_KEPT) this.#points.delete(/** @type {string} */ (this.#points.keys().next().value));
    points.catch(() => this.#points.delete(key));
  }

  /** @param {Kind} kind @param {Segment} segment @param {RequestCache} [cache] @returns {Promise<Points>} */
  async #fetchPoints(kind, segment, cache) {
    const response = await this.fetch(this.#url(kind, segment, { format: "seek" }), cache ? { cache } : cacheOf(segment));
    const { seek_points: points, sha256 = "" } = await response.json();
    return { list: points.length ? points : [[segment.start_t, 0]], of: sha256 };
  }

  /** @param {Kind} kind @param {Segment} segment @param {Points} points @param {number} index @returns {Promise<Block>} */
  #block(kind, segment, points, index) {
    // The last block of a segment that is being recorded still grows: it is fetched anew each time.
    const open = segment.pending && index === points.list.length - 1;
    const key = open ? openKey(kind, segment) : `${nameKey(kind, segment)}/${points.of}/${points.list[index][1]}`;
    const kept = open ? undefined : this.#kept.get(key)?.block;
    const block = kept ?? this.#read(kind, segment, points, index, open);
    this.#keep(key, block);
    return block;
  }

  /** @param {Kind} kind @param {Segment} segment @param {Points} points @param {number} index @param {boolean} open @returns {Promise<Block>} */
  async #read(kind, segment, { list, of }, index, open) {
    const offset = list[index][1];
    const [nextT, end] = list[index + 1] ?? [null, null];
    const range = `bytes=${offset}-${end === null ? "" : end - 1}`;
    const url = this.#url(kind, segment, of ? { of } : {});
    const bytes = await this.#bytes(url, { headers: { Range: range }, ...cacheOf(segment) }, open);
    this.fetched += bytes?.length ?? 0;
    const [fromT, toT] = [list[index][0], nextT === null ? segment.end_t : nextT - 1];
    const tape = bytes && taped(bytes, open);
    const belongs = tape?.ts.every((t) => t >= fromT && (t <= toT || (open && nextT === null)));
    return { tape: tape && belongs ? tape : missing(kind, fromT, toT), offset, nextT };
  }

  /** Part of a file; null where a finished one ends before it. @param {string} url @param {RequestInit} options @param {boolean} open */
  async #bytes(url, options, open) {
    try {
      return new Uint8Array(await (await this.fetch(url, options)).arrayBuffer());
    } catch (error) {
      if (!open && error instanceof ApiError && error.status === NO_SUCH_RANGE) return null;
      throw error;
    }
  }

  /** Keeps a block as the one used last. @param {string} key @param {Promise<Block>} block */
  #keep(key, block) {
    const known = this.#kept.get(key);
    const entry = known?.block === block ? known : { block, size: 0 };
    this.#kept.delete(key);
    this.#kept.set(key, entry);
    if (entry === known) return;
    block.then(({ tape }) => {
      entry.size = tape.size;
      this.#makeRoom();
    }, () => this.#kept.get(key) === entry && this.#kept.delete(key));
  }

  /** The block used last stays, whatever its size. */
  #makeRoom() {
    let { size } = this;
    for (const [key, entry] of [...this.#kept].slice(0, -1)) {
      if (size <= this.room) return;
      this.#kept.delete(key);
      size -= entry.size;
    }
  }

  /** @param {Kind} kind @param {Segment} segment @param {Record<string, string>} [parameters] */
  #url(kind, segment, parameters) {
    return marketPath(`/segment/${kind}/${nameOf(segment)}`, this.symbol, parameters);
  }
}

/** By the file's lasting name: a market begun anew in another store has other segments with the same t. @param {Kind} kind @param {Segment} segment */
function nameKey(kind, segment) {
  return `${kind}/${lastingName(segment)}`;
}

/** @param {Kind} kind @param {Segment} segment */
function openKey(kind, segment) {
  return `${nameKey(kind, segment)}/open`;
}

/** @param {Segment} segment @returns {RequestInit} */
function cacheOf({ pending }) {
  return { cache: pending ? "no-store" : "default" };
}

/** @param {Uint8Array} bytes @param {boolean} open whether the last zstd frame in them may not have ended @returns {Tape | null} null where they are not what was written */
function taped(bytes, open) {
  const tape = new Tape();
  const splitter = new LineSplitter();
  try {
    for (const piece of checkedText(bytes, open)) splitter.push(piece).forEach((line) => tape.add(line));
  } catch (error) {
    if (error instanceof SegmentError) return null;
    throw error;
  }
  return tape;
}

/** A block that cannot be read: nothing but a gap. @param {Kind} kind @param {number} fromT @param {number} toT */
function missing(kind, fromT, toT) {
  const tape = new Tape();
  tape.add(JSON.stringify({ type: "gap", kind, from_t: fromT, to_t: Math.max(fromT, toT), reason: "damaged" }));
  return tape;
}
