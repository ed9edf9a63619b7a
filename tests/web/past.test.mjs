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

/** A server that lists segments as ours does; what it was asked for, and what it gives, can be looked at and changed. */
function server(segments) {
  const given = { segments, store: "one", asked: [] };
  globalThis.fetch = async (url) => {
    given.asked.push(url);
    const after = new URL(url, "http://x").searchParams.get("after_t");
    const ticks = url.startsWith("/manifest/ticks") ? given.segments : [];
    const listed = ticks.filter(({ end_t, pending }) => after === null || pending || end_t > Number(after));
    const first = ticks.length ? { "Market-Camera-First-T": String(ticks[0].start_t) } : {};
    return Response.json(listed, { headers: { "Market-Camera-Store": given.store, ...first } });
  };
  return given;
}

const pending = (start_t, end_t) => ({ ...segment(start_t, end_t), path: `ticks/segment_20260124_120000_${start_t}_pending.jsonl.zst`, pending: true });
const starts = (made) => made.segments.ticks.map(({ start_t, pending }) => (pending ? `${start_t}…` : start_t));
const ofTicks = ({ asked }) => asked.filter((url) => url.startsWith("/manifest/ticks")).map((url) => new URL(url, "http://x").searchParams.get("after_t"));

test("asks for what is new, and knows the rest", async () => {
  const made = new Past("A");
  const given = server([segment(0, 99), pending(100, 120)]);
  await made.refresh();
  assert.deepEqual(starts(made), [0, "100…"]);
  given.segments = [segment(0, 99), segment(100, 199), pending(200, 230)];
  await made.refresh();
  assert.deepEqual(starts(made), [0, 100, "200…"]);
  given.segments = [segment(0, 99), segment(100, 199), pending(200, 260)];
  await made.refresh();
  assert.deepEqual([starts(made), made.lastT], [[0, 100, "200…"], 260]);
  assert.deepEqual(ofTicks(given), [null, "99", "199"]);
});

test("learns of the first ones that were removed, and of the last of all", async () => {
  const made = new Past("A");
  const given = server([segment(0, 99), segment(100, 199), segment(200, 299)]);
  await made.refresh();
  given.segments = given.segments.slice(1);
  await made.refresh();
  assert.deepEqual([starts(made), made.firstT], [[100, 200], 100]);
  given.segments = [];
  await made.refresh();
  assert.equal(made.empty, true);
  assert.deepEqual(ofTicks(given), [null, "299", "299"]);
});

test("asks for all when a segment in the midst is not there any more", async () => {
  const started = workers();
  const made = new Past("A");
  const given = server([segment(0, 99), segment(100, 199), segment(200, 299)]);
  await made.refresh();
  made.segments.metrics = made.segments.ticks;
  const read = made.metrics(100, 199);
  await settle();
  started[0].onmessage({ data: { id: started[0].asked.at(-1).id, error: { status: 404, code: "segment_removed", message: "gone" } } });
  await assert.rejects(read, { status: 404 });
  assert.deepEqual(starts(made), [0, 100, 200], "it is shown until more is known");
  given.segments = [segment(0, 99), segment(200, 299)];
  await made.refresh();
  await made.refresh();
  assert.deepEqual(starts(made), [0, 200]);
  assert.deepEqual(ofTicks(given), [null, null, "299"]);
});

test("asks for all when one that was pending was finished among others", async () => {
  const made = new Past("A");
  const given = server([segment(0, 99), segment(200, 299), pending(100, 150)]);
  await made.refresh();
  given.segments = [segment(0, 99), segment(100, 150), segment(200, 299)];
  await made.refresh();
  await made.refresh();
  assert.deepEqual([starts(made), ofTicks(given)], [[0, 100, 200], [null, "299", null]]);
});

test("forgets the segments of another recording at once", async () => {
  const made = new Past("A");
  const given = server([segment(0, 99), segment(100, 199)]);
  await made.refresh();
  Object.assign(given, { store: "two", segments: [segment(0, 49), pending(50, 60)] });
  await made.refresh();
  assert.deepEqual([starts(made), ofTicks(given)], [[0, "50…"], [null, "199", null]]);
});

test("what was forgotten while it was asked for is asked for anew", async () => {
  const made = new Past("A");
  const given = server([segment(0, 99)]);
  await made.refresh();
  const refreshed = made.refresh();
  made.forget();
  await refreshed;
  assert.deepEqual([starts(made), ofTicks(given)], [[0], [null, "99", null]]);
});
