/**
 * Owns where agents stand: ForceAtlas2 on its own matrices. Places depend on the frame and on its anchor (an earlier frame,
 * the same for everyone), and on nothing that was shown before: the same moment gives the same picture, however it was reached.
 */

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

/** After so many steps agents stand well; of many agents each step takes long, and there is no time for more. */
const STEPS_FROM_NOWHERE = 300;
const STEPS_OF_MANY = 80;

/**
 * From the places of the anchor on: few enough that agents stay where they are from frame to frame (a tenth of the radius where
 * all edges are chance), and enough for the frame's own edges to be seen.
 */
const STEPS_FROM_ANCHOR = 8;

/** Of more agents those far away push as one, which takes a third of the time at 2,000. */
const MANY = 500;

/** How far a newcomer stands from the middle of its neighbours, as a share of its distance at a first start. */
const BESIDE = 0.1;

/** @typedef {{keys: string[], ends: Uint32Array, weights: Float32Array}} LayoutTask edges as pairs of indexes into `keys` */
/** Centre, and root mean square distance from it. @typedef {{x: number, y: number, radius: number}} Extent */
/** Places in the layout's own plane by agent, and what the picture shows of it. @typedef {{at: Map<string, [number, number]>, extent: Extent}} Places */

/** Nobody has a place yet. @type {Readonly<Places>} */
export const NOWHERE = Object.freeze({ at: new Map(), extent: { x: 0, y: 0, radius: 1 } });

/** Where the agents of a frame stand that has no anchor, or is one. @param {LayoutTask} task @returns {Places} */
export function placesOf(task) {
  const points = pointsOf(settled(task, NOWHERE, task.keys.length > MANY ? STEPS_OF_MANY : STEPS_FROM_NOWHERE), task.keys.length);
  return { at: new Map(task.keys.map((key, i) => [key, points[i]])), extent: spread(tied(points, task.ends)) };
}

/**
 * x, y of each agent of a frame, within `RIM` of the centre and none upon another. Agents go on from their places in the anchor,
 * newcomers from beside their neighbours.
 * @param {LayoutTask} task @param {Places} anchor @returns {Float32Array}
 */
export function positionsOf(task, anchor) {
  const count = task.keys.length;
  const known = 2 * task.keys.filter((key) => anchor.at.has(key)).length >= count;
  const nodes = settled(task, anchor, known ? STEPS_FROM_ANCHOR : STEPS_OF_MANY);
  // The anchor's extent, so that the picture does not jump when one far out comes or goes.
  const positions = pictured(nodes, count, known ? anchor.extent : spread(tied(pointsOf(nodes, count), task.ends)));
  partOverlaps(positions, count);
  return positions;
}

/** @param {LayoutTask} task @param {Places} places @param {number} steps @returns {Float32Array} ForceAtlas2's nodes */
function settled({ keys, ends, weights }, places, steps) {
  const count = keys.length;
  const known = keys.map((key) => places.at.get(key));
  const middles = middlesOf(known, ends, weights);
  const nodes = new Float32Array(count * PER_NODE);
  keys.forEach((key, i) => put(nodes, i, known[i] ?? beside(middles[i], key)));
  const edges = new Float32Array(weights.length * PER_EDGE);
  weights.forEach((weight, i) => connect(nodes, edges, i, ends[2 * i] * PER_NODE, ends[2 * i + 1] * PER_NODE, weight));
  const settings = { ...defaults, strongGravityMode: true, gravity: 0.05, scalingRatio: 10, slowDown: 1 + Math.log(count + 1), barnesHutOptimize: count > MANY, barnesHutTheta: 1 };
  for (let step = 0; step < steps; step++) iterate(settings, nodes, edges);
  return nodes;
}

/** @param {Float32Array} nodes @param {number} i @param {[number, number]} place */
function put(nodes, i, [x, y]) {
  const at = i * PER_NODE;
  [nodes[at + X], nodes[at + Y]] = [x, y];
  for (const field of [MASS, CONVERGENCE, SIZE]) nodes[at + field] = 1;
}

/** An agent's mass is one more than the weight of its edges. @param {Float32Array} nodes @param {Float32Array} edges @param {number} i @param {number} source @param {number} target @param {number} weight */
function connect(nodes, edges, i, source, target, weight) {
  edges.set([source, target, weight], i * PER_EDGE);
  nodes[source + MASS] += weight;
  nodes[target + MASS] += weight;
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

/** @param {Float32Array} nodes @param {number} count @returns {[number, number][]} */
function pointsOf(nodes, count) {
  return Array.from({ length: count }, (_, i) => [nodes[i * PER_NODE + X], nodes[i * PER_NODE + Y]]);
}

/** Those that have an edge, if there are some: who has none stands far out, and shall not press the others together. @param {[number, number][]} points @param {Uint32Array} ends */
function tied(points, ends) {
  const some = new Set(ends);
  return some.size > 1 ? points.filter((_, i) => some.has(i)) : points;
}

/** @param {[number, number][]} points @returns {Extent} */
function spread(points) {
  const mean = (/** @type {0 | 1} */ axis) => points.reduce((sum, point) => sum + point[axis], 0) / Math.max(points.length, 1);
  const [x, y] = [mean(0), mean(1)];
  const squares = points.reduce((sum, point) => sum + (point[0] - x) ** 2 + (point[1] - y) ** 2, 0);
  return { x, y, radius: Math.sqrt(squares / Math.max(points.length, 1)) || 1 };
}
