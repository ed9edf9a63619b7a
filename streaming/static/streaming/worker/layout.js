/** Owns where agents stand: ForceAtlas2 on its own matrices, one graph after another, places kept. */

// Workers see no import map, so the library is named by its path here.
import { defaults, iterate } from "../vendor/graphology-layout-forceatlas2-0.10.1/graphology-layout-forceatlas2.js";
import { RIM, startPosition } from "../graph/graph-model.js";
import { partOverlaps } from "./overlaps.js";

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

/** Of more agents those far away push as one, which takes a third of the time at 2,000. */
const MANY = 500;

/** Agents whose places are kept. At a venue new ones come for ever; of 2,000 in the window these are those of an hour. */
const PLACES_KEPT = 20_000;

/** How far a newcomer stands from the middle of its neighbours, as a share of its distance at a first start. */
const BESIDE = 0.1;

/** How much of the way to what the present agents would fill the picture goes in a round, once they have come to rest. */
const FOLLOW = 0.05;

/** @typedef {{keys: string[], ends: Uint32Array, weights: Float32Array}} LayoutTask edges as pairs of indexes into `keys` */
/** @typedef {{x: number, y: number, radius: number}} Extent centre, and root mean square distance from it */

export class Layout {
  /** The agents seen last, also those that left: a replay meets them again. Longest unseen first. @type {Map<string, [number, number]>} */
  #places = new Map();
  /** @type {string[]} */ #keys = [];
  #nodes = new Float32Array(0);
  #edges = new Float32Array(0);
  /** @type {Float32Array} */ #shown = new Float32Array(0);
  /** What of the layout's plane the picture shows. @type {Extent} */ #extent = { x: 0, y: 0, radius: 1 };
  /** Steps run until the agents came to rest. */ #steps = 0;
  /** Whether the agents, or most of them, have come to rest once. */ #rested = false;
  calm = true;

  /**
   * Takes the next graph; agents known before stay where they are, newcomers begin beside their neighbours.
   * @param {LayoutTask} task @returns {boolean} whether most of its agents are known, and have come to rest before or had steps enough
   */
  take({ keys, ends, weights }) {
    const known = keys.map((key) => this.#places.get(key));
    if (2 * known.filter(Boolean).length < keys.length) [this.#rested, this.#steps] = [false, 0];
    const middles = known.every(Boolean) ? [] : middlesOf(known, ends, weights);
    this.#keys = keys;
    this.#nodes = new Float32Array(keys.length * PER_NODE);
    keys.forEach((key, i) => this.#place(i, known[i] ?? beside(middles[i], key)));
    this.#edges = new Float32Array(weights.length * PER_EDGE);
    weights.forEach((weight, i) => this.#connect(i, ends[2 * i] * PER_NODE, ends[2 * i + 1] * PER_NODE, weight));
    this.calm = false;
    return this.#rested;
  }

  /**
   * Runs some steps and returns x, y of each agent, within `RIM` of the centre whoever comes and goes. Sets `calm`
   * when nobody moved visibly.
   * @param {number} steps
   */
  run(steps) {
    const count = this.#keys.length;
    const settings = { ...defaults, strongGravityMode: true, gravity: 0.05, scalingRatio: 10, slowDown: 1 + Math.log(count + 1), barnesHutOptimize: count > MANY, barnesHutTheta: 1 };
    for (let step = 0; step < steps; step++) iterate(settings, this.#nodes, this.#edges);
    this.#keep();
    this.#look(spread(this.#nodes, count));
    const positions = pictured(this.#nodes, count, this.#extent);
    partOverlaps(positions, count);
    this.calm = greatestMove(this.#shown, positions) < CALM;
    this.#steps += steps;
    this.#rested ||= this.calm || this.#steps >= ENOUGH_STEPS;
    this.#shown = positions;
    return positions.slice();
  }

  /** Notes where the present agents stand, as those seen last. */
  #keep() {
    const places = this.#places;
    this.#keys.forEach((key, i) => {
      places.delete(key);
      places.set(key, [this.#nodes[i * PER_NODE + X], this.#nodes[i * PER_NODE + Y]]);
    });
    for (const key of places.keys()) {
      if (places.size <= Math.max(PLACES_KEPT, this.#keys.length)) return;
      places.delete(key);
    }
  }

  /** Once agents stand, the picture must not jump when one far out comes or goes. @param {Extent} wanted */
  #look(wanted) {
    const share = this.#rested ? FOLLOW : 1;
    for (const name of /** @type {const} */ (["x", "y", "radius"])) this.#extent[name] += share * (wanted[name] - this.#extent[name]);
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

/** @param {[number, number] | undefined} middle of the neighbours, where some are known @param {string} key @returns {[number, number]} */
function beside(middle, key) {
  const [x, y] = firstPlace(key);
  return middle ? [middle[0] + BESIDE * x, middle[1] + BESIDE * y] : [x, y];
}

/**
 * For each agent without a place the middle of its neighbours that have one, by the weight of the edges.
 * @param {([number, number] | undefined)[]} places @param {Uint32Array} ends @param {Float32Array} weights
 * @returns {([number, number] | undefined)[]}
 */
function middlesOf(places, ends, weights) {
  const sums = places.map(() => [0, 0, 0]);
  const pull = (/** @type {number} */ agent, /** @type {number} */ other, /** @type {number} */ weight) => {
    const place = places[other];
    if (places[agent] || !place) return;
    sums[agent] = [sums[agent][0] + place[0] * weight, sums[agent][1] + place[1] * weight, sums[agent][2] + weight];
  };
  weights.forEach((weight, i) => {
    pull(ends[2 * i], ends[2 * i + 1], weight);
    pull(ends[2 * i + 1], ends[2 * i], weight);
  });
  return sums.map(([x, y, weight]) => (weight ? [x / weight, y / weight] : undefined));
}

/**
 * The picture's place for each node: centred, scaled by the mean distance, and squeezed so that a lone agent far out
 * comes near the rim instead of shrinking all the others.
 * @param {Float32Array} nodes @param {number} count @param {Extent} extent @returns {Float32Array} x, y of each node
 */
function pictured(nodes, count, { x: centreX, y: centreY, radius }) {
  const positions = new Float32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const x = (nodes[i * PER_NODE + X] - centreX) / radius;
    const y = (nodes[i * PER_NODE + Y] - centreY) / radius;
    const distance = Math.hypot(x, y);
    const squeeze = distance ? (RIM * Math.tanh(distance / RIM)) / distance : 1;
    positions.set([x * squeeze, y * squeeze], 2 * i);
  }
  return positions;
}

/** @param {Float32Array} nodes @param {number} count @returns {Extent} */
function spread(nodes, count) {
  let [x, y, squares] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    x += nodes[i * PER_NODE + X] / count;
    y += nodes[i * PER_NODE + Y] / count;
  }
  for (let i = 0; i < count; i++) squares += (nodes[i * PER_NODE + X] - x) ** 2 + (nodes[i * PER_NODE + Y] - y) ** 2;
  return { x, y, radius: Math.sqrt(squares / count) || 1 };
}

/** @param {Float32Array} before @param {Float32Array} after @returns {number} Infinity when the agents are others */
function greatestMove(before, after) {
  if (before.length !== after.length) return Infinity;
  return after.reduce((greatest, value, i) => Math.max(greatest, Math.abs(value - before[i])), 0);
}
