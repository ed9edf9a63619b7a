import assert from "node:assert/strict";
import { test } from "node:test";
import { Playhead } from "../../streaming/static/streaming/state/playhead.js";

const playhead = (state = {}) => Object.assign(new Playhead(), { firstT: 300, lastT: 600, ...state });

/** One that stands at t. */
function at(t, state = {}) {
  const head = playhead(state);
  head.seek(t, 0);
  return head;
}

test("stands where it was put until it plays", () => {
  const head = at(300);
  assert.deepEqual([head.at(0), head.at(5000), head.running], [300, 300, false]);
});

test("plays at the market's own pace, and at a multiple of it", () => {
  const head = at(300);
  head.play(1000);
  assert.equal(head.at(3000), 320);
  head.setSpeed(4, 3000);
  assert.deepEqual([head.at(3000), head.at(4000)], [320, 360]);
});

test("pauses where it is and plays on from there", () => {
  const head = at(300);
  head.play(0);
  head.pause(2000);
  assert.equal(head.at(9000), 320);
  head.play(9000);
  assert.equal(head.at(10_000), 330);
});

test("stops at the end of what is finished, and begins anew from there", () => {
  const head = at(590);
  head.play(0);
  assert.deepEqual([head.at(5000), head.running], [600, false]);
  head.play(6000);
  assert.equal(head.at(6000), 300);
});

test("goes on live where the end moves on", () => {
  const head = at(590, { growing: true });
  head.play(0);
  assert.deepEqual([head.at(2000), head.following], [600, true]);
  head.lastT = 640;
  assert.equal(head.at(2100), 640);
});

test("leaves live by pausing and by seeking, and one call returns", () => {
  const head = playhead({ growing: true });
  head.follow();
  head.pause(0);
  head.lastT = 700;
  assert.deepEqual([head.at(100), head.following], [600, false]);
  head.follow();
  assert.equal(head.at(200), 700);
  head.seek(400, 300);
  assert.deepEqual([head.at(300), head.running], [400, false]);
});

test("a seek is held within what there is", () => {
  assert.equal(at(0).at(0), 300);
  assert.equal(at(9999).at(0), 600);
});

test("leaps over gaps while it plays, and stands in one where it was put", () => {
  const head = at(390, { gaps: [{ from_t: 400, to_t: 499 }] });
  head.play(0);
  assert.equal(head.at(1000), 500);
  assert.equal(head.at(2000), 510);
  head.pause(2000);
  head.seek(450, 2000);
  assert.equal(head.at(3000), 450);
});

test("plays a loop over and over", () => {
  const head = at(400, { loop: { from_t: 400, to_t: 420 } });
  head.play(0);
  assert.deepEqual([1000, 2000, 3000].map((nowMs) => head.at(nowMs)), [410, 400, 410]);
});

test("another pace counts from where it is, not for the way behind it", () => {
  const head = at(300);
  head.play(0);
  head.setPace(0.5, 10_000);
  assert.equal(head.at(10_000), 400);
  assert.equal(head.at(14_000), 402);
  head.setPace(10, 14_000);
  assert.deepEqual([head.at(14_000), head.at(15_000)], [402, 412]);
});

test("the next tick comes within five seconds, whatever the market's time does", () => {
  for (const [pace, speed] of [[1 / 86_400, 1], [1e-9, 64], [0, 1], [0.1, 0.25]]) {
    const head = at(300);
    head.setPace(pace, 0);
    head.setSpeed(speed, 0);
    head.play(0);
    assert.deepEqual([head.at(5000), head.at(10_000)], [301, 302]);
  }
});

test("a pace or speed told after the end was reached leaves it following", () => {
  for (const change of [(head) => head.setPace(5, 5000), (head) => head.setSpeed(2, 5000)]) {
    const head = at(590, { growing: true });
    head.play(0);
    change(head);
    assert.equal(head.following, true);
  }
});
