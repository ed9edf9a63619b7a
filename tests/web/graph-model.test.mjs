import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { graphOf, passes, startPosition } from "../../streaming/static/streaming/graph/graph-model.js";

const lines = readFileSync(new URL("../data/web/frames.jsonl", import.meta.url), "utf8").trimEnd();
const frames = lines.split("\n").map((line) => JSON.parse(line));

test("has every node and every edge of the frame", () => {
  for (const frame of frames) {
    const { nodes, edges } = graphOf(frame);
    assert.deepEqual([...nodes.keys()], frame.nodes.map(({ agent_id }) => String(agent_id)));
    assert.equal(edges.size, frame.edges.length);
  }
});

test("keeps both kinds of edge between the same two agents apart", () => {
  const { edges } = graphOf(frames[0]);
  const pairs = [...edges.values()].map(({ source, target }) => `${source}-${target}`);
  assert.ok(new Set(pairs).size < pairs.length, "the example has a pair joined twice");
});

test("the strongest edge of each kind has strength 1, the others less", () => {
  const looks = [...graphOf(frames[0]).edges.values()];
  for (const kind of ["match", "quote_proximity"]) {
    const strengths = looks.filter((look) => look.kind === kind).map(({ strength }) => strength);
    assert.equal(Math.max(...strengths), 1);
    assert.ok(strengths.every((strength) => strength > 0 && strength <= 1));
  }
});

test("an agent starts in the same place every time, apart from the others, within the picture", () => {
  const places = Array.from({ length: 200 }, (_, id) => startPosition(String(id)));
  assert.deepEqual(places[7], startPosition("7"));
  assert.equal(new Set(places.map(({ x, y }) => `${x},${y}`)).size, 200);
  assert.ok(places.every(({ x, y }) => Math.hypot(x, y) <= 1));
  // All over the circle, not along a curve in it: about as many within each ring of the same area, on each side.
  const parts = places.map(({ x, y }) => `${Math.floor(4 * (x ** 2 + y ** 2))} ${x > 0} ${y > 0}`);
  const counts = [...new Set(parts)].map((part) => parts.filter((other) => other === part).length);
  assert.equal(counts.length, 16);
  assert.ok(counts.every((count) => count >= 8 && count <= 17), `${counts}`);
});

for (const [first, step] of [[2 ** 53 - 400, 2], [2 ** 52, 2 ** 32], [7e15, 1]]) {
  test(`agents with ids from ${first} on, ${step} apart, start apart from each other too`, () => {
    const places = Array.from({ length: 200 }, (_, i) => startPosition(String(first + i * step)));
    const distances = places.flatMap((one, i) => places.slice(0, i).map((other) => Math.hypot(one.x - other.x, one.y - other.y)));
    assert.ok(Math.min(...distances) > 0.005, String(Math.min(...distances)));
    assert.equal(new Set(places.map(({ x, y }) => `${Math.floor(4 * (x ** 2 + y ** 2))} ${x > 0} ${y > 0}`)).size, 16);
  });
}

test("experience is told within the frame: 0 for the least, 1 for the greatest", () => {
  const looks = [...graphOf(frames[0]).nodes.values()].map(({ experience }) => experience);
  assert.deepEqual([Math.min(...looks), Math.max(...looks)], [0, 1]);
});

test("many edges of one kind do not make those of another pale", () => {
  const { nodes } = frames[0];
  const [first, second] = nodes;
  const edge = (/** @type {any} */ src, /** @type {any} */ dst, /** @type {string} */ type) => ({ src: src.node_id, dst: dst.node_id, type, w: 0.1 });
  const close = Array.from({ length: 400 }, (_, i) => edge(nodes[i % nodes.length], { node_id: `agent:${1000 + i}` }, "quote_proximity"));
  const frame = { ...frames[0], edges: [edge(first, second, "match"), ...close] };
  const looks = [...graphOf(frame).edges.values()];
  assert.deepEqual(looks.filter(({ kind }) => kind === "match").map(({ presence }) => presence), [1]);
  assert.ok(looks.every(({ kind, presence }) => kind === "match" || presence < 1));
});

const everything = { match: true, quote_proximity: true, weakest: 0, beyond: null };
const shownOf = (frame, filter) => [...graphOf(frame).edges.values()].filter((edge) => passes(edge, { ...everything, ...filter }));

test("filters edges by kind", () => {
  assert.ok(shownOf(frames[0], { quote_proximity: false }).every(({ kind }) => kind === "match"));
  assert.equal(shownOf(frames[0], {}).length, frames[0].edges.length);
});

/** Two agents a pair, each pair with a count of matches. */
const paired = (...counts) => ({ window: { W: 100 }, nodes: counts.flatMap((_, i) => quoting(1, 1).nodes.map((node, j) => ({ ...node, node_id: `n${2 * i + j}`, agent_id: 2 * i + j }))), edges: counts.map((count, i) => ({ src: `n${2 * i}`, dst: `n${2 * i + 1}`, type: "match", w: count / 100 })) });

test("hiding the weakest thins from the first step on, takes equal weights together, and leaves the strongest", () => {
  const counts = (weakest) => shownOf(paired(1, 1, 1, 1, 1, 1, 2, 2, 3, 9), { weakest }).map(({ count }) => count);
  assert.deepEqual([0, 0.05, 0.7, 0.95].map((weakest) => counts(weakest).length), [10, 4, 2, 1]);
  assert.deepEqual(counts(0.95), [9]);
  assert.equal(shownOf(paired(1, 1, 1), { weakest: 0.95 }).length, 3);
});

test("an edge says how many ticks or matches it tells of", () => {
  assert.deepEqual([...graphOf(paired(7, 29)).edges.values()].map(({ count }) => count), [7, 29]);
});

test("net imbalance counts quotes alone; who has none has no imbalance and no mean quote", () => {
  const { nodes } = quoting(1, 1);
  [nodes[0].features, nodes[1].features] = [{ ...nodes[0].features, buy_count: 30, sell_count: 10, quote_price_mean: 7 }, { ...nodes[1].features, buy_count: 0, sell_count: 0, quote_price_mean: 0 }];
  const looks = [...graphOf({ nodes, edges: [], window: { W: 300 } }).nodes.values()].map(({ imbalance, quote }) => [imbalance, quote]);
  assert.deepEqual(looks, [[0.5, 7], [null, null]]);
});

test("the outside pool is a node on wish, tied to everyone who matched with it", () => {
  const frame = quoting(5, 5, 5);
  [4, 0, 2].forEach((pool_count, i) => (frame.nodes[i].features.pool_count = pool_count));
  assert.equal(graphOf(frame).nodes.size, 3);
  const { nodes, edges } = graphOf(frame, { pool: true });
  assert.equal(nodes.get("pool").matches, 6);
  assert.deepEqual([...edges.values()].map(({ source, target, count, strength }) => [source, target, count, strength]), [["0", "pool", 4, 1], ["2", "pool", 2, 0.5]]);
});

/** A frame of agents who quoted in each of 300 ticks and matched so often. */
const quoting = (...matches) => ({ nodes: matches.map((match_count, i) => ({ node_id: `n${i}`, agent_id: i, features: { buy_count: 150, sell_count: 150, match_count, experience_end: 0.5, dominant_side: "buy" } })), edges: [], window: { W: 300 } });
const sizesOf = (frame) => [...graphOf(frame).nodes.values()].map(({ size }) => size);

test("size tells who is more active also where everybody quotes in every tick", () => {
  const [least, middle, most] = sizesOf(quoting(20, 60, 100));
  assert.ok(most > 2 * least, `${least} and ${most}`);
  assert.ok(least < middle && middle < most);
});

test("agents of equal activity are of equal size, and nearly equal ones nearly so", () => {
  assert.equal(new Set(sizesOf(quoting(50, 50, 50))).size, 1);
  const [some, more] = sizesOf(quoting(50, 51));
  assert.ok(more > some && more < 1.1 * some, `${some} and ${more}`);
});

test("in a crowd all get smaller together, nobody vanishes, and who does most still stands out", () => {
  const crowd = quoting(...Array.from({ length: 2000 }, (_, i) => (i < 5 ? 5000 : 10)));
  const [hub, other] = [sizesOf(crowd)[0], sizesOf(crowd)[1999]];
  assert.ok(other >= 1.5 && other < 3, String(other));
  assert.ok(hub > 2 * other, `${hub} and ${other}`);
  assert.ok(sizesOf(quoting(...new Array(2000).fill(10)))[0] < 2.5, "equal agents fit side by side");
});
