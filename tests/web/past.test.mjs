import assert from "node:assert/strict";
import { test } from "node:test";
import { Past } from "../../streaming/static/streaming/past.js";

/** Workers that the test answers for, or lets die. */
function workers() {
  const started = [];
  globalThis.Worker = class {
    constructor() {
      this.asked = [];
      started.push(this);
    }
    postMessage(question) {
      this.asked.push(question);
    }
    answer(answer) {
      this.onmessage({ data: { id: this.asked.at(-1).id, answer, fetched: 0 } });
    }
    terminate() {}
  };
  return started;
}

const segment = (start_t, end_t) => ({ path: `frames/segment_20260124_120000_${start_t}.jsonl.zst`, start_t, end_t, pending: false });
const settle = () => new Promise((resolve) => setImmediate(resolve));

function past() {
  const started = workers();
  const made = new Past("A");
  made.segments = { ticks: [], metrics: [], frames: [segment(300, 390), segment(900, 990)] };
  return { past: made, started };
}

test("a worker that ended lets nobody wait, and the next question gets another", async () => {
  const { past: made, started } = past();
  const first = made.frame(390);
  await settle();
  started[0].onerror();
  await assert.rejects(first, { code: "worker_lost" });
  const second = made.frame(390);
  await settle();
  started[1].answer({ frame: { t: 390 }, previousT: 380, nextT: null });
  assert.deepEqual(await second, { frame: { t: 390 }, previousT: 380, nextT: 900 });
});

test("before anything is recorded the next frame is the first", async () => {
  assert.deepEqual(await past().past.frame(10), { frame: null, previousT: null, nextT: 300 });
});

test("forgets gaps and segments that belong to another market", async () => {
  const { past: made, started } = past();
  made.segments.metrics = [segment(0, 390)];
  const read = made.metrics(0, 390);
  await settle();
  started[0].answer({ columns: Array.from({ length: 9 }, () => new Float64Array(0)), gaps: [{ from_t: 5, to_t: 9 }] });
  await read;
  assert.deepEqual(made.gaps, [{ from_t: 5, to_t: 9 }]);
  made.forget();
  assert.deepEqual([made.gaps, made.empty], [[], true]);
});

test("gaps are those of the manifest as it is now, and those that files told", async () => {
  const { past: made, started } = past();
  const manifest = { ticks: [segment(0, 9), segment(20, 29)] };
  globalThis.fetch = async (url) => Response.json(manifest[/manifest\/(\w+)/.exec(url)[1]] ?? []);
  assert.deepEqual(made.gaps, []);
  await made.refresh();
  assert.deepEqual(made.gaps, [{ from_t: 10, to_t: 19 }]);
  made.segments.metrics = [segment(0, 29)];
  const read = made.metrics(0, 29);
  await settle();
  started[0].answer({ columns: Array.from({ length: 9 }, () => new Float64Array(0)), gaps: [{ from_t: 25, to_t: 26 }] });
  await read;
  assert.deepEqual(made.gaps, [{ from_t: 10, to_t: 19 }, { from_t: 25, to_t: 26 }]);
});
