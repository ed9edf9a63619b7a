/** Owns what a frame looks like as a graph: keys, sizes, shades and counts, free of any drawing. */

import { POOL, poolEdges, poolNode } from "./pool.js";
import { chanceScores } from "./chance.js";
import { kindOf } from "./groups.js";

/** @typedef {import("../data/messages.js").Frame} Frame */
/** @typedef {import("../data/messages.js").FrameNode} FrameNode */
/**
 * `experience` is 0..1 within the frame and `gained` as it is told; `imbalance` is -1..1, null of who never quoted, and so is
 * `quote`, the mean price; `change` where the frame is compared with another.
 * @typedef {{label: string, name: string, size: number, imbalance: number | null, experience: number, gained: number,
 *   quote: number | null, matches: number, kind: string, change?: "joined" | "left"}} NodeLook
 */
/**
 * `strength` is 0..1 of the strongest of its kind, `share` of the edges of its kind that are as strong or stronger, `count` the
 * ticks or matches it tells of, `beyond` how far that is beyond chance in standard deviations, null where the frame does not tell;
 * `change` where the frame is compared with another.
 * @typedef {{source: string, target: string, kind: "match" | "quote_proximity" | "pool", strength: number, share: number,
 *   presence: number, count: number, beyond: number | null, change?: "gained" | "lost" | "kept"}} EdgeLook
 */
/** @typedef {{nodes: Map<string, NodeLook>, edges: Map<string, EdgeLook>}} Graph */
/** `weakest` is the share of each kind that is hidden. @typedef {{match: boolean, quote_proximity: boolean, weakest: number, beyond: number | null}} Filter */

/** Radii in pixels. */
const NODE_SIZE = { smallest: 7, largest: 18 };

/** Where all agents quote in every tick their activity differs little; less than this share of the greatest shall not look like much. */
const LEAST_SPREAD = 0.2;

/** Nobody is smaller: the dot would not be seen, or found with a pointer. Radius in pixels. */
const SMALLEST_DOT = 1.5;

/** So much fits into the picture at full size: 40 agents of middling size, in squares of their radii, and edges. With more, agents get smaller, or edges fainter, together. */
const ROOM = { agents: 20 * (NODE_SIZE.smallest ** 2 + NODE_SIZE.largest ** 2), edges: 150 };

/** How quickly: agents cover the same area however many there are; edges also cross, and a thousand would be a ball of hair. */
const CROWDED = { agents: 0.5, edges: 0.7 };

/** @param {number} amount @param {"agents" | "edges"} what @returns {number} 0..1 */
function crowding(amount, what) {
  return Math.min(1, (ROOM[what] / Math.max(amount, 1)) ** CROWDED[what]);
}

/** Quotes and matches in the window. @param {FrameNode} node */
function activityOf({ features }) {
  return features.buy_count + features.sell_count + features.match_count;
}

/** The smallest and greatest of some numbers. @param {number[]} values */
function extent(values) {
  return values.reduce(({ low, high }, value) => ({ low: Math.min(low, value), high: Math.max(high, value) }), { low: Infinity, high: -Infinity });
}

/** Least and greatest experience at the end of the frame's window. @param {Frame} frame */
export function experienceRange(frame) {
  return extent(frame.nodes.map(({ features }) => features.experience_end));
}

/** Radii by activity, between the least and the greatest of the frame; equal agents are of equal, middling size. @param {Frame} frame @returns {number[]} */
function radiiOf(frame) {
  const activities = frame.nodes.map(activityOf);
  const { low, high } = extent(activities);
  const span = Math.max(high - low, LEAST_SPREAD * high, 1);
  const [least, most] = [NODE_SIZE.smallest ** 2, NODE_SIZE.largest ** 2];
  // The area, not the radius, tells the amount.
  return activities.map((activity) => Math.sqrt(least + (most - least) * (0.5 + (activity - (low + high) / 2) / span)));
}

/** @param {Frame} frame @returns {Map<string, NodeLook>} by agent id */
function nodesOf(frame) {
  const { low, high } = experienceRange(frame);
  const radii = radiiOf(frame);
  const crowded = crowding(radii.reduce((sum, radius) => sum + radius ** 2, 0), "agents");
  return new Map(frame.nodes.map(({ agent_id, name = "", features }, i) => {
    const experience = high > low ? (features.experience_end - low) / (high - low) : 0.5;
    const quotes = features.buy_count + features.sell_count;
    return [String(agent_id), {
      label: String(agent_id), name, size: Math.max(radii[i] * crowded, SMALLEST_DOT), experience, gained: features.experience_end,
      imbalance: quotes ? (features.buy_count - features.sell_count) / quotes : null,
      quote: quotes ? features.quote_price_mean : null, matches: features.match_count, kind: kindOf(name),
    }];
  }));
}

/**
 * The edges of each kind by weight, greatest first: kinds differ by an order of magnitude, and many that quoted close shall not
 * make the few pale that traded.
 * @param {Frame} frame @returns {Record<string, number[]>}
 */
function weightsOf(frame) {
  /** @type {Record<string, number[]>} */
  const kinds = {};
  for (const { type, w } of frame.edges) (kinds[type] ??= []).push(w);
  for (const weights of Object.values(kinds)) weights.sort((a, b) => b - a);
  return kinds;
}

/** For each weight the share of all that are as great or greater: equal weights share a fate. @param {number[]} weights greatest first */
function sharesOf(weights) {
  return new Map(weights.map((w, i) => [w, (i + 1) / weights.length]));
}

/**
 * @param {Frame} frame @param {{pool?: boolean}} [wishes] with `pool` those outside are a node of their own, if the frame tells of them
 * @returns {Graph} nodes by agent id, edges by kind and ends
 */
export function graphOf(frame, { pool = false } = {}) {
  const keyOf = new Map(frame.nodes.map((node) => [node.node_id, String(node.agent_id)]));
  const kinds = Object.fromEntries(Object.entries(weightsOf(frame)).map(([kind, weights]) => [kind, { greatest: weights[0], count: weights.length, shares: sharesOf(weights) }]));
  const scores = chanceScores(frame);
  /** @type {Map<string, EdgeLook>} */
  const edges = new Map();
  frame.edges.forEach(({ src, dst, type, w }, i) => {
    const [source, target] = [/** @type {string} */ (keyOf.get(src)), /** @type {string} */ (keyOf.get(dst))];
    const { greatest, count, shares } = kinds[type];
    edges.set(`${type}:${source}-${target}`, {
      source, target, kind: type, strength: w / greatest, share: shares.get(w) ?? 1, presence: crowding(count, "edges"),
      count: Math.round(w * frame.window.W), beyond: scores?.[i] ?? null,
    });
  });
  const nodes = nodesOf(frame);
  if (pool) for (const [key, edge] of poolEdges(frame)) edges.set(key, edge);
  if (pool) nodes.set(POOL, poolNode(frame));
  return { nodes, edges };
}

/** Whether an edge is to be seen. The strongest of a kind always is. @param {EdgeLook} edge @param {Filter} filter */
export function passes({ kind, strength, share, beyond }, filter) {
  if (kind === "pool") return true;
  if (!filter[kind] || (share > 1 - filter.weakest + 1e-9 && strength < 1)) return false;
  return kind !== "match" || filter.beyond === null || beyond === null || beyond >= filter.beyond;
}

/** Nobody stands further from the picture's centre; the view always shows just this part, so the scale never jumps. */
export const RIM = 0.84;

/** Steps of two sequences that fill a square evenly (Roberts 2018, R2): with steps of one ratio alone all places lie on one curve. */
const [TURN, OUTWARD] = [0.7548776662466927, 0.5698402909980532];

/** Of a greater id too few digits would be left behind the point to tell it from the next; what it has beyond takes steps of its own. */
const ONE_PART = 2 ** 32;

/**
 * Where an agent starts before any layout: anywhere in the circle, the same place for the same id in every session.
 * @param {string} key agent id
 */
export function startPosition(key) {
  const [low, high] = [Number(key) % ONE_PART, Math.floor(Number(key) / ONE_PART)];
  const angle = 2 * Math.PI * ((low * TURN + high * OUTWARD) % 1);
  const radius = Math.sqrt((0.5 + low * OUTWARD + high * TURN) % 1);
  return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
}
