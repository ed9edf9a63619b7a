import assert from "node:assert/strict";
import { test } from "node:test";
import { metricOf, metricRow } from "../../streaming/static/streaming/data/messages.js";
import { Store } from "../../streaming/static/streaming/state/store.js";

const s = { price_norm: 0.5, volatility: 0.003, liquidity: 1, imbalance: 0 };
const tick = (t) => ({ type: "tick", t, ts: t / 10, s, matches: [] });
const metric = (t, N = 3) => ({ type: "metric", t, ts: t / 10, s, N, avg_exp: 0.5, matches_n: 1 });
const frame = (t) => ({ type: "frame", t, ts: t / 10, window: { W: 300, t0: t - 299, t1: t, stride: 10 }, nodes: [], edges: [] });

test("holds the newest tick, the newest frame and the metrics", () => {
  const store = new Store(10);
  for (const message of [frame(10), metric(10), tick(10), metric(11), tick(11)]) assert.equal(store.receive(message), true);
  assert.equal(store.tick.t, 11);
  assert.equal(store.frame.t, 10);
  assert.deepEqual([...store.metrics.column("t")], [10, 11]);
  assert.deepEqual([...store.metrics.column("N")], [3, 3]);
});

test("resumes after its last tick, whatever frame or metric came after it", () => {
  const store = new Store(10);
  assert.equal(store.position, null);
  for (const message of [metric(4), tick(4), frame(5), metric(5)]) store.receive(message);
  assert.equal(store.position, 4);
});

test("takes t = 0 as a position", () => {
  const store = new Store(10);
  store.receive(tick(0));
  assert.equal(store.position, 0);
});

test("leaves out what a resumed stream repeats", () => {
  const store = new Store(10);
  for (const message of [metric(4), tick(4), frame(5), metric(5)]) store.receive(message);
  assert.deepEqual([frame(5), metric(5), tick(5)].map((message) => store.receive(message)), [false, false, true]);
  assert.deepEqual([...store.metrics.column("t")], [4, 5]);
});

test("backfills older metrics without repeating those that came live", () => {
  const store = new Store(4);
  store.receive(metric(10));
  store.receive(metric(11));
  store.backfill([6, 7, 8, 9, 10].map((t) => metricRow(metric(t, 7))));
  assert.deepEqual([...store.metrics.column("t")], [8, 9, 10, 11]);
  assert.deepEqual([...store.metrics.column("N")], [7, 7, 3, 3]);
});

test("keeps the last eight frames, to bridge what is not on disk yet", () => {
  const store = new Store(4);
  for (let t = 10; t <= 200; t += 10) store.receive(frame(t));
  assert.deepEqual([store.frames.length, store.frames[0].t, store.frame.t], [8, 130, 200]);
});

test("finds the frame to be seen at a t, and its neighbours", () => {
  const store = new Store(4);
  for (const t of [10, 20, 30]) store.receive(frame(t));
  assert.equal(store.frameAt(9), null);
  assert.deepEqual([store.frameAt(25).frame.t, store.frameAt(25).previousT, store.frameAt(25).nextT], [20, 10, 30]);
  assert.equal(store.frameAt(99).nextT, null);
});

test("frames on both sides of a gap are no neighbours", () => {
  const store = new Store(4);
  for (const t of [10, 20]) store.receive(frame(t));
  assert.equal(store.receive({ type: "gap", kind: "frame", from_t: 21, to_t: 80, reason: "slow" }), true);
  assert.deepEqual([store.frame.t, store.frameAt(25)], [20, null]);
  store.receive(frame(90));
  assert.deepEqual([store.frameAt(95).previousT, store.frameAt(50)], [null, null]);
});

test("the frame of the present may be ahead of its tick, and holds until the next is due", () => {
  const store = new Store(4);
  for (const message of [frame(10), tick(10), tick(19), frame(20)]) store.receive(message);
  assert.deepEqual([store.position, store.presentFrame.t], [19, 20]);
  for (let t = 20; t < 30; t++) store.receive(tick(t));
  assert.equal(store.presentFrame.t, 20);
  store.receive(tick(30));
  assert.equal(store.presentFrame, null, "a run that has just begun has none yet");
});

test("a frame stays while those behind it are left out on a slow connection, and no longer", () => {
  const store = new Store(4);
  for (const message of [frame(10), tick(10), { type: "gap", kind: "frame", from_t: 20, to_t: 30, reason: "slow" }]) store.receive(message);
  for (let t = 11; t < 40; t++) assert.equal(store.receive(tick(t)) && store.presentFrame?.t, 10, `t = ${t}`);
  store.receive(tick(40));
  assert.equal(store.presentFrame, null);
  store.receive(frame(40));
  assert.equal(store.presentFrame.t, 40);
});

test("where frames were never made none stands for them", () => {
  const store = new Store(4);
  for (const message of [frame(10), tick(10), { type: "gap", kind: "frame", from_t: 11, to_t: 60, reason: "lost" }, tick(61)]) store.receive(message);
  assert.equal(store.presentFrame, null);
});

test("a day of a market leaves no more behind than an hour", () => {
  const store = new Store(1200);
  for (let t = 0; t < 100_000; t++) {
    if (t % 10 === 0) store.receive(frame(t));
    store.receive(metric(t));
    store.receive(tick(t));
  }
  assert.deepEqual([store.frames.length, store.metrics.length], [8, 1200]);
  assert.equal(store.metrics.arrays.reduce((sum, { length }) => sum + length, 0), 9 * 2 * 1200);
});

test("is unchanged by messages that hold no data", () => {
  const store = new Store(4);
  assert.equal(store.receive({ type: "heartbeat", t: 9 }), false);
  assert.equal(store.receive({ type: "caught_up", t: 9 }), false);
  assert.equal(store.position, null);
});

test("cleared, it takes a stream that begins anew, at a lower t too", () => {
  const store = new Store(4);
  for (const message of [frame(90), metric(90), tick(90)]) store.receive(message);
  store.clear();
  assert.deepEqual([store.position, store.frame, store.metrics.length], [null, null, 0]);
  for (const message of [frame(10), metric(10), tick(10)]) assert.equal(store.receive(message), true);
});

test("makes of a tick the metric that the camera makes", () => {
  const full = { ...tick(7), agents: [{ id: 0, experience: 0.25 }, { id: 4, experience: 0.75 }], matches: [{ a: 0, b: -1, prob: 0.5 }] };
  assert.deepEqual(metricOf(full), { ...metric(7, 2), avg_exp: 0.5, matches_n: 1 });
  assert.equal(metricOf({ ...full, agents: [] }).avg_exp, 0);
});
