import assert from "node:assert/strict";
import { test } from "node:test";
import { markTexts, momentText, priceText, ratioText } from "../../streaming/static/streaming/page/format.js";

test("a price has as many digits as tell it apart", () => {
  assert.deepEqual([49975.126, 1000, 84.5, 0.1234567, 0.000012345678, 0, -2.5].map(priceText), ["49,975.13", "1,000.00", "84.50", "0.123457", "0.0000123457", "0.00", "-2.50"]);
  assert.deepEqual(markTexts([49900, 50000], 100), ["49,900", "50,000"]);
  assert.deepEqual(markTexts([0.00001, 0.000015], 0.000005), ["0.000010", "0.000015"]);
});

test("a ratio is told in thousandths, and a small one in as many digits as tell it from nothing", () => {
  assert.deepEqual([0.5, 1, 12.3456, 0.0345, 0, -0.25, NaN].map(ratioText), ["0.500", "1.000", "12.346", "0.035", "0.000", "-0.250", "NaN"]);
  assert.deepEqual([0.0096, 0.000226, -0.00002, 0.000001, 1e-9].map(ratioText), ["0.0096", "0.00023", "-0.00002", "0.000001", "0.000"]);
});

test("a time is written in UTC", () => {
  assert.equal(momentText(1769192681.95), "23 Jan 2026, 18:24:41 UTC");
  assert.equal(momentText(0), "1 Jan 1970, 00:00:00 UTC");
});

test("what is no time is a dash", () => {
  for (const ts of [1769192681950, 1769192681950000, 1e300, -1e13, Infinity, -Infinity, NaN, undefined, "soon"]) {
    assert.equal(momentText(ts), "–");
  }
});
