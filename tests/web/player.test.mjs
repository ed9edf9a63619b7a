import assert from "node:assert/strict";
import { test } from "node:test";
import { Player } from "../../streaming/static/streaming/player.js";

const player = (options = {}) => new Player({ firstT: 300, lastT: 600, ticksPerSecond: 10, ...options });

test("stands at the start until it plays", () => {
  const clock = player();
  assert.equal(clock.at(0), 300);
  assert.equal(clock.at(5000), 300);
});

test("plays at the market's own pace, and at a multiple of it", () => {
  const clock = player();
  clock.play(1000);
  assert.equal(clock.at(3000), 320);
  clock.setSpeed(4, 3000);
  assert.equal(clock.at(4000), 360);
});

test("a change of speed moves nothing by itself", () => {
  const clock = player();
  clock.play(0);
  clock.setSpeed(64, 2000);
  assert.equal(clock.at(2000), 320);
});

test("pauses where it is and plays on from there", () => {
  const clock = player();
  clock.play(0);
  clock.pause(1000);
  assert.equal(clock.at(9000), 310);
  clock.play(9000);
  assert.equal(clock.at(10_000), 320);
});

test("a second play changes nothing", () => {
  const clock = player();
  clock.play(0);
  clock.play(1000);
  assert.equal(clock.at(2000), 320);
});

test("stops at the end and begins again from the start", () => {
  const clock = player();
  clock.play(0);
  assert.equal(clock.at(60_000), 600);
  assert.equal(clock.playing, false);
  clock.play(70_000);
  assert.equal(clock.at(70_100), 301);
});

test("seeks while paused and while playing, within its range", () => {
  const clock = player();
  clock.seek(450, 0);
  assert.equal(clock.at(0), 450);
  clock.play(0);
  clock.seek(500, 1000);
  assert.equal(clock.at(2000), 510);
  clock.seek(5, 2000);
  assert.equal(clock.at(2000), 300);
  clock.seek(9999, 2000);
  assert.equal(clock.at(2000), 600);
});

test("a recording of one frame has no way to go", () => {
  const clock = player({ lastT: 300 });
  clock.play(0);
  assert.equal(clock.at(1000), 300);
  assert.equal(clock.playing, false);
});
