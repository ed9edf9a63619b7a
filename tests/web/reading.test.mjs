import assert from "node:assert/strict";
import { test } from "node:test";
import { Reading } from "../../streaming/static/streaming/worker/reading.js";

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Blocks of one message each, and a frame that comes when the test says so. */
function slowBlocks() {
  const made = { taken: [], tape: (t) => ({ ts: [t], gaps: [], metricRows: () => [], line: () => JSON.stringify({ t }) }) };
  const blocks = {
    at: () => new Promise((resolve, reject) => Object.assign(made, { come: (t) => resolve({ tape: made.tape(t), nextT: null }), fail: reject })),
    async *over(kind) {
      for (let t = 0; t < 3; t++) {
        made.taken.push(`${kind} ${t}`);
        yield { tape: made.tape(t) };
      }
    },
  };
  return { made, reading: new Reading(blocks) };
}

const range = { segments: [], fromT: 0, toT: 9 };
const frame = { segment: null, t: 5 };

test("metrics make way for a frame that somebody waits for", async () => {
  const { made, reading } = slowBlocks();
  const shown = reading.frame(frame);
  const asked = reading.metrics(range);
  await settle();
  assert.deepEqual(made.taken, []);
  made.come(5);
  assert.deepEqual((await shown).line, '{"t":5}');
  await asked;
  assert.equal(made.taken.length, 3);
});

test("metrics go on where the frame could not be read", async () => {
  const { made, reading } = slowBlocks();
  const shown = reading.frame(frame);
  const asked = reading.metrics(range);
  made.fail(new Error("away"));
  await assert.rejects(shown, /away/);
  await asked;
  assert.equal(made.taken.length, 3);
});
