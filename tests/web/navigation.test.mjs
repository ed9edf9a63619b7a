import assert from "node:assert/strict";
import { test } from "node:test";
import { Playhead } from "../../streaming/static/streaming/state/playhead.js";
import { Navigation } from "../../streaming/static/streaming/state/navigation.js";

/** One who stands at t, where the feed has found this. */
function standing(t, found, onLeap = () => {}) {
  const head = Object.assign(new Playhead(), { firstT: 0, lastT: 9000 });
  head.seek(t, 0);
  const feed = { found, covers: () => found !== null };
  return new Navigation({ head, feed, chartFeed: {}, timeline: { reveal: () => {} }, stride: 10, draw: () => {}, onLeap });
}

/** Where a step leads. */
function stepped(way, t, found) {
  const navigation = standing(t, found);
  navigation.step(way);
  return navigation.parts.head.at(0);
}

const found = (t, previousT, nextT) => ({ frame: { t }, previousT, nextT });

test("goes to the neighbours, and from between two frames to the one it shows", () => {
  assert.deepEqual([stepped(1, 300, found(300, 290, 310)), stepped(-1, 300, found(300, 290, 310)), stepped(-1, 305, found(300, 290, 310))], [310, 290, 300]);
});

test("forward out of a gap is never backward, whatever is known", () => {
  assert.equal(stepped(1, 555, found(300, 290, 800)), 800);
  assert.equal(stepped(1, 555, found(300, 290, null)), 560);
  assert.equal(stepped(1, 555, found(300, 290, 310)), 560);
  assert.equal(stepped(1, 555, null), 560);
});

test("where nothing was found it steps from stride to stride", () => {
  assert.deepEqual([stepped(1, 40, null), stepped(-1, 40, null), stepped(-1, 47, null)], [50, 30, 40]);
});

test("commands that leap tell so before they do, steps and playing do not", () => {
  const left = [];
  const navigation = standing(500, null, () => left.push(Math.round(navigation.parts.head.at(0))));
  for (const command of ["forward", "back", "toggle", "toggle", "loop-from"]) navigation.run(command);
  assert.deepEqual(left, []);
  for (const command of ["first", "far-forward", "last"]) navigation.run(command);
  assert.deepEqual(left, [500, 0, 100]);
});

test("whoever leaves the present by a step or a pause has leapt", () => {
  for (const command of ["back", "toggle"]) {
    let leapt = 0;
    const navigation = standing(500, null, () => (leapt += 1));
    navigation.parts.head.follow();
    navigation.run(command);
    assert.equal(leapt, 1, command);
  }
});
