import assert from "node:assert/strict";
import { test } from "node:test";
import { mark } from "../../streaming/static/streaming/compare/changes.js";
import { compare, edgeKey, pairsOf } from "../../streaming/static/streaming/compare/comparison.js";

const name = (id, t) => `agent_${id}_${t}`;
const frame = (t, ids, edges, window = {}) => ({
  t, window: { W: 100, stride: 10, ...window },
  nodes: ids.map((id) => ({ node_id: name(id, t), agent_id: id, features: {} })),
  edges: edges.map(([a, b, type = "match", w = 0.1]) => ({ src: name(a, t), dst: name(b, t), type, w })),
});

const before = frame(100, [1, 2, 3, 10], [[1, 2], [2, 3], [3, 10], [1, 3, "quote_proximity"]]);
const now = frame(200, [1, 2, 3, 4], [[2, 1], [1, 4], [1, 3, "quote_proximity", 0.7], [2, 3, "quote_proximity"]]);

test("agents that joined and left are told by id, whatever the names of nodes", () => {
  const { joined, left, stayed } = compare(before, now);
  assert.deepEqual([joined, left, stayed], [["4"], ["10"], 3]);
  assert.deepEqual(compare(frame(0, [], []), frame(9, [10, 9, 100], [])).joined, ["9", "10", "100"]);
});

test("edges are the same in both directions, and of each kind by themselves", () => {
  const { edges, gained, lost } = compare(before, now);
  assert.deepEqual(edges, { match: { gained: 1, lost: 2, kept: 1 }, quote_proximity: { gained: 1, lost: 0, kept: 1 } });
  assert.deepEqual([...gained], ["match:1-4", "quote_proximity:2-3"]);
  assert.deepEqual([...lost], ["match:2-3", "match:3-10"]);
  assert.equal(edgeKey("match", "10", "9"), "match:9-10");
});

test("a frame differs from itself in nothing", () => {
  const same = compare(now, now);
  assert.deepEqual([same.joined, same.left, same.gained.size, same.lost.size], [[], [], 0, 0]);
  assert.ok(same.counts.every(({ before, now }) => before === now));
});

test("counts are of the whole window where a frame tells them", () => {
  const told = frame(300, [1, 2], [[1, 2]], { pairs: { match: 4958, quote_proximity: 12 }, matches: { agents: 9000, pool: 20000 }, nodes_total: 70 });
  assert.deepEqual(compare(now, told).counts, [
    { name: "agents", before: 4, now: 70 },
    { name: "match_edges", before: 2, now: 1 },
    { name: "close_edges", before: 2, now: 0 },
    { name: "match_pairs", before: null, now: 4958 },
    { name: "close_pairs", before: null, now: 12 },
    { name: "matches", before: null, now: 9000 },
    { name: "pool_matches", before: null, now: 20000 },
  ]);
});

test("what neither moment tells is left out", () => {
  assert.deepEqual(pairsOf({ a: 1, b: null }, { b: null, c: 0 }), [{ name: "a", before: 1, now: null }, { name: "c", before: null, now: 0 }]);
});

test("a graph is marked with what changed, and what is no more is given back", () => {
  const look = (kind, source, target) => [`${kind}:${source}-${target}`, { kind, source, target }];
  const graph = (agents, ...edges) => ({ nodes: new Map(agents.map((agent) => [agent, {}])), edges: new Map(edges) });
  const after = graph(["1", "2", "4"], look("match", "2", "1"), look("match", "1", "4"), look("pool", "1", "pool"));
  after.nodes.set("pool", {});
  const { lost, left } = mark(after, graph(["1", "2", "3"], look("match", "1", "2"), look("quote_proximity", "1", "2"), look("match", "2", "3"), look("pool", "2", "pool")));
  assert.deepEqual([...after.edges.values()].map(({ change }) => change), ["kept", "gained", undefined]);
  assert.deepEqual(lost.map(({ kind, source, target, change }) => `${change} ${kind} ${source}-${target}`), ["lost quote_proximity 1-2", "lost match 2-3"]);
  assert.deepEqual([...after.nodes].filter(([, node]) => node.change), [["4", { change: "joined" }]]);
  assert.deepEqual([...left], [["3", { change: "left" }]]);
});
