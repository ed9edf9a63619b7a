import assert from "node:assert/strict";
import { test } from "node:test";
import { byChance, chanceScores } from "../../streaming/static/streaming/graph/chance.js";

/** Every way to join ends two by two, each as a list of pairs. */
function pairings(ends) {
  if (!ends.length) return [[]];
  const [first, ...rest] = ends;
  return rest.flatMap((other, i) => pairings(rest.filter((_, j) => j !== i)).map((pairs) => [[first, other], ...pairs]));
}

test("mean and variance are those of all ways to join the ends of matches", () => {
  for (const counts of [[3, 2, 1, 2], [2, 2, 2, 2], [4, 3, 1]]) {
    const owners = counts.flatMap((count, agent) => new Array(count).fill(agent));
    const all = pairings(owners.map((_, i) => i)).map((pairs) => pairs.filter(([a, b]) => Math.min(owners[a], owners[b]) === 0 && Math.max(owners[a], owners[b]) === 1).length);
    const mean = all.reduce((sum, x) => sum + x, 0) / all.length;
    const variance = all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / all.length;
    const found = byChance(counts[0], counts[1], owners.length);
    assert.ok(Math.abs(found.mean - mean) < 1e-9 && Math.abs(found.variance - variance) < 1e-9, `${counts}: ${JSON.stringify(found)}, ${mean}, ${variance}`);
  }
});

const node = (id, match_count) => ({ node_id: id, features: { match_count, pool_count: 50 } });
/** @param {object[]} nodes @param {object[]} edges */
const frame = (nodes, edges) => ({ window: { W: 300, matches: { agents: nodes.reduce((sum, { features }) => sum + features.match_count, 0) / 2, pool: 50 * nodes.length } }, nodes, edges });

test("a pair that deals only with each other is far beyond chance, one that meets as all do is not", () => {
  const nodes = [node("a", 20), node("b", 20), ...Array.from({ length: 10 }, (_, i) => node(`c${i}`, 20))];
  const edge = (src, dst, count) => ({ src, dst, type: "match", w: count / 300 });
  const [close, usual, other] = chanceScores(frame(nodes, [edge("a", "b", 18), edge("c0", "c1", 2), { ...edge("a", "c0", 2), type: "quote_proximity" }]));
  const { mean, variance } = byChance(20, 20, 240);
  assert.ok(Math.abs(close - (18 - mean) / Math.sqrt(variance)) < 1e-9, "matches with the pool are not among those of an agent");
  assert.ok(close > 10, String(close));
  assert.ok(Math.abs(usual) < 1, String(usual));
  assert.equal(other, null);
});

test("agents that a frame has no room for count among the ends", () => {
  const few = frame([node("a", 20), node("b", 20)], [{ src: "a", dst: "b", type: "match", w: 2 / 300 }]);
  few.window.matches.agents = 120;
  const { mean, variance } = byChance(20, 20, 240);
  assert.deepEqual(chanceScores(few), [(2 - mean) / Math.sqrt(variance)]);
});

test("a frame of an older version tells no scores", () => {
  assert.equal(chanceScores({ window: { W: 300 }, nodes: [node("a", 3)], edges: [] }), null);
});
