import assert from "node:assert/strict";
import { test } from "node:test";
import { charted, endsIfTooMany, held, page, roundNumbers, roundValues, tOf, xOf, zoomed } from "../../streaming/static/streaming/charts/axis.js";

const whole = { from: 0, to: 10_000 };

test("pixels and t map to each other", () => {
  const stretch = { from: 200, to: 1200 };
  assert.equal(xOf(stretch, 700, 500), 250);
  assert.equal(tOf(stretch, 250, 500), 700);
});

test("a stretch is moved into the whole, and cut where it is longer", () => {
  assert.deepEqual(held({ from: -50, to: 50 }, whole), { from: 0, to: 100 });
  assert.deepEqual(held({ from: 9990, to: 10_090 }, whole), { from: 9900, to: 10_000 });
  assert.deepEqual(held({ from: -5, to: 20_000 }, whole), whole);
});

test("zooming keeps the t under the pointer where it is", () => {
  const stretch = zoomed(whole, whole, 2500, 0.5);
  assert.deepEqual(stretch, { from: 1250, to: 6250 });
  assert.equal(xOf(stretch, 2500, 100), xOf(whole, 2500, 100));
});

test("zooming ends at fifty ticks and at the whole", () => {
  const near = zoomed({ from: 100, to: 160 }, whole, 130, 0.01);
  assert.equal(near.to - near.from, 50);
  assert.deepEqual(zoomed({ from: 10, to: 9000 }, whole, 100, 50), whole);
  assert.deepEqual(zoomed({ from: 5, to: 5 }, { from: 5, to: 5 }, 5, 0.5), { from: 5, to: 5 });
});

test("numbers on the axis are round and not too many", () => {
  assert.deepEqual(roundNumbers({ from: 90, to: 1210 }, 6), [200, 400, 600, 800, 1000, 1200]);
  for (const to of [1, 7, 60, 999, 123_456, 1e9]) assert.ok(roundNumbers({ from: 0, to }, 8).length <= 9, String(to));
});

test("the charts' page stays while t is in it and turns when t leaves it", () => {
  const first = page(null, 5000, 1200, whole);
  assert.deepEqual(first, { from: 4400, to: 5600 });
  assert.equal(page(first, 5600, 1200, whole), first);
  assert.deepEqual(page(first, 5601, 1200, whole), { from: 5421, to: 6621 });
  assert.deepEqual(page(first, 9990, 1200, whole), { from: 8800, to: 10_000 });
  assert.deepEqual(page(null, 10, 1200, { from: 0, to: 300 }), { from: 0, to: 1200 });
});

test("the charts show what the timeline shows, and never less than their span", () => {
  const facts = { shown: null, t: 5000, span: 1200, whole };
  assert.deepEqual(charted({ ...facts, view: null }), { from: 4400, to: 5600 });
  assert.deepEqual(charted({ ...facts, view: { from: 1000.4, to: 7000.4 } }), { from: 1000, to: 7000 });
  assert.deepEqual(charted({ ...facts, view: { from: 3000, to: 3100 } }), { from: 2450, to: 3650 });
  assert.deepEqual(charted({ ...facts, view: { from: 9900, to: 10_000 } }), { from: 8800, to: 10_000 });
  assert.deepEqual(charted({ ...facts, view: whole, whole: { from: 0, to: 300 } }), whole);
});

test("an axis has two marks at least, at round values, and no more than there is room for where that is more", () => {
  for (const [low, high] of [[0, 1], [49_876.2, 50_123.9], [-0.03, 0.47], [17.3, 18.2], [0, 4], [2e-5, 3e-5]]) {
    for (const most of [1, 2, 3, 6]) {
      const { marks, step } = roundValues(low, high, most);
      assert.ok(marks.length >= 2, `${low} to ${high}, ${most}: ${marks}`);
      assert.ok(marks.every((mark) => mark >= low - step * 1e-6 && mark <= high + step * 1e-6));
      assert.ok(marks.length <= Math.max(most, 4), `${low} to ${high}, ${most}: ${marks}`);
    }
  }
  assert.deepEqual(roundValues(0, 4, 9, 1).marks, [0, 1, 2, 3, 4], "what is counted has no marks between");
});

test("marks without room beside each other leave it to the ends", () => {
  assert.deepEqual(endsIfTooMany([11_600, 11_800, 12_000, 12_200, 12_400], 2.4), [11_600, 12_400]);
  assert.deepEqual(endsIfTooMany([11_600, 11_800], 1.2), [11_600, 11_800], "two there are at least");
  assert.deepEqual(endsIfTooMany([1, 2, 3], 3), [1, 2, 3]);
});
