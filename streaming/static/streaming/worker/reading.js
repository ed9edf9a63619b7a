/** Owns the questions a page asks of the recording, answered from blocks. Runs in the worker. */

import { FEATURES, METRIC_COLUMNS } from "../data/messages.js";
import { lastAtOrBefore } from "../charts/timeline.js";

/** @typedef {import("./blocks.js").Blocks} Blocks */
/** @typedef {import("../data/segments.js").Segment} Segment */
/** @typedef {import("../data/segments.js").Kind} Kind */
/** @typedef {{segments: Segment[], fromT: number, toT: number}} Range `segments` are those that touch the range */

/** Blocks read ahead of the one shown. */
const AHEAD = 2;

export class Reading {
  /** The frame under way: whoever waits to see it comes first. @type {Promise<unknown>} */ #frame = Promise.resolve();

  /** @param {Blocks} blocks */
  constructor(blocks) {
    this.blocks = blocks;
  }

  /** Waits until nobody waits for a frame; a page asks for one after another, so that comes. */
  async #framed() {
    for (let seen; seen !== this.#frame; ) await (seen = this.#frame);
  }

  /** The blocks of a range, each taken when nobody waits for a frame. @param {Kind} kind @param {Range} range */
  async *#over(kind, { segments, fromT, toT }) {
    const blocks = this.blocks.over(kind, segments, fromT, toT);
    for (;;) {
      await this.#framed();
      const { value, done } = await blocks.next();
      if (done) return;
      yield value;
    }
  }

  /**
   * The last frame at or before t within a segment, and the t of its neighbours as far as they are known. The page parses
   * the frame's line sooner than it would take up a copy of a frame.
   * @param {{segment: Segment, t: number}} wish
   * @returns {Promise<{line: string | null, previousT: number | null, nextT: number | null}>}
   */
  async frame({ segment, t }) {
    const block = this.blocks.at("frames", segment, t);
    this.#frame = block.catch(() => {});
    const { tape, nextT } = await block;
    const index = lastAtOrBefore(tape.ts, t);
    return {
      line: index < 0 ? null : tape.line(index),
      previousT: tape.ts[index - 1] ?? null,
      nextT: tape.ts[index + 1] ?? nextT,
    };
  }

  /** Brings the next blocks into the cache. @param {{segment: Segment, t: number}} wish */
  async readAhead({ segment, t }) {
    let { nextT } = await this.blocks.at("frames", segment, t);
    for (let i = 0; i < AHEAD && nextT !== null; i++) ({ nextT } = await this.blocks.at("frames", segment, nextT));
  }

  /** @param {Range} range @returns {Promise<{columns: Float64Array[], gaps: object[]}>} a column for each of `METRIC_COLUMNS` */
  async metrics(range) {
    const { fromT, toT } = range;
    const [rows, gaps] = [/** @type {number[][]} */ ([]), /** @type {object[]} */ ([])];
    for await (const { tape } of this.#over("metrics", range)) {
      rows.push(...tape.metricRows(fromT, toT));
      gaps.push(...tape.gaps);
    }
    return { columns: METRIC_COLUMNS.map((_, column) => Float64Array.from(rows, (row) => row[column])), gaps };
  }

  /** An agent's features in the frames of a range. @param {Range & {agent: number}} range @returns {Promise<number[][]>} rows of t and `FEATURES` */
  async features({ segments, fromT, toT, agent }) {
    const rows = [];
    for await (const { tape } of this.blocks.over("frames", segments, fromT, toT)) {
      for (const index of tape.ts.keys()) {
        if (tape.ts[index] < fromT || tape.ts[index] > toT) continue;
        const node = tape.message(index).nodes.find((/** @type {{agent_id: number}} */ { agent_id }) => agent_id === agent);
        if (node) rows.push([tape.ts[index], ...FEATURES.map((name) => node.features[name])]);
      }
    }
    return rows;
  }
}
