import assert from "node:assert/strict";
import { test } from "node:test";
import { Anchors, anchorTOf } from "../../streaming/static/streaming/graph/anchors.js";

const frame = (t) => ({ t, window: { W: 100, stride: 10 } });
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Anchors over a recording whose frames go from `first` to `last`. */
function anchors(first, last) {
  const asked = [];
  const told = [];
  const source = async (t) => {
    asked.push(t);
    if (t < first) return { frame: null, previousT: null, nextT: first };
    const at = Math.min(t - (t % 10), last);
    return { frame: frame(at), previousT: null, nextT: at < last ? at + 10 : null };
  };
  const made = new Anchors(source, () => told.push(true), () => {});
  return { made, asked, told };
}

test("frames of the same twenty windows have the same anchor, asked for once", async () => {
  assert.deepEqual([0, 1999, 2000, 4710].map((t) => anchorTOf(frame(t))), [0, 0, 2000, 4000]);
  const { made, asked, told } = anchors(100, 9000);
  assert.equal(made.of(frame(4710)), null);
  assert.equal(made.of(frame(4720)), null);
  await settle();
  assert.deepEqual([made.of(frame(5990)).frame.t, asked, told.length], [4000, [4000], 1]);
});

test("at the beginning of a recording its first frame is the anchor", async () => {
  const { made } = anchors(100, 9000);
  made.of(frame(1200));
  await settle();
  assert.equal(made.of(frame(1200)).frame.t, 100);
});

test("a frame that is its own anchor is not asked for", () => {
  const { made, asked } = anchors(100, 9000);
  assert.equal(made.of(frame(2000)).frame.t, 2000);
  assert.deepEqual(asked, []);
});

test("while the recording lags behind the stream an older frame does not stand for the anchor", async () => {
  const { made, asked } = anchors(100, 1980);
  for (const t of [2010, 2020]) {
    assert.equal(made.of(frame(t)), null);
    await settle();
  }
  assert.deepEqual(asked, [2000, 2000]);
});

test("an anchor that could not be read is looked for again when the page heals", async () => {
  let [away, told, missed] = [true, 0, 0];
  const made = new Anchors(async (t) => (away ? Promise.reject(new Error("away")) : { frame: frame(t), previousT: null, nextT: t + 10 }), () => (told += 1), () => (missed += 1));
  assert.equal(made.heal(), false);
  assert.equal(made.of(frame(4710)), null);
  await settle();
  away = false;
  assert.deepEqual([missed, made.heal(), told], [1, true, 1]);
  assert.equal(made.of(frame(4710)), null);
  await settle();
  assert.deepEqual([made.of(frame(4710)).frame.t, made.heal(), told], [4000, false, 2]);
});
