import assert from "node:assert/strict";
import { test } from "node:test";
import { Retry } from "../../streaming/static/streaming/data/retry.js";

function retry() {
  const timers = [];
  const seen = { tries: 0, timers };
  const world = {
    setTimeout: (action, delay) => timers.push({ action, delay }),
    clearTimeout: (id) => timers.splice(id - 1, 1),
    random: () => 1,
  };
  seen.fire = () => timers.pop().action();
  seen.retry = new Retry(() => (seen.tries += 1), world);
  return seen;
}

test("tries again after longer and longer waits, one at a time", () => {
  const seen = retry();
  const delays = [];
  for (let i = 0; i < 7; i++) {
    seen.retry.failed();
    seen.retry.failed();
    assert.equal(seen.timers.length, 1);
    delays.push(seen.timers[0].delay);
    seen.fire();
  }
  assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  assert.equal(seen.tries, 7);
});

test("tries at once when the server is heard, and only if something waits", () => {
  const seen = retry();
  seen.retry.now();
  assert.equal(seen.tries, 0);
  seen.retry.failed();
  seen.retry.now();
  assert.deepEqual([seen.tries, seen.timers.length], [1, 0]);
});

test("after a success the next failure is tried again soon", () => {
  const seen = retry();
  seen.retry.failed();
  seen.fire();
  seen.retry.succeeded();
  seen.retry.failed();
  assert.equal(seen.timers[0].delay, 500);
});

test("does again what failed, of one name only the newest, until it succeeds", async () => {
  const seen = retry();
  const [done, errors] = [[], []];
  let away = true;
  const work = (name) => async () => {
    if (away) throw new Error(`${name} away`);
    done.push(name);
  };
  await seen.retry.attempt("read", work("old"), ({ message }) => errors.push(message));
  await seen.retry.attempt("read", work("new"), ({ message }) => errors.push(message));
  away = false;
  seen.fire();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([done, errors, seen.timers.length], [["new"], ["old away", "new away"], 0]);
});
