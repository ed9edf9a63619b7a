import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, errorOf, marketPath } from "../../streaming/static/streaming/data/api.js";
import { gapsIn } from "../../streaming/static/streaming/data/known-segments.js";
import { acrossSegments, mergedGaps, nameOf, overlapping, segmentAt } from "../../streaming/static/streaming/data/segments.js";

const segment = (start_t, end_t, pending = false) => ({ path: `frames/segment_20260124_120000_${start_t}.jsonl.zst`, start_t, end_t, pending });
const segments = [segment(300, 3290), segment(3300, 6290), segment(6300, 6400, true)];

test("finds the segment of a t, and the one before a hole", () => {
  assert.deepEqual([300, 3290, 3295, 3300, 9999].map((t) => segmentAt(segments, t)?.start_t), [300, 300, 300, 3300, 6300]);
  assert.equal(segmentAt(segments, 10), undefined);
});

test("finds the segments of a period; a pending one may have grown", () => {
  assert.deepEqual(overlapping(segments, 3290, 3300).map(({ start_t }) => start_t), [300, 3300]);
  assert.deepEqual(overlapping(segments, 6350, 7000).map(({ start_t }) => start_t), [6300]);
  assert.deepEqual(overlapping(segments, 6500, 7000).map(({ start_t }) => start_t), [6300]);
});

test("finds the gaps between segments of ticks, where each of them is known", () => {
  const segments = [segment(0, 99), segment(100, 199), segment(250, 300), segment(900, 999, true)];
  const gapsOf = (...spans) => gapsIn({ segments, spans: spans.map(([from_t, to_t]) => ({ from_t, to_t })), firstT: 0 });
  assert.deepEqual(gapsOf([-Infinity, Infinity]), [{ from_t: 200, to_t: 249 }, { from_t: 301, to_t: 899 }]);
  assert.deepEqual(gapsOf([0, 400], [800, Infinity]), [{ from_t: 200, to_t: 249 }]);
});

test("joins gaps that touch or overlap, and keeps them in order", () => {
  const gaps = mergedGaps([{ from_t: 50, to_t: 60 }], [{ from_t: 1, to_t: 3 }, { from_t: 4, to_t: 9 }, { from_t: 55, to_t: 70 }]);
  assert.deepEqual(gaps, [{ from_t: 1, to_t: 9 }, { from_t: 50, to_t: 70 }]);
});

test("names a segment by the last part of its path", () => {
  assert.equal(nameOf(segments[0]), "segment_20260124_120000_300.jsonl.zst");
});

test("every path names the market", () => {
  assert.equal(marketPath("/range", "IG-USD", { kind: "metrics", t0: 0 }), "/range?kind=metrics&t0=0&symbol=IG-USD");
});

test("an error carries the server's words, or the status where there are none", async () => {
  const told = await errorOf(new Response('{"error":{"code":"segment_removed","message":"removed by retention"}}', { status: 404 }));
  assert.ok(told instanceof ApiError);
  assert.deepEqual([told.status, told.code, told.message], [404, "segment_removed", "removed by retention"]);
  const silent = await errorOf(new Response("<html>", { status: 502, statusText: "Bad Gateway" }));
  assert.equal(silent.message, "the server answered 502 Bad Gateway");
});

test("a frame at a segment's end has its neighbour in the next, and one at its start in the one before", () => {
  const holed = [segment(300, 3290), segment(9000, 9990), segment(10_000, 10_100, true)];
  const at = (t, index) => acrossSegments({ frame: { t }, previousT: null, nextT: null }, holed, holed[index]);
  assert.equal(at(3290, 0).nextT, 9000);
  assert.deepEqual([at(9000, 1).previousT, at(300, 0).previousT, at(10_100, 2).nextT], [3290, null, null]);
  assert.equal(at(9500, 1).previousT, null, "the start of a block is not that of its segment");
  assert.deepEqual(acrossSegments({ frame: { t: 9010 }, previousT: 9000, nextT: 9020 }, holed, holed[1]), { frame: { t: 9010 }, previousT: 9000, nextT: 9020 });
});
