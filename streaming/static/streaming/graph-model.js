/** Owns what a frame looks like as a graph: keys, sizes and widths, free of any drawing. */

/** @typedef {import("./messages.js").Frame} Frame */
/** @typedef {import("./messages.js").FrameNode} FrameNode */
/** @typedef {{label: string, size: number, side: string, activity: number}} NodeLook */
/** @typedef {{source: string, target: string, kind: string, strength: number, presence: number, w: number}} EdgeLook */

const NODE_SIZE = { smallest: 7, largest: 17 };

/** So many fit into the picture at their full size; more of them get smaller, or edges fainter, together. */
const ROOM = { nodes: 24, edges: 150 };

/** @param {number} count @param {number} room @returns {number} 0..1 */
export function crowding(count, room) {
  return Math.min(1, Math.sqrt(room / Math.max(count, 1)));
}

/** Quotes in the window, as a share of it. @param {FrameNode} node */
function activityOf({ features, t0, t1 }) {
  return (features.buy_count + features.sell_count) / (t1 - t0 + 1);
}

/** @param {FrameNode} node @param {number} count @returns {NodeLook} */
function nodeLook(node, count) {
  const activity = activityOf(node);
  // The area, not the radius, tells the amount.
  const size = NODE_SIZE.smallest + (NODE_SIZE.largest - NODE_SIZE.smallest) * Math.sqrt(activity);
  return { label: String(node.agent_id), size: size * crowding(count, ROOM.nodes), side: node.features.dominant_side, activity };
}

/** Weight over the greatest of its kind: the kinds differ by an order of magnitude. @param {Frame} frame */
function greatestWeights(frame) {
  /** @type {Record<string, number>} */
  const greatest = {};
  for (const { type, w } of frame.edges) greatest[type] = Math.max(greatest[type] ?? 0, w);
  return greatest;
}

/**
 * @param {Frame} frame
 * @returns {{nodes: Map<string, NodeLook>, edges: Map<string, EdgeLook>}} nodes by agent id, edges by kind and ends
 */
export function graphOf(frame) {
  const keyOf = new Map(frame.nodes.map((node) => [node.node_id, String(node.agent_id)]));
  const nodes = new Map(frame.nodes.map((node) => [String(node.agent_id), nodeLook(node, frame.nodes.length)]));
  const greatest = greatestWeights(frame);
  const presence = crowding(frame.edges.length, ROOM.edges);
  const edges = new Map();
  for (const { src, dst, type, w } of frame.edges) {
    const [source, target] = [/** @type {string} */ (keyOf.get(src)), /** @type {string} */ (keyOf.get(dst))];
    edges.set(`${type}:${source}-${target}`, { source, target, kind: type, strength: w / greatest[type], presence, w });
  }
  return { nodes, edges };
}

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
