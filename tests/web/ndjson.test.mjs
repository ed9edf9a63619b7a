import assert from "node:assert/strict";
import { test } from "node:test";
import { LineSplitter } from "../../streaming/static/streaming/worker/ndjson.js";

const text = '{"a":1}\n{"b":"成交"}\n\n{"c":3}\n';

test("finds the same lines however the bytes are cut, even inside a character", () => {
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size <= bytes.length; size++) {
    const splitter = new LineSplitter();
    const lines = [];
    for (let at = 0; at < bytes.length; at += size) lines.push(...splitter.push(bytes.subarray(at, at + size)));
    assert.deepEqual(lines, ['{"a":1}', '{"b":"成交"}', '{"c":3}']);
    assert.equal(splitter.rest, "");
  }
});

test("keeps back a line that is not whole", () => {
  const splitter = new LineSplitter();
  assert.deepEqual(splitter.push(new TextEncoder().encode('{"a":1}\n{"b"')), ['{"a":1}']);
  assert.equal(splitter.rest, '{"b"');
});

test("refuses bytes that are no UTF-8", () => {
  assert.throws(() => new LineSplitter().push(Uint8Array.of(0xff, 0x0a)), TypeError);
});
