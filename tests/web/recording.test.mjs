import assert from "node:assert/strict";
import { test } from "node:test";
import { PART } from "../../streaming/static/streaming/data/known-segments.js";
import { Past } from "../../streaming/static/streaming/data/recording.js";

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

/** A server that lists segments as ours does, of ticks or of each kind; what it was asked for, and what it gives, can be looked at and changed. */
function server(segments) {
  const given = { segments, gaps: [], store: "one", asked: [] };
  globalThis.fetch = async (url) => {
    given.asked.push(url);
    const { pathname, searchParams } = new URL(url, "http://x");
    const [after, before, limit] = ["after_t", "before_t", "limit"].map((name) => searchParams.get(name));
    const kind = pathname.split("/").at(-1);
    if (kind === "gaps") return Response.json(given.gaps);
    const all = Array.isArray(given.segments) ? (kind === "ticks" ? given.segments : []) : (given.segments[kind] ?? []);
    let listed = all.filter(({ end_t, pending }) => after === null || pending || end_t > Number(after));
    listed = listed.filter(({ start_t }) => before === null || start_t < Number(before));
    if (limit !== null) listed = before === null ? listed.slice(0, Number(limit)) : listed.slice(-Number(limit));
    const first = all.length ? { "Market-Camera-First-T": String(all[0].start_t) } : {};
    return Response.json(listed, { headers: { "Market-Camera-Store": given.store, ...first } });
  };
  return given;
}

/** A page that knows two segments of frames. */
async function past(more = {}) {
  const started = workers();
  server({ frames: [segment(300, 390), segment(900, 990)], ...more });
  const made = new Past("A");
  await made.refresh();
  return { past: made, started };
}

test("a worker that ended lets nobody wait, and the next question gets another", async () => {
  const { past: made, started } = await past();
  const first = made.frame(390);
  await settle();
  started[0].onerror();
  await assert.rejects(first, { code: "worker_lost" });
  const second = made.frame(390);
  await settle();
  started[1].answer({ line: '{"t":390}', previousT: 380, nextT: null });
  assert.deepEqual(await second, { frame: { t: 390 }, previousT: 380, nextT: 900 });
});

test("a frame that is no JSON is said to be unreadable", async () => {
  const { past: made, started } = await past();
  const asked = made.frame(390);
  await settle();
  started[0].answer({ line: '{"t":390', previousT: null, nextT: null });
  await assert.rejects(asked, { code: "unreadable" });
});

test("before anything is recorded the next frame is the first", async () => {
  assert.deepEqual(await (await past()).past.frame(10), { frame: null, previousT: null, nextT: 300 });
});

/** Reads metrics, in which these gaps are told. */
async function read(made, started, fromT, toT, gaps) {
  const reading = made.metrics(fromT, toT);
  await settle();
  started[0].answer({ columns: Array.from({ length: 9 }, () => new Float64Array(0)), gaps });
  await reading;
}

test("forgets gaps and segments that belong to another market", async () => {
  const { past: made, started } = await past({ metrics: [segment(0, 390)] });
  await read(made, started, 0, 390, [{ from_t: 5, to_t: 9 }]);
  assert.deepEqual(made.gaps, [{ from_t: 5, to_t: 9 }]);
  made.forget();
  assert.deepEqual([made.gaps, made.empty], [[], true]);
});

test("gaps are those of the manifest as it is now, and those that files told", async () => {
  const started = workers();
  const made = new Past("A");
  server({ ticks: [segment(0, 9), segment(20, 29)], metrics: [segment(0, 29)] });
  assert.deepEqual(made.gaps, []);
  await made.refresh();
  assert.deepEqual(made.gaps, [{ from_t: 10, to_t: 19 }]);
  await read(made, started, 0, 29, [{ from_t: 25, to_t: 26 }]);
  assert.deepEqual(made.gaps, [{ from_t: 10, to_t: 19 }, { from_t: 25, to_t: 26 }]);
});

const pending = (start_t, end_t) => ({ ...segment(start_t, end_t), path: `ticks/segment_20260124_120000_${start_t}_pending.jsonl.zst`, pending: true });
const starts = (made) => made.segments("ticks").map(({ start_t, pending }) => (pending ? `${start_t}…` : start_t));
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
  const [ticks, metrics] = [[segment(0, 99), segment(100, 199), segment(200, 299)], [segment(100, 199)]];
  const given = server({ ticks, metrics });
  await made.refresh();
  const read = made.metrics(100, 199);
  await settle();
  started[0].onmessage({ data: { id: started[0].asked.at(-1).id, error: { status: 404, code: "segment_removed", message: "gone" } } });
  await assert.rejects(read, { status: 404 });
  assert.deepEqual(starts(made), [0, 100, 200], "it is shown until more is known");
  given.segments = { ticks: [segment(0, 99), segment(200, 299)], metrics };
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

test("tells of another recording once, though the page then forgets the old one and asks for what is there", async () => {
  const [told, asked] = [[], []];
  const made = new Past("A", (recording) => {
    told.push(recording);
    made.forget();
    asked.push(made.refresh());
  });
  const given = server([segment(0, 99), segment(100, 199)]);
  await made.refresh();
  Object.assign(given, { store: "two", segments: [segment(0, 49), pending(50, 60)] });
  await made.refresh();
  await Promise.all(asked);
  await made.refresh();
  assert.deepEqual([told, starts(made)], [["two"], [0, "50…"]]);
  assert.deepEqual(ofTicks(given), [null, "199", null, "49"]);
});

test("of another recording that the page was told of by others, before or meanwhile, it tells nothing", async () => {
  for (const underWay of [false, true]) {
    const told = [];
    const made = new Past("A", (recording) => told.push(recording));
    const given = server([segment(0, 99)]);
    await made.refresh();
    Object.assign(given, { store: "two", segments: [segment(0, 49)] });
    const refreshed = underWay ? made.refresh() : null;
    made.forget();
    await (refreshed ?? made.refresh());
    assert.deepEqual([told, starts(made), made.lastT], [[], [0], 49]);
  }
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

// -- after years

const LENGTH = 100;
const HOLE = { from_t: 700_000, to_t: 700_099 };

/** Two years of segments of every kind, but for one in the midst. */
function years() {
  const all = Array.from({ length: 210_000 }, (_, n) => segment(n * LENGTH, (n + 1) * LENGTH - 1)).filter(({ start_t }) => start_t !== HOLE.from_t);
  return server({ ticks: all, frames: all, metrics: all });
}

test("of a store of years a page knows what it looks at", async () => {
  const started = workers();
  const [given, made] = [years(), new Past("A")];
  given.gaps = [{ from_t: 30, to_t: 39 }];
  await made.refresh();
  assert.deepEqual([made.firstT, made.lastT], [0, 20_999_999]);
  assert.deepEqual([made.segments("ticks").length, made.gaps], [PART, given.gaps]);
  for (const [at, previousT, nextT] of [[699_950, 699_899, 700_100], [10_000_000, 9_999_999, 10_000_100], [20_999_950, 20_999_899, null], [20, null, 100]]) {
    const frame = made.frame(at);
    await settle();
    await settle();
    const { question, wish } = started[0].asked.at(-1);
    assert.deepEqual([question, wish.segment.start_t], ["frame", at - (at % LENGTH)]);
    started[0].answer({ line: JSON.stringify({ t: wish.segment.start_t }), previousT: null, nextT: null });
    assert.deepEqual(await frame, { frame: { t: wish.segment.start_t }, previousT, nextT });
  }
  assert.deepEqual(made.gaps, [{ from_t: 30, to_t: 39 }, HOLE], "those that the server tells of, and what is found");
  await read(made, started, 5_000_000, 5_000_450, []);
  assert.deepEqual(started[0].asked.at(-1).wish.segments.map(({ start_t }) => start_t), [5_000_000, 5_000_100, 5_000_200, 5_000_300, 5_000_400]);
  const whole = given.asked.filter((url) => !/limit=|gaps/.test(url));
  assert.deepEqual(whole, [], "never a list that grows with the store");
  const asked = given.asked.length;
  const again = made.frame(10_000_020);
  await settle();
  started[0].answer({ line: null, previousT: null, nextT: null });
  await again;
  assert.equal(given.asked.length, asked, "what is known is not asked for again");
});

test("parts that meet are one, and hold each segment once", async () => {
  const made = new Past("A");
  workers();
  years();
  await made.refresh();
  const [begin, end] = [20_999_999 - 3 * PART * LENGTH, 20_999_999];
  made.features(0, begin, end);
  for (let turn = 0; turn < 8; turn++) await settle();
  const known = made.segments("frames").map(({ start_t }) => start_t).filter((t) => t >= begin);
  assert.deepEqual(known, Array.from({ length: known.length }, (_, i) => known[0] + i * LENGTH));
  assert.equal(known.length, 3 * PART);
});

test("tells of another recording that a part of a manifest is the first to tell of", async () => {
  const [given, told] = [years(), []];
  const made = new Past("A", (recording) => told.push(recording));
  workers();
  await made.refresh();
  given.store = "two";
  made.features(0, 5_000_000, 5_000_450);
  for (let turn = 0; turn < 4; turn++) await settle();
  assert.deepEqual(told, ["two"]);
});
