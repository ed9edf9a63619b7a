import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressBar } from "../../streaming/static/streaming/page/address-bar.js";

/** A bar with a clock and timers in the test's hand. */
function bar({ refuse = () => false } = {}) {
  const seen = { now: 0, written: [], links: [], timers: [], history: [null] };
  const write = (address, entries) => {
    if (refuse()) throw new Error("SecurityError");
    seen.written.push(address);
    seen.history.splice(-1, 1, ...entries);
  };
  const world = {
    replace: (address) => write(address, [address]),
    push: (address) => write(address, [seen.history.at(-1), address]),
    now: () => seen.now,
    setTimeout: (action, delay) => seen.timers.push({ action, at: seen.now + delay }),
  };
  seen.pass = (ms) => {
    seen.now += ms;
    const due = seen.timers.filter(({ at }) => at <= seen.now);
    seen.timers = seen.timers.filter((timer) => !due.includes(timer));
    for (const { action } of due) action();
  };
  const keep = (t) => made.keep({ symbol: "A", t, agent: null, from: null, zoom: null, look: {} });
  const made = new AddressBar((address) => seen.links.push(address), world);
  const entries = () => seen.history.map((address) => address.split("t=")[1] ?? "live");
  return { seen, keep, made, entries };
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

test("a leap leaves behind the very moment that was left, and passing by leaves nothing", () => {
  const { seen, keep, made, entries } = bar();
  for (const t of [null, 1, 2, 3]) keep(t);
  made.leap();
  keep(500);
  seen.pass(2000);
  for (let t = 501; t < 600; t++) keep(t);
  made.leap();
  keep(null);
  assert.deepEqual(entries(), ["3", "599", "live"]);
});

test("leaps that follow each other at once are one", () => {
  const { seen, keep, made, entries } = bar();
  keep(0);
  for (let t = 100; t < 200; t += 10) {
    seen.pass(100);
    made.leap();
    keep(t);
  }
  seen.pass(1000);
  assert.deepEqual(entries(), ["0", "190"]);
});

test("a leap to where it stands is none", () => {
  const { seen, keep, made, entries } = bar();
  keep(7);
  made.leap();
  keep(7);
  seen.pass(1000);
  keep(8);
  assert.deepEqual(entries(), ["8"]);
});

test("where the browser went by itself nothing is written", () => {
  const { seen, keep, made } = bar();
  keep(7);
  made.leap();
  keep(90);
  made.arrive("/replay/?symbol=A&t=7");
  keep(7);
  seen.pass(1000);
  assert.deepEqual(seen.written, ["/replay/?symbol=A&t=7", "/replay/?symbol=A&t=90"]);
  assert.equal(seen.links.at(-1), "/replay/?symbol=A&t=7");
});
