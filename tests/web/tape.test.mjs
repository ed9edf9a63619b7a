import assert from "node:assert/strict";
import { test } from "node:test";
import { METRIC_COLUMNS } from "../../streaming/static/streaming/data/messages.js";
import { Tape, headOf } from "../../streaming/static/streaming/worker/tape.js";

const s = { price_norm: 0.5, volatility: 0.003, liquidity: 1, imbalance: -0.5 };
const metric = (t) => JSON.stringify({ type: "metric", t, ts: t / 10, s, N: 3, avg_exp: 0.25, matches_n: 2 });
const gap = '{"type":"gap","kind":"tick","from_t":3,"to_t":7,"reason":"lost"}';

test("reads type and t off the front of a line, and of a line in another order", () => {
  assert.deepEqual(headOf('{"type":"frame","t":340,"nodes":[{"t":9}]}'), { type: "frame", t: 340 });
  assert.deepEqual(headOf('{"t":341, "type":"frame"}'), { type: "frame", t: 341 });
});

test("finds messages by index and keeps gaps apart", () => {
  const tape = new Tape();
  for (const line of [metric(1), metric(2), gap, metric(8)]) tape.add(line);
  assert.deepEqual(tape.ts, [1, 2, 8]);
  assert.equal(tape.message(2).t, 8);
  assert.deepEqual(tape.gaps.map(({ from_t, to_t }) => [from_t, to_t]), [[3, 7]]);
});

test("says which message it does not have", () => {
  assert.throws(() => new Tape().message(4), { name: "RangeError", message: "message 4 of a segment that has 0" });
});

test("gives the metrics of a range as rows", () => {
  const tape = new Tape();
  for (const line of [metric(1), metric(2), metric(3)]) tape.add(line);
  const rows = tape.metricRows(2, 3);
  assert.deepEqual(rows.map((row) => row[METRIC_COLUMNS.indexOf("t")]), [2, 3]);
  assert.deepEqual(rows.map((row) => row[METRIC_COLUMNS.indexOf("imbalance")]), [-0.5, -0.5]);
});
