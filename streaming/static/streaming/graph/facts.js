/** Owns the line that says what the graph shows, and of how many: edges and agents that are left out are told. */

import { countText } from "../page/format.js";
import { text } from "../state/texts.js";

/** @typedef {import("../data/messages.js").Frame} Frame */
/** @typedef {import("./scene.js").Scene} Scene */

/** Pairs of the whole window of the kinds that are to be seen. @param {Frame} frame @param {import("./look.js").Look} look @returns {number | null} null where the frame does not tell */
function pairsIn({ window: { pairs } }, { match, close }) {
  return pairs ? (match ? pairs.match : 0) + (close ? pairs.quote_proximity : 0) : null;
}

/** @param {Frame} frame @param {Scene} scene */
function edgesText(frame, { shown, graph, look }) {
  const edges = shown.filter(({ kind }) => kind !== "pool").length;
  const pairs = pairsIn(frame, look);
  const held = [...graph.edges.values()].filter(({ kind }) => kind !== "pool").length;
  if (pairs === null) return edges === held ? text("facts_edges", { edges: countText(edges) }) : text("facts_of_edges", { edges: countText(edges), all: countText(held) });
  if (edges >= pairs) return text("facts_all_pairs", { pairs: countText(pairs) });
  // Those beyond chance are not the strongest.
  return text(look.beyond > 0 ? "facts_some_pairs" : "facts_strongest_pairs", { edges: countText(edges), pairs: countText(pairs) });
}

/** @param {Frame} frame @param {Scene} scene */
export function factsOf(frame, scene) {
  const { t0, t1, nodes_total: all = frame.nodes.length } = frame.window;
  const numbers = { agents: countText(frame.nodes.length), edges: edgesText(frame, scene), ticks: countText(t1 - t0 + 1) };
  return frame.nodes.length < all ? text("frame_facts_some", { ...numbers, all: countText(all) }) : text("frame_facts", numbers);
}
