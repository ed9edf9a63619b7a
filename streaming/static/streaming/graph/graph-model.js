/** Owns what a frame looks like as a graph: keys, sizes, shades and widths, free of any drawing. */

/** @typedef {import("../data/messages.js").Frame} Frame */
/** @typedef {import("../data/messages.js").FrameNode} FrameNode */
/** @typedef {{label: string, name: string, size: number, side: string, experience: number}} NodeLook `experience` is 0..1 within the frame */
/** @typedef {{source: string, target: string, kind: "match" | "quote_proximity", strength: number, presence: number, w: number}} EdgeLook */
/** @typedef {{match: boolean, quote_proximity: boolean, leastStrength: number}} Filter */

/** Radii in pixels. */
const NODE_SIZE = { smallest: 7, largest: 18 };

/** Where all agents quote in every tick their activity differs little; less than this share of the greatest shall not look like much. */
const LEAST_SPREAD = 0.2;

/** Nobody is smaller: the dot would not be seen, or found with a pointer. Radius in pixels. */
const SMALLEST_DOT = 1.5;

/** So much fits into the picture at full size: 40 agents of middling size, in squares of their radii, and edges. With more, agents get smaller, or edges fainter, together. */
const ROOM = { agents: 20 * (NODE_SIZE.smallest ** 2 + NODE_SIZE.largest ** 2), edges: 150 };

/** @param {number} amount @param {number} room @returns {number} 0..1 */
function crowding(amount, room) {
  return Math.min(1, Math.sqrt(room / Math.max(amount, 1)));
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
  const crowded = crowding(radii.reduce((sum, radius) => sum + radius ** 2, 0), ROOM.agents);
  return new Map(frame.nodes.map((node, i) => {
    const experience = high > low ? (node.features.experience_end - low) / (high - low) : 0.5;
    return [String(node.agent_id), { label: String(node.agent_id), name: node.name ?? "", size: Math.max(radii[i] * crowded, SMALLEST_DOT), side: node.features.dominant_side, experience }];
  }));
}

/**
 * The greatest weight and the number of edges of each kind: they differ by an order of magnitude, and many that quoted close
 * shall not make the few pale that traded.
 * @param {Frame} frame
 */
function kindsOf(frame) {
  /** @type {Record<string, {greatest: number, count: number}>} */
  const kinds = {};
  for (const { type, w } of frame.edges) {
    const kind = (kinds[type] ??= { greatest: 0, count: 0 });
    kind.greatest = Math.max(kind.greatest, w);
    kind.count += 1;
  }
  return kinds;
}

/**
 * @param {Frame} frame
 * @returns {{nodes: Map<string, NodeLook>, edges: Map<string, EdgeLook>}} nodes by agent id, edges by kind and ends
 */
export function graphOf(frame) {
  const keyOf = new Map(frame.nodes.map((node) => [node.node_id, String(node.agent_id)]));
  const kinds = kindsOf(frame);
  const edges = new Map();
  for (const { src, dst, type, w } of frame.edges) {
    const [source, target] = [/** @type {string} */ (keyOf.get(src)), /** @type {string} */ (keyOf.get(dst))];
    const { greatest, count } = kinds[type];
    edges.set(`${type}:${source}-${target}`, { source, target, kind: type, strength: w / greatest, presence: crowding(count, ROOM.edges), w });
  }
  return { nodes: nodesOf(frame), edges };
}

/** Whether an edge is to be seen. @param {{kind: string, strength: number}} edge @param {Filter} filter */
export function passes({ kind, strength }, filter) {
  return filter[/** @type {"match" | "quote_proximity"} */ (kind)] && strength >= filter.leastStrength;
}

/** Nobody stands further from the picture's centre; the view always shows just this part, so the scale never jumps. */
export const RIM = 0.84;

/**
 * Where an agent starts before any layout: on a sunflower spiral, the same place for the same id in every session.
 * @param {string} key agent id
 */
export function startPosition(key) {
  const index = Number(key);
  const angle = index * 2.399963;
  const radius = 0.25 + 0.75 * ((index * 0.618034) % 1);
  return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
}
