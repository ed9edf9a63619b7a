/** Owns where agents stand: ForceAtlas2 on its own matrices, one graph after another, places kept. */

// Workers see no import map, so the library is named by its path here.
import { defaults, iterate } from "./vendor/graphology-layout-forceatlas2-0.10.1/graphology-layout-forceatlas2.js";
import { startPosition } from "./graph-model.js";

/** Numbers per node and per edge in ForceAtlas2's matrices, and where it keeps them. */
const PER_NODE = 10;
const PER_EDGE = 3;
const [X, Y, MASS, CONVERGENCE, SIZE] = [0, 1, 6, 7, 8];

/** Distance of a first start from the centre, in ForceAtlas2's own unit, which is about where agents settle. */
const START_RADIUS = 20;

/** A move of 0.3 % of the picture's radius is not seen. */
const CALM = 0.003;

/** After so many steps the same agents count as settled, though their edges change too fast for them to come to rest. */
const ENOUGH_STEPS = 600;

/** More change nothing that is seen, at 200 agents. */
const PARTING_PASSES = 8;

/** @typedef {{keys: string[], ends: Uint32Array, weights: Float32Array}} LayoutTask edges as pairs of indexes into `keys` */

export class Layout {
  /** Every agent seen so far, also those that left: a replay meets them again. @type {Map<string, [number, number]>} */
  #places = new Map();
  /** @type {string[]} */ #keys = [];
  #nodes = new Float32Array(0);
  #edges = new Float32Array(0);
  /** @type {Float32Array} */ #shown = new Float32Array(0);
  /** Steps run with the present agents. */ #steps = 0;
  /** Whether the present agents have come to rest once. */ #rested = false;
  calm = true;

  /**
   * Takes the next graph; agents known before stay where they are.
   * @param {LayoutTask} task @returns {boolean} whether it has the agents of the last one, and they have come to rest before, or had steps enough
   */
  take({ keys, ends, weights }) {
    const same = keys.length === this.#keys.length && keys.every((key, i) => key === this.#keys[i]);
    if (!same) [this.#rested, this.#steps] = [false, 0];
    this.#keys = keys;
    this.#nodes = new Float32Array(keys.length * PER_NODE);
    keys.forEach((key, i) => this.#place(i, this.#places.get(key) ?? firstPlace(key)));
    this.#edges = new Float32Array(weights.length * PER_EDGE);
    weights.forEach((weight, i) => this.#connect(i, ends[2 * i] * PER_NODE, ends[2 * i + 1] * PER_NODE, weight));
    this.calm = false;
    return this.#rested;
  }

  /**
   * Runs some steps and returns x, y of each agent, about within the unit circle whoever comes and goes. Sets `calm`
   * when nobody moved visibly.
   * @param {number} steps
   */
  run(steps) {
    const count = this.#keys.length;
    const settings = { ...defaults, strongGravityMode: true, gravity: 0.05, scalingRatio: 10, slowDown: 1 + Math.log(count + 1), barnesHutOptimize: count > 500 };
    for (let step = 0; step < steps; step++) iterate(settings, this.#nodes, this.#edges);
    this.#keys.forEach((key, i) => this.#places.set(key, [this.#nodes[i * PER_NODE + X], this.#nodes[i * PER_NODE + Y]]));
    const positions = pictured(this.#nodes, count);
    partOverlaps(positions, count);
    this.calm = greatestMove(this.#shown, positions) < CALM;
    this.#steps += steps;
    this.#rested ||= this.calm || this.#steps >= ENOUGH_STEPS;
    this.#shown = positions;
    return positions.slice();
  }

  /** @param {number} i @param {[number, number]} place */
  #place(i, [x, y]) {
    const at = i * PER_NODE;
    this.#nodes[at + X] = x;
    this.#nodes[at + Y] = y;
    for (const field of [MASS, CONVERGENCE, SIZE]) this.#nodes[at + field] = 1;
  }

  /** An agent's mass is one more than the weight of its edges. @param {number} i @param {number} source @param {number} target @param {number} weight */
  #connect(i, source, target, weight) {
    this.#edges.set([source, target, weight], i * PER_EDGE);
    this.#nodes[source + MASS] += weight;
    this.#nodes[target + MASS] += weight;
  }
}

/** @param {string} key @returns {[number, number]} */
function firstPlace(key) {
  const { x, y } = startPosition(key);
  return [x * START_RADIUS, y * START_RADIUS];
}

/**
 * The picture's place for each node: centred, scaled by the mean distance, and squeezed so that a lone agent far out
 * comes near the rim of the unit circle instead of shrinking all the others.
 * @param {Float32Array} nodes @param {number} count @returns {Float32Array} x, y of each node
 */
function pictured(nodes, count) {
  const { x: centreX, y: centreY, radius } = spread(nodes, count);
  const positions = new Float32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const x = (nodes[i * PER_NODE + X] - centreX) / radius;
    const y = (nodes[i * PER_NODE + Y] - centreY) / radius;
    const squeeze = 1 / Math.hypot(1, x, y);
    positions.set([x * squeeze, y * squeeze], 2 * i);
  }
  return positions;
}

/** Centre, and root mean square distance from it. @param {Float32Array} nodes @param {number} count */
function spread(nodes, count) {
  let [x, y, squares] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    x += nodes[i * PER_NODE + X] / count;
    y += nodes[i * PER_NODE + Y] / count;
  }
  for (let i = 0; i < count; i++) squares += (nodes[i * PER_NODE + X] - x) ** 2 + (nodes[i * PER_NODE + Y] - y) ** 2;
  return { x, y, radius: Math.sqrt(squares / count) || 1 };
}

/**
 * Moves agents apart that would cover each other, in place.
 * @param {Float32Array} positions x, y of each @param {number} count
 */
function partOverlaps(positions, count) {
  const least = Math.min(0.26, 1 / Math.sqrt(count));
  for (let pass = 0; pass < PARTING_PASSES; pass++) {
    for (let i = 0; i < count; i++) for (let j = i + 1; j < count; j++) part(positions, 2 * i, 2 * j, least);
  }
}

/** @param {Float32Array} positions @param {number} a @param {number} b @param {number} least */
function part(positions, a, b, least) {
  // Two agents in one spot are parted sideways: any direction will do, but always the same.
  const dx = positions[b] - positions[a] || 1e-4;
  const dy = positions[b + 1] - positions[a + 1];
  const distance = Math.hypot(dx, dy);
  if (distance >= least) return;
  const share = (least - distance) / distance / 2;
  positions[a] -= dx * share;
  positions[a + 1] -= dy * share;
  positions[b] += dx * share;
  positions[b + 1] += dy * share;
}

/** @param {Float32Array} before @param {Float32Array} after @returns {number} Infinity when the agents are others */
function greatestMove(before, after) {
  if (before.length !== after.length) return Infinity;
  return after.reduce((greatest, value, i) => Math.max(greatest, Math.abs(value - before[i])), 0);
}
