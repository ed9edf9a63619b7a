import assert from "node:assert/strict";
import { test } from "node:test";
import { MarketEvents } from "../../streaming/static/streaming/state/market-events.js";

const burst = { t0: 90, t1: 95, kind: "match", score: 4.5 };
const shock = { t: 40, kind: "price", size: -0.02, score: 6 };
const frame = { t: 100, events: { bursts: [burst], shocks: [shock] } };

test("keeps each once, in order of t, with the frame that tells of it", () => {
  const marketEvents = new MarketEvents();
  assert.equal(marketEvents.take(frame), true);
  assert.equal(marketEvents.take(frame), false);
  assert.deepEqual(marketEvents.all().map(({ what, t, frameT }) => [what, t, frameT]), [["shock", 40, 100], ["burst", 90, 100]]);
  assert.equal(marketEvents.all(), marketEvents.all(), "nothing new, no new list");
});

test("those that the overview tells are the same ones", () => {
  const marketEvents = new MarketEvents();
  marketEvents.take(frame);
  const summed = [
    { t: 90, kind: "burst", size: 6, score: 4.5, frame_t: 100 },
    { t: 40, kind: "price", size: -0.02, score: 6, frame_t: 100 },
    { t: 10, kind: "liquidity", size: 0.1, score: 7, frame_t: 20 },
  ];
  assert.equal(marketEvents.takeSummed(summed), true);
  assert.deepEqual(marketEvents.all().map(({ kind, t, to }) => [kind, t, to]), [["liquidity", 10, 10], ["price", 40, 40], ["match", 90, 95]]);
});

test("finds those that touch a range", () => {
  const marketEvents = new MarketEvents();
  marketEvents.take(frame);
  assert.deepEqual(marketEvents.within(93, 99).map(({ what }) => what), ["burst"]);
  assert.deepEqual(marketEvents.within(96, 99), []);
});

test("the next and the one before are found by the frames that tell of them", () => {
  const marketEvents = new MarketEvents();
  for (const t of [10, 20, 30]) marketEvents.take({ t, events: { bursts: [], shocks: [{ ...shock, t: t - 3 }] } });
  assert.deepEqual([5, 10, 18, 30].map((t) => marketEvents.beside(t, 1)?.frameT), [10, 20, 20, undefined]);
  assert.deepEqual([5, 10, 18, 30].map((t) => marketEvents.beside(t, -1)?.frameT), [undefined, undefined, 10, 20]);
});

test("forgets the oldest of two thousand, and nothing of a frame without events", () => {
  const marketEvents = new MarketEvents();
  assert.deepEqual([marketEvents.take(null), marketEvents.take({ t: 5 })], [false, false]);
  for (let t = 0; t < 2100; t++) marketEvents.take({ t, events: { bursts: [], shocks: [{ ...shock, t }] } });
  assert.deepEqual([marketEvents.all().length, marketEvents.all()[0].t], [2000, 100]);
});
