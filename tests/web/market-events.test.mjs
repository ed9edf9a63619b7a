import assert from "node:assert/strict";
import { test } from "node:test";
import { MarketEvents } from "../../streaming/static/streaming/state/market-events.js";

const burst = { t0: 90, t1: 95, kind: "match", score: 4.5 };
const shock = { t: 40, kind: "price", size: -0.02, score: 6 };

test("keeps each once, in order of t", () => {
  const marketEvents = new MarketEvents();
  assert.equal(marketEvents.take({ bursts: [burst], shocks: [shock] }), true);
  assert.equal(marketEvents.take({ bursts: [burst], shocks: [] }), false);
  assert.deepEqual(marketEvents.within(0, 1000).map(({ what, t }) => [what, t]), [["shock", 40], ["burst", 90]]);
});

test("finds those that touch a range", () => {
  const marketEvents = new MarketEvents();
  marketEvents.take({ bursts: [burst], shocks: [shock] });
  assert.deepEqual(marketEvents.within(93, 99).map(({ what }) => what), ["burst"]);
  assert.deepEqual(marketEvents.within(96, 99), []);
});

test("forgets the oldest of two thousand, and nothing of a frame without events", () => {
  const marketEvents = new MarketEvents();
  assert.equal(marketEvents.take(undefined), false);
  for (let t = 0; t < 2100; t++) marketEvents.take({ bursts: [], shocks: [{ ...shock, t }] });
  assert.deepEqual([marketEvents.within(0, 9999).length, marketEvents.within(0, 9999)[0].t], [2000, 100]);
});
