import assert from "node:assert/strict";
import { test } from "node:test";
import { NOWHERE, placesOf, positionsOf } from "../../streaming/static/streaming/worker/layout.js";

/** Agents in a ring, each joined to the next. @param {string[]} keys */
function ring(keys) {
  const ends = keys.flatMap((_, i) => [i, (i + 1) % keys.length]);
  return { keys, ends: Uint32Array.from(ends), weights: new Float32Array(keys.length).fill(1) };
}

const keys = Array.from({ length: 20 }, (_, id) => String(id));
const anchor = placesOf(ring(keys));
const pointOf = (positions, i) => [positions[2 * i], positions[2 * i + 1]];
const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);
/** The farthest that one of some agents moved. */
const farthest = (before, after, count) => Math.max(...Array.from({ length: count }, (_, i) => distance(pointOf(before, i), pointOf(after, i))));

test("every agent is in the picture and none upon another", () => {
  const positions = positionsOf(ring(keys), anchor);
  for (let i = 0; i < keys.length; i++) {
    assert.ok(distance(pointOf(positions, i), [0, 0]) < 0.85);
    for (let j = 0; j < i; j++) assert.ok(distance(pointOf(positions, i), pointOf(positions, j)) > 0.1);
  }
});

test("the same frame and anchor give the same picture, whatever was laid out between", () => {
  const before = positionsOf(ring(keys), placesOf(ring(keys)));
  positionsOf(ring(keys.slice(3)), anchor);
  assert.deepEqual(positionsOf(ring(keys), placesOf(ring(keys))), before);
});

test("nobody has to be looked for when agents come and go", () => {
  const before = positionsOf(ring(keys), anchor);
  for (const others of [[...keys, "20", "21"], keys.slice(0, 16)]) {
    const moved = farthest(before, positionsOf(ring(others), anchor), Math.min(others.length, keys.length));
    assert.ok(moved < 0.4, `${others.length} agents: ${moved}`);
  }
});

test("a newcomer begins beside those it deals with", () => {
  const joined = ring(keys);
  const task = { keys: [...keys, "99"], ends: Uint32Array.from([...joined.ends, 20, 3]), weights: new Float32Array(21).fill(1) };
  const positions = positionsOf(task, anchor);
  assert.ok(distance(pointOf(positions, 20), pointOf(positions, 3)) < 0.45);
});

test("an empty graph and a lone agent are laid out too", () => {
  assert.equal(positionsOf(ring([]), NOWHERE).length, 0);
  const alone = { keys: ["4"], ends: new Uint32Array(0), weights: new Float32Array(0) };
  assert.ok([...positionsOf(alone, placesOf(alone))].every(Number.isFinite));
});

test("two camps far apart stay within the picture, however few the edges between them", () => {
  const ids = Array.from({ length: 74 }, (_, id) => String(id));
  const pairs = ids.flatMap((_, i) => [1, 2, 5].map((step) => [i, (i < 37 ? (i + step) % 37 : 37 + ((i - 37 + step) % 37))]));
  const task = { keys: ids, ends: Uint32Array.from([...pairs, [0, 40]].flat()), weights: new Float32Array(pairs.length + 1).fill(1) };
  const positions = positionsOf(task, placesOf(task));
  for (let i = 0; i < ids.length; i++) assert.ok(distance(pointOf(positions, i), [0, 0]) < 0.85, String(pointOf(positions, i)));
});
