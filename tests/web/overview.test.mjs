import assert from "node:assert/strict";
import { test } from "node:test";
import { MARKET, Overview } from "../../streaming/static/streaming/charts/overview.js";

const settle = () => new Promise((resolve) => setImmediate(resolve));
const none = { gaps: [], runs: [], events: [], unsummed: [], unsummed_events: [] };
const nothingStreamed = () => ({ columns: Object.fromEntries(["t", ...MARKET].map((name) => [name, []])), step: 1 });

/** An overview whose answers of the whole, or of a part, may have to wait. */
function overview() {
  const [asked, waits] = [[], { whole: null, part: null }];
  const ask = async ({ from, to }) => {
    const of = from > 0 ? "part" : "whole";
    asked.push([of, to]);
    await waits[of];
    const bucket = of === "part" ? 16 : 64;
    const t = Array.from({ length: Math.ceil((to - from) / bucket) }, (_, i) => Math.floor(from / bucket + i) * bucket);
    const values = () => ({ mean: t.map(() => 1), min: t.map(() => 1), max: t.map(() => 1) });
    return { t0: from, t1: to, bucket, t, ts: t, ...Object.fromEntries(MARKET.map((name) => [name, values()])), ...none };
  };
  const made = new Overview({ ask, onAnswer() {}, onError: (error) => assert.fail(error) });
  const newest = (last) => ({ from: last - 1000, to: last });
  /** A drawing of the newest ticks. */
  const draw = async (last, view = newest(last)) => (made.want({ from: 0, to: last }, view), settle());
  const size = (last, view = newest(last)) => made.course(view, undefined, nothingStreamed).size;
  /** Holds answers back until it is called. */
  const holdUp = (of) => {
    let go;
    waits[of] = new Promise((resolve) => (go = resolve));
    return async () => ((waits[of] = null), go(), settle());
  };
  return { made, asked, draw, size, holdUp };
}

test("the newest ticks are as fine as they are seen, whichever of two answers comes first", async () => {
  for (const late of ["whole", "part"]) {
    const { made, draw, size, holdUp } = overview();
    await draw(10_000);
    assert.equal(size(10_000), 16);
    const go = holdUp(late);
    made.refresh();
    await draw(10_200);
    assert.equal(size(10_200), 16, late);
    await go();
    assert.equal(size(10_201), 16, late);
  }
});

test("a part that was asked for before the whole was is asked for with the next refresh all the same", async () => {
  const { made, draw, size, holdUp } = overview();
  await draw(10_000);
  const go = holdUp("whole");
  for (const last of [10_200, 10_201]) {
    made.refresh();
    await draw(last);
  }
  await draw(10_210);
  await go();
  await draw(10_210);
  assert.equal(made.whole.held.t1, 10_210);
  for (const last of [10_400, 10_600, 10_800]) {
    made.refresh();
    await draw(last);
    assert.equal(size(last), 16);
  }
  assert.equal(made.part.held.t1, 10_800);
});

test("a part that is not looked at more closely any more gives way to the whole once that knows more", async () => {
  const { made, draw, size } = overview();
  await draw(2100);
  const wide = { from: 1000, to: 2150 };
  await draw(2150, wide);
  assert.equal(size(2150, wide), 16);
  made.refresh();
  await draw(2200, { from: 1000, to: 2200 });
  assert.equal(size(2200, { from: 1000, to: 2200 }), 64);
});

test("a part of the past is not asked for again, while the whole is", async () => {
  const { made, asked, draw } = overview();
  for (const last of [10_000, 10_200, 10_400]) {
    made.refresh();
    await draw(last, { from: 2000, to: 3000 });
  }
  assert.deepEqual(asked.filter(([of]) => of === "part").length, 1);
});
