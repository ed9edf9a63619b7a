import assert from "node:assert/strict";
import { test } from "node:test";
import { unhurried } from "../../streaming/static/streaming/page/paint.js";

/** A clock that goes when it is told to. */
function world() {
  let [nowMs, timers] = [0, []];
  return {
    now: () => nowMs,
    setTimeout: (run, ms) => timers.push({ atMs: nowMs + ms, run }),
    clearTimeout: () => {},
    goTo(ms) {
      nowMs = ms;
      const due = timers.filter(({ atMs }) => atMs <= ms);
      timers = timers.filter(({ atMs }) => atMs > ms);
      for (const { run } of due) run();
    },
  };
}

test("what a fast market tells is drawn ten times a second, and the last of it is not left out", () => {
  const [time, drawn] = [world(), []];
  let told = -1;
  const ask = unhurried(() => drawn.push([time.now(), told]), time);
  for (let ms = 0; ms < 1000; ms += 5) {
    time.goTo(ms);
    told = ms;
    ask();
  }
  for (let ms = 1000; ms < 2000; ms += 5) time.goTo(ms);
  assert.equal(drawn.length, 11);
  assert.deepEqual(drawn[0], [5, 0]);
  assert.equal(drawn.at(-1)[1], 995);
});

test("what a slow market tells is drawn as it comes", () => {
  const [time, drawn] = [world(), []];
  const ask = unhurried(() => drawn.push(time.now()), time);
  for (const ms of [0, 150, 300]) {
    time.goTo(ms);
    ask();
    time.goTo(ms);
  }
  assert.deepEqual(drawn, [0, 150, 300]);
});
