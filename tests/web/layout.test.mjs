import assert from "node:assert/strict";
import { test } from "node:test";
import { Layout } from "../../streaming/static/streaming/worker/layout.js";

/** Agents in a ring, each joined to the next. @param {string[]} keys */
function ring(keys) {
  const ends = keys.flatMap((_, i) => [i, (i + 1) % keys.length]);
  return { keys, ends: Uint32Array.from(ends), weights: new Float32Array(keys.length).fill(1) };
}

const keys = Array.from({ length: 20 }, (_, id) => String(id));
const pointOf = (positions, i) => [positions[2 * i], positions[2 * i + 1]];
const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

/** @param {Layout} layout */
function settled(layout) {
  let positions = layout.run(30);
  for (let round = 0; round < 200 && !layout.calm; round++) positions = layout.run(30);
  return positions;
}

test("comes to rest, with every agent in the picture and none upon another", () => {
  const layout = new Layout();
  layout.take(ring(keys));
  const positions = settled(layout);
  assert.equal(layout.calm, true);
  for (let i = 0; i < keys.length; i++) {
    assert.ok(distance(pointOf(positions, i), [0, 0]) < 1.1);
    for (let j = 0; j < i; j++) assert.ok(distance(pointOf(positions, i), pointOf(positions, j)) > 0.1);
  }
});

test("the same graphs give the same picture", () => {
  const [one, other] = [new Layout(), new Layout()];
  for (const layout of [one, other]) layout.take(ring(keys));
  assert.deepEqual(one.run(30), other.run(30));
});

test("those that stay keep their places when another leaves", () => {
  const layout = new Layout();
  layout.take(ring(keys));
  const before = settled(layout);
  layout.take(ring(keys.slice(0, -1)));
  const after = layout.run(1);
  for (let i = 0; i < keys.length - 1; i++) assert.ok(distance(pointOf(before, i), pointOf(after, i)) < 0.2);
});

test("an empty graph and a lone agent are laid out too", () => {
  const layout = new Layout();
  layout.take(ring([]));
  assert.equal(layout.run(5).length, 0);
  layout.take({ keys: ["4"], ends: new Uint32Array(0), weights: new Float32Array(0) });
  assert.ok([...layout.run(5)].every(Number.isFinite));
});

test("says when the agents of a graph have come to rest before, whatever became of its edges", () => {
  const layout = new Layout();
  assert.equal(layout.take(ring(keys)), false);
  settled(layout);
  assert.equal(layout.take({ ...ring(keys), weights: new Float32Array(keys.length).fill(0.5) }), true);
  assert.equal(layout.take(ring([...keys.slice(1), "20"])), true);
  assert.equal(layout.take(ring(keys.map((key) => `10${key}`))), false);
});

test("agents whose edges never let them rest count as settled after steps enough; a crowd of newcomers begins the count anew", () => {
  const layout = new Layout();
  let rounds = 0;
  const restless = () => ({ ...ring(keys), ends: Uint32Array.from(keys.flatMap((_, i) => [i, (i + 1 + (rounds % 9)) % keys.length])) });
  for (; !layout.take(restless()); rounds++) {
    assert.ok(rounds < 100, "it goes on for ever");
    layout.run(30);
    assert.equal(layout.calm, false);
  }
  assert.equal(rounds, 20);
  assert.equal(layout.take(ring(keys.map((key) => `10${key}`))), false);
});

/** The farthest that one of some agents moved. */
const farthest = (before, after, count) => Math.max(...Array.from({ length: count }, (_, i) => distance(pointOf(before, i), pointOf(after, i))));

test("nobody has to be looked for when agents come, or go and come again", () => {
  const layout = new Layout();
  layout.take(ring(keys));
  const before = settled(layout);
  for (const others of [[...keys, "20", "21"], keys.slice(0, 12), keys]) {
    layout.take(ring(others));
    const after = layout.run(4);
    const moved = farthest(before, after, Math.min(others.length, keys.length));
    assert.ok(moved < 0.4, `${others.length} agents: ${moved}`);
  }
});

test("a newcomer begins beside those it deals with", () => {
  const layout = new Layout();
  layout.take(ring(keys));
  const before = settled(layout);
  const joined = ring(keys);
  layout.take({ keys: [...keys, "99"], ends: Uint32Array.from([...joined.ends, 20, 3]), weights: new Float32Array(21).fill(1) });
  assert.ok(distance(pointOf(layout.run(1), 20), pointOf(before, 3)) < 0.4);
});

test("two camps far apart stay within the picture, however few the edges between them", () => {
  const layout = new Layout();
  const ids = Array.from({ length: 74 }, (_, id) => String(id));
  const pairs = ids.flatMap((_, i) => [1, 2, 5].map((step) => [i, (i < 37 ? (i + step) % 37 : 37 + ((i - 37 + step) % 37))]));
  layout.take({ keys: ids, ends: Uint32Array.from([...pairs, [0, 40]].flat()), weights: new Float32Array(pairs.length + 1).fill(1) });
  const positions = settled(layout);
  for (let i = 0; i < ids.length; i++) assert.ok(distance(pointOf(positions, i), [0, 0]) < 0.85, String(pointOf(positions, i)));
});

test("keeps the places of those seen last, and not of everyone who ever came", () => {
  const layout = new Layout();
  layout.take(ring(keys));
  const before = settled(layout);
  const pass = (from, to) => {
    for (let id = from; id < to; id += 1000) {
      layout.take({ keys: Array.from({ length: 1000 }, (_, i) => String(id + i)), ends: new Uint32Array(0), weights: new Float32Array(0) });
      layout.run(0);
    }
    layout.take(ring(keys));
    return layout.run(0);
  };
  assert.ok(farthest(before, pass(1000, 3000), keys.length) < 0.2, "two thousand others came by");
  assert.ok(farthest(before, pass(3000, 24_000), keys.length) > 0.2, "twenty-one thousand did");
});
