import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { LineSplitter } from "../../streaming/static/streaming/worker/ndjson.js";
import { Tape } from "../../streaming/static/streaming/worker/tape.js";
import { SegmentDecoder, SegmentError } from "../../streaming/static/streaming/worker/zstd.js";

const read = (name) => new Uint8Array(readFileSync(new URL(`../data/web/${name}`, import.meta.url)));
const whole = read("frames.jsonl.zst");
const pending = read("frames_pending.jsonl.zst");
const lines = new TextDecoder().decode(read("frames.jsonl")).trimEnd().split("\n");

/** @param {Uint8Array} bytes @param {number} size of the chunks @param {boolean} ends */
function decode(bytes, size, ends) {
  const splitter = new LineSplitter();
  const found = [];
  const decoder = new SegmentDecoder((block) => found.push(...splitter.push(block)));
  for (let at = 0; at < bytes.length; at += size) decoder.push(bytes.subarray(at, at + size));
  if (ends) decoder.end();
  return found;
}

test("reads concatenated frames, however the bytes arrive", () => {
  for (const size of [1, 3, 17, 18, 1000, 4096, whole.length]) assert.deepEqual(decode(whole, size, true), lines);
});

test("reads every flushed line of a file whose last frame is not finished", () => {
  for (const size of [1, 17, 1000, pending.length]) {
    assert.deepEqual(decode(pending, size, false), lines.slice(0, 11));
  }
});

test("gives the whole lines of a file cut anywhere, never a wrong one", () => {
  for (let cut = 0; cut <= whole.length; cut += 97) {
    const found = decode(whole.subarray(0, cut), 512, false);
    assert.deepEqual(found, lines.slice(0, found.length));
  }
});

test("refuses a finished segment that was cut short", () => {
  assert.throws(() => decode(whole.subarray(0, whole.length - 20), 4096, true), SegmentError);
});

test("refuses what is no zstd, in words", () => {
  const html = new TextEncoder().encode("<!doctype html><title>Not found</title>");
  assert.throws(() => decode(html, 4096, true), { message: /^the segment cannot be decompressed: / });
});

test("an empty pending file holds no line", () => {
  assert.deepEqual(decode(new Uint8Array(0), 1, false), []);
});

test("a decoded segment gives its messages by index", () => {
  const tape = new Tape();
  decode(whole, 4096, true).forEach((line) => tape.add(line));
  assert.equal(tape.length, lines.length);
  assert.deepEqual(tape.message(3), JSON.parse(lines[3]));
  assert.deepEqual(tape.ts, lines.map((line) => JSON.parse(line).t));
});
