import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.devicePixelRatio = 1;
const { CHARTS, optionsOf } = await import("../../streaming/static/streaming/charts/chart-options.js");

const palette = new Proxy({}, { get: () => "#808080" });

/** The left axis of a chart of a price that goes from one value to the other. @param {string} name @param {number} [low] @param {number} [high] */
function leftAxis(name, low = 0, high = 1) {
  const band = { mean: [low, high], min: [low, high], max: [low, high] };
  const scene = { course: { size: 1, from: [0, 1], to: [0, 1], values: { price: band, matches: band } }, exact: null, stretch: { from: 0, to: 2 }, borders: [], unsummed: [] };
  const [, axis] = optionsOf({ series: CHARTS[name], scene, last: true, key: "t" }, palette, { width: 300, height: 100 }, {}).axes;
  return axis;
}

/** Letters of six pixels. */
const ctx = { save: () => {}, restore: () => {}, measureText: (/** @type {string} */ words) => ({ width: 6 * words.length }) };
const plot = { ctx, bbox: { width: 300, height: 100 } };
const sized = (/** @type {any} */ axis) => axis.size(plot, axis.values(plot, axis.splits(plot)));

test("marks of a price of many digits have room, and what they stand on stays aligned on all charts", () => {
  assert.equal(leftAxis("price").size(plot, null), 50);
  assert.equal(sized(leftAxis("price", 49_900, 50_100)), 50, "usual prices move nothing");
  for (const [low, high] of [[1e-8, 1.02e-8], [15_002_000, 15_003_000], [-2e12, 2e12]]) {
    const axis = leftAxis("price", low, high);
    const longest = Math.max(...axis.values(plot, axis.splits(plot)).map(({ length }) => length));
    assert.ok(sized(axis) >= 6 * longest + 4, `${low}: ${sized(axis)}`);
    assert.equal(sized(leftAxis("matches")), sized(axis));
  }
});
