import assert from "node:assert/strict";
import { test } from "node:test";
import { Settling } from "../../streaming/static/streaming/page/settling.js";

/** A clock that stands still until it is told to go on. */
function desk() {
  const done = [];
  let [now, timer] = [0, null];
  const world = {
    now: () => now,
    setTimeout: (run, ms) => (timer = { run, at: now + ms }),
    clearTimeout: (one) => one === timer && (timer = null),
  };
  const settling = new Settling(() => done.push(now), { pauseMs: 400, longestMs: 1000 }, world);
  const goOn = (ms) => {
    now += ms;
    const due = timer;
    if (due === null || due.at > now) return;
    timer = null;
    due.run();
  };
  return { settling, done, goOn };
}

test("the work is done once, after a pause without a change", () => {
  const { settling, done, goOn } = desk();
  settling.changed();
  goOn(300);
  settling.changed();
  goOn(300);
  assert.deepEqual(done, []);
  goOn(100);
  assert.deepEqual(done, [700]);
  goOn(1000);
  assert.deepEqual(done, [700]);
});

test("of what never rests the work is done after the longest wait", () => {
  const { settling, done, goOn } = desk();
  for (let i = 0; i < 30; i++) {
    settling.changed();
    goOn(100);
  }
  assert.deepEqual(done, [1000, 2000, 3000]);
});

test("work that is done at once waits for nothing, and is not done again", () => {
  const { settling, done, goOn } = desk();
  settling.changed();
  goOn(100);
  settling.atOnce();
  goOn(1000);
  assert.deepEqual(done, [100]);
});
