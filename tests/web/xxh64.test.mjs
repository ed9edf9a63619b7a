import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { framesIn } from "../../streaming/static/streaming/worker/zstd.js";
import { Checksum } from "../../streaming/static/streaming/worker/xxh64.js";

/** Length and sum, made by another implementation: the last four bytes of a zstd frame. @type {[number, number][]} */
const SUMS = [
  [0, 1373170073], [1, 3898129335], [3, 3999478459], [4, 1262203453], [7, 3598045888],
  [8, 1909363933], [12, 3877664878], [31, 812342671], [32, 3160239653], [33, 1310506655],
  [63, 107787941], [64, 68248366], [65, 4286988028], [101, 25368829],
];

/** @param {Uint8Array} bytes @param {number} step */
function sumOf(bytes, step = bytes.length || 1) {
  const sum = new Checksum();
  for (let at = 0; at < bytes.length; at += step) sum.update(bytes.subarray(at, at + step));
  return sum.value;
}

test("knows the sums of texts of every length", () => {
  const bytes = Uint8Array.from({ length: 101 }, (_, i) => (i * 131 + 7) & 255);
  for (const [length, sum] of SUMS) assert.equal(sumOf(bytes.subarray(0, length)), sum, `of ${length} bytes`);
});

test("gives the same sum however the bytes arrive", () => {
  const bytes = new Uint8Array(readFileSync(new URL("../data/web/frames.jsonl", import.meta.url)));
  for (const step of [1, 31, 32, 33, 4096]) assert.equal(sumOf(bytes, step), sumOf(bytes));
});

test("finds the frames of a segment, each with its checksum, and the one that has not ended", () => {
  const read = (/** @type {string} */ name) => new Uint8Array(readFileSync(new URL(`../data/web/${name}`, import.meta.url)));
  const frames = framesIn(read("frames.jsonl.zst"));
  assert.ok(frames.length > 1);
  assert.ok(frames.every(({ whole, checksum }) => whole && checksum !== null));
  assert.equal(frames.at(-1).end, read("frames.jsonl.zst").length);
  assert.equal(framesIn(read("frames_pending.jsonl.zst")).at(-1).whole, false);
});
