import assert from "node:assert/strict";
import { test } from "node:test";
import { Healing } from "../../streaming/static/streaming/healing.js";

function healing() {
  const timers = [];
  const seen = { tries: 0, timers };
  const world = {
    setTimeout: (action, delay) => timers.push({ action, delay }),
    clearTimeout: (id) => timers.splice(id - 1, 1),
    random: () => 1,
  };
  seen.fire = () => timers.pop().action();
  seen.healing = new Healing(() => (seen.tries += 1), world);
  return seen;
}

test("tries again after longer and longer waits, one at a time", () => {
  const seen = healing();
  const delays = [];
  for (let i = 0; i < 7; i++) {
    seen.healing.failed();
    seen.healing.failed();
    assert.equal(seen.timers.length, 1);
    delays.push(seen.timers[0].delay);
    seen.fire();
  }
  assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  assert.equal(seen.tries, 7);
});

test("tries at once when the server is heard, and only if something waits", () => {
  const seen = healing();
  seen.healing.now();
  assert.equal(seen.tries, 0);
  seen.healing.failed();
  seen.healing.now();
  assert.deepEqual([seen.tries, seen.timers.length], [1, 0]);
});

test("after a success the next failure is tried again soon", () => {
  const seen = healing();
  seen.healing.failed();
  seen.fire();
  seen.healing.succeeded();
  seen.healing.failed();
  assert.equal(seen.timers[0].delay, 500);
});

test("does again what failed, of one name only the newest, until it succeeds", async () => {
  const seen = healing();
  const [done, errors] = [[], []];
  let away = true;
  const work = (name) => async () => {
    if (away) throw new Error(`${name} away`);
    done.push(name);
  };
  await seen.healing.attempt("read", work("old"), ({ message }) => errors.push(message));
  await seen.healing.attempt("read", work("new"), ({ message }) => errors.push(message));
  away = false;
  seen.fire();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([done, errors, seen.timers.length], [["new"], ["old away", "new away"], 0]);
});
