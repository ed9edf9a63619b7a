import assert from "node:assert/strict";
import { test } from "node:test";
import { RIM } from "../../streaming/static/streaming/graph/graph-model.js";
import { partOverlaps } from "../../streaming/static/streaming/worker/overlaps.js";

const distance = (positions, i, j) => Math.hypot(positions[2 * i] - positions[2 * j], positions[2 * i + 1] - positions[2 * j + 1]);

/** The least distance between any two. */
function nearest(positions, count) {
  let least = Infinity;
  for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) least = Math.min(least, distance(positions, i, j));
  return least;
}

test("a crowd in one heap comes apart, and stays within the picture", () => {
  const count = 400;
  const positions = Float32Array.from({ length: 2 * count }, (_, i) => 0.6 * Math.sin(1000 * i));
  const before = nearest(positions, count);
  for (let round = 0; round < 5; round++) partOverlaps(positions, count);
  assert.ok(nearest(positions, count) > 0.7 / Math.sqrt(count), `${before} became ${nearest(positions, count)}`);
  for (let i = 0; i < count; i++) assert.ok(Math.hypot(positions[2 * i], positions[2 * i + 1]) <= RIM + 1e-6);
});

test("two meet across the border of their squares, in whichever direction", () => {
  const least = 0.1;
  for (let eighth = 0; eighth < 8; eighth++) {
    const [x, y] = [Math.cos((eighth * Math.PI) / 4), Math.sin((eighth * Math.PI) / 4)];
    // A hundred agents give the distance; all but two stand in a far corner, out of the way.
    for (let place = -0.3; place < 0.3; place += 0.011) {
      const positions = new Float32Array(200).fill(-0.59);
      positions.set([place, 0, place + 0.06 * x, 0.06 * y]);
      partOverlaps(positions, 100);
      assert.ok(distance(positions, 0, 1) > 0.99 * least, `${place}, ${eighth}`);
    }
  }
});
