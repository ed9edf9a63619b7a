import assert from "node:assert/strict";
import { test } from "node:test";
import { firstFrameT, priceOf, priceRangeAt, priceRangesIn, priceSpan, tellsOf } from "../../streaming/static/streaming/data/messages.js";
import { lastAtOrBefore, paceOf, recordedAt } from "../../streaming/static/streaming/charts/timeline.js";

test("finds the last t at or before another, by comparing with a plain search", () => {
  const ts = [300, 310, 320, 350, 360];
  for (let t = 290; t <= 370; t++) assert.equal(lastAtOrBefore(ts, t), ts.findLastIndex((candidate) => candidate <= t));
  assert.equal(lastAtOrBefore([], 5), -1);
});

test("the first frame comes at the first multiple of the stride with a whole window", () => {
  assert.equal(firstFrameT(300, 10), 300);
  assert.equal(firstFrameT(305, 10), 310);
  assert.equal(firstFrameT(40, 1), 40);
  assert.equal(firstFrameT(300, 10, 5000), 5300);
  assert.equal(firstFrameT(300, 10, 5001), 5300);
});

test("a price is of the range of its run", () => {
  const ranges = priceRangesIn("100:40000.0:60000.0, 5000:1e-05:3e-05");
  assert.deepEqual(ranges, [{ from: 100, low: 40000, high: 60000 }, { from: 5000, low: 1e-5, high: 3e-5 }]);
  assert.deepEqual([0, 100, 4999].map((t) => priceOf(priceRangeAt(ranges, t), 0.25)), [45000, 45000, 45000]);
  assert.ok(Math.abs(priceOf(priceRangeAt(ranges, 5000), 0.5) - 2e-5) < 1e-18);
  assert.equal(priceSpan(ranges[0], 0.01), 200);
  assert.ok(Number.isNaN(priceOf(priceRangeAt(priceRangesIn(null), 7), 0.5)), "nobody told");
});

test("the pace is the market's own, whatever lies between two runs", () => {
  const ts = [100, 101, 102, 103, 104, 105];
  assert.ok(Math.abs(paceOf(ts, [10, 10.1, 10.2, 3610.2, 3610.3, 3610.4]) - 10) < 1e-6);
  assert.equal(paceOf([0, 10, 20, 500], [0, 2, 4, 100]), 5);
  assert.ok(Math.abs(paceOf(ts, [10, 10.1, NaN, Infinity, 10.4, 10.5]) - 10) < 1e-6);
  assert.deepEqual([paceOf([], []), paceOf([1], [1]), paceOf([1, 2], [7, 7])], [null, null, null]);
});

test("a frame tells of its own t and of those until the next is due", () => {
  const frame = { t: 300, window: { stride: 10 } };
  assert.deepEqual([299, 300, 309, 310].map((t) => tellsOf(frame, t)), [false, true, true, false]);
});

test("a moment has the message before it, but none in a hole or beyond the ends", () => {
  const ts = [10, 20, 30, 60, 70];
  assert.deepEqual([9, 10, 19, 30, 39, 40, 59, 60, 79, 80].map((t) => recordedAt(ts, t)), [-1, 0, 0, 2, 2, -1, -1, 3, 4, -1]);
  assert.equal(recordedAt([], 5), -1);
});
