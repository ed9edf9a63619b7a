/** Owns asking the layout's worker for the communities of a graph and the places of its agents. */

import { POOL } from "./pool.js";

/** @typedef {import("./graph-model.js").Graph} Graph */
/** @typedef {import("../worker/layout.js").LayoutTask} LayoutTask */
/** @typedef {{onCommunities: (keys: string[], communities: Int32Array) => void, onPositions: (keys: string[], positions: Float32Array, settled: boolean) => void}} Hooks */

/** @param {Graph} graph @param {(edge: import("./graph-model.js").EdgeLook) => boolean} counts which edges are meant @returns {LayoutTask} */
function taskOf({ nodes, edges }, counts) {
  const keys = [...nodes.keys()].filter((key) => key !== POOL);
  const index = new Map(keys.map((key, i) => [key, i]));
  const meant = [...edges.values()].filter(counts);
  const ends = new Uint32Array(meant.flatMap(({ source, target }) => [index.get(source) ?? 0, index.get(target) ?? 0]));
  return { keys, ends, weights: Float32Array.from(meant, ({ strength }) => strength) };
}

const drawsTogether = (/** @type {{kind: string}} */ { kind }) => kind !== "pool";

/** The edges that communities are found by: matches; in a frame that has none of them, quotes close to each other. @param {Graph} graph */
function tiesOf(graph) {
  const matches = taskOf(graph, ({ kind }) => kind === "match");
  return matches.weights.length ? matches : taskOf(graph, drawsTogether);
}

export class Arranger {
  /** @type {Worker | null} */ #worker = null;
  #number = 0;
  /** @type {string[]} */ #keys = [];
  /** The anchor that the worker has. @type {number | null} */ #anchorT = null;

  /** @param {Hooks} hooks */
  constructor(hooks) {
    this.hooks = hooks;
  }

  /** @param {Graph} graph @param {{t: number, graph: Graph} | null} anchor null while it is not known @param {boolean} arrange whether places are wished too */
  ask(graph, anchor, arrange) {
    const worker = (this.#worker ??= this.#start());
    const task = taskOf(graph, drawsTogether);
    this.#keys = task.keys;
    this.#number += 1;
    const isNew = anchor !== null && anchor.t !== this.#anchorT;
    worker.postMessage({ number: this.#number, task, ties: tiesOf(graph), anchorT: anchor?.t ?? null, anchor: isNew ? taskOf(anchor.graph, drawsTogether) : null, arrange });
    if (isNew) this.#anchorT = anchor.t;
  }

  /** The anchors of another recording are others. */
  forget() {
    this.#anchorT = null;
  }

  #start() {
    const worker = new Worker(new URL("../worker/layout-worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => this.#answered(data);
    // It could not be loaded, or died: agents stay where they are, and the next graph gets another.
    worker.onerror = () => ([this.#worker, this.#anchorT] = [null, null]);
    return worker;
  }

  /** @param {{number: number, communities?: Int32Array, positions?: Float32Array, settled?: boolean}} answer */
  #answered({ number, communities, positions, settled = false }) {
    if (number !== this.#number) return;
    if (communities) this.hooks.onCommunities(this.#keys, communities);
    if (positions) this.hooks.onPositions(this.#keys, positions, settled);
  }
}
