import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressBar } from "../../streaming/static/streaming/page/address-bar.js";

/** A bar with a clock and timers in the test's hand. */
function bar({ refuse = () => false } = {}) {
  const seen = { now: 0, written: [], links: [], timers: [] };
  const world = {
    replace: (address) => {
      if (refuse()) throw new Error("SecurityError");
      seen.written.push(address);
    },
    now: () => seen.now,
    setTimeout: (action, delay) => seen.timers.push({ action, at: seen.now + delay }),
  };
  seen.pass = (ms) => {
    seen.now += ms;
    for (const { action } of seen.timers.splice(0).filter(({ at }) => at <= seen.now)) action();
  };
  const keep = (t) => made.keep({ symbol: "A", t, agent: null });
  const made = new AddressBar((address) => seen.links.push(address), world);
  return { seen, keep };
}

test("a single change is there at once, the same place is written once", () => {
  const { seen, keep } = bar();
  for (const t of [5, 5, 5.4]) keep(t);
  seen.pass(1000);
  assert.deepEqual(seen.written, ["/replay/?symbol=A&t=5"]);
  assert.deepEqual(seen.links, seen.written);
});

test("of a flood the first and the last are written", () => {
  const { seen, keep } = bar();
  for (let t = 0; t < 50; t++) keep(t);
  seen.pass(1000);
  assert.deepEqual(seen.written.map((address) => address.split("t=")[1]), ["0", "49"]);
});

test("a minute of a held key stays far below what browsers allow", () => {
  const { seen, keep } = bar();
  for (let i = 0; i < 1800; i++) {
    keep(i);
    seen.pass(1000 / 60);
  }
  assert.ok(seen.written.length < 100, `${seen.written.length} in half a minute`);
});

test("a browser that refuses is asked again with the next change", () => {
  let refusing = true;
  const { seen, keep } = bar({ refuse: () => refusing });
  keep(1);
  refusing = false;
  seen.pass(1000);
  keep(1);
  assert.deepEqual(seen.written, ["/replay/?symbol=A&t=1"]);
});
