import assert from "node:assert/strict";
import { test } from "node:test";
import { momentText } from "../../streaming/static/streaming/page/format.js";

test("a time is written in UTC", () => {
  assert.equal(momentText(1769192681.95), "23 Jan 2026, 18:24:41 UTC");
  assert.equal(momentText(0), "1 Jan 1970, 00:00:00 UTC");
});

test("what is no time is a dash", () => {
  for (const ts of [1769192681950, 1769192681950000, 1e300, -1e13, Infinity, -Infinity, NaN, undefined, "soon"]) {
    assert.equal(momentText(ts), "–");
  }
});
