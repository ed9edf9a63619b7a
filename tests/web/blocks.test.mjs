import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ApiError } from "../../streaming/static/streaming/data/api.js";
import { Blocks } from "../../streaming/static/streaming/worker/blocks.js";
import { Reading } from "../../streaming/static/streaming/worker/reading.js";

const read = (name) => new Uint8Array(readFileSync(new URL(`../data/web/${name}`, import.meta.url)));
const lines = new TextDecoder().decode(read("frames.jsonl")).trimEnd().split("\n").map((line) => JSON.parse(line));
const segment = { path: "frames/segment_20260124_120000_300.jsonl.zst", start_t: lines[0].t, end_t: lines.at(-1).t, pending: false };
const whole = read("frames.jsonl.zst");

/** Offsets of the zstd frames in a file, found by their magic number. */
function frameStarts(bytes) {
  return [...bytes.keys()].filter((i) => bytes[i] === 0x28 && bytes[i + 1] === 0xb5 && bytes[i + 2] === 0x2f && bytes[i + 3] === 0xfd);
}

/** A server of one file. @param {Uint8Array} bytes @param {[number, number][]} points */
function server(bytes, points) {
  const ranges = [];
  const fetch = async (url, { headers } = {}) => {
    if (url.includes("format=seek")) return Response.json({ seek_points: points });
    ranges.push(headers.Range);
    const [, from, to] = /bytes=(\d+)-(\d*)/.exec(headers.Range);
    return new Response(bytes.slice(Number(from), to === "" ? undefined : Number(to) + 1), { status: 206 });
  };
  return { fetch, ranges };
}

/** The seek points that a manifest would hold. */
async function seekPoints() {
  const offsets = frameStarts(whole);
  const points = [];
  for (const [i, offset] of offsets.entries()) {
    const blocks = new Blocks("A", { fetch: server(whole.slice(offset, offsets[i + 1]), [[0, 0]]).fetch });
    points.push([(await blocks.at("frames", segment, 0)).tape.ts[0], offset]);
  }
  return points;
}

test("reads any frame from its own block alone", async () => {
  const points = await seekPoints();
  assert.ok(points.length > 1, "the example has several blocks");
  const { fetch, ranges } = server(whole, points);
  const reading = new Reading(new Blocks("A", { fetch }));
  for (const line of lines.toReversed()) assert.deepEqual(JSON.parse((await reading.frame({ segment, t: line.t + 3 })).line), line);
  assert.equal(ranges.length, points.length);
  assert.equal(ranges.at(-1), `bytes=0-${points[1][1] - 1}`);
});

test("tells the neighbours of a frame, across blocks where they are known", async () => {
  const points = await seekPoints();
  const reading = new Reading(new Blocks("A", { fetch: server(whole, points).fetch }));
  const ts = lines.map(({ t }) => t);
  const found = await reading.frame({ segment, t: ts[1] });
  assert.deepEqual([found.previousT, found.nextT], [ts[0], ts[2]]);
  const last = ts.findLastIndex((t) => t < points[1][0]);
  assert.equal((await reading.frame({ segment, t: ts[last] })).nextT, points[1][0]);
  assert.equal((await reading.frame({ segment, t: ts[0] - 1 })).line, null);
});

test("forgets the block used longest ago when there is no room", async () => {
  const points = await seekPoints();
  const { fetch, ranges } = server(whole, points);
  const blocks = new Blocks("A", { fetch, room: 1 });
  for (const t of [points[0][0], points[1][0], points[1][0], points[0][0]]) {
    await blocks.at("frames", segment, t);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(ranges.length, 3);
});

test("fetches the last block of a segment that is being recorded anew once t lies beyond it", async () => {
  const pending = { ...segment, pending: true };
  const { fetch, ranges } = server(read("frames_pending.jsonl.zst"), [[segment.start_t, 0]]);
  const reading = new Reading(new Blocks("A", { fetch }));
  assert.equal(JSON.parse((await reading.frame({ segment: pending, t: lines[3].t })).line).t, lines[3].t);
  await reading.frame({ segment: pending, t: lines[5].t });
  assert.equal(ranges.length, 1);
  await reading.frame({ segment: pending, t: lines[10].t + 500 });
  assert.deepEqual(ranges, ["bytes=0-", "bytes=0-"]);
});

test("a failure is not kept", async () => {
  const { fetch } = server(whole, [[segment.start_t, 0]]);
  let fails = true;
  const blocks = new Blocks("A", { fetch: (...request) => (fails ? Promise.reject(new Error("away")) : fetch(...request)) });
  await assert.rejects(blocks.at("frames", segment, segment.start_t), { message: "away" });
  fails = false;
  assert.equal((await blocks.at("frames", segment, segment.start_t)).tape.length, lines.length);
});

test("gives an agent's features in a range", async () => {
  const reading = new Reading(new Blocks("A", { fetch: server(whole, await seekPoints()).fetch }));
  const range = { segments: [segment], fromT: lines[1].t, toT: lines[3].t };
  const agent = lines[1].nodes[0].agent_id;
  const rows = await reading.features({ ...range, agent });
  assert.deepEqual(rows.map(([t, buys]) => [t, buys]), [1, 2, 3].map((i) => [lines[i].t, lines[i].nodes[0].features.buy_count]));
});

/** A server of many finished segments with one block each. */
function manySegments() {
  const asked = [];
  const fetch = async (url) => {
    if (url.includes("format=seek")) return Response.json({ seek_points: [[lines[0].t, 0]] });
    asked.push(url);
    return new Response(whole, { status: 206 });
  };
  return { asked, fetch, segment: (i) => ({ ...segment, path: `frames/segment_20260124_12${String(i).padStart(4, "0")}_300.jsonl.zst` }) };
}

test("two files with the same first t are two, as after a market was begun anew", async () => {
  const { asked, fetch, segment: named } = manySegments();
  const blocks = new Blocks("A", { fetch });
  await blocks.at("frames", named(1), 300);
  await blocks.at("frames", named(2), 300);
  await blocks.at("frames", named(2), 300);
  assert.equal(asked.length, 2);
});

test("what is kept stays within its room, however much is read and however often an open block comes anew", async () => {
  const { fetch, segment: named } = manySegments();
  const one = (await new Blocks("A", { fetch }).at("frames", named(0), 300)).tape.size;
  const blocks = new Blocks("A", { fetch, room: 3 * one });
  for (let round = 0; round < 8; round++) {
    await Promise.all(Array.from({ length: 5 }, (_, i) => blocks.at("frames", named(5 * round + i), 300)));
    await blocks.at("frames", { ...named(9000), pending: true }, lines.at(-1).t + 50);
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(blocks.size, 3 * one);
});

test("a block that is not what was written is a gap, whatever bit was flipped, and the others are read", async () => {
  const points = await seekPoints();
  const [from, to] = [points[1][1], points[2]?.[1] ?? whole.length];
  const [fromT, toT] = [points[1][0], (points[2]?.[0] ?? segment.end_t + 1) - 1];
  const written = lines.filter(({ t }) => t < fromT || t > toT).map(({ t }) => t);
  for (let flip = 0; flip < 60; flip++) {
    const bytes = whole.slice();
    bytes[from + ((flip * 7919) % (to - from))] ^= 1 << (flip % 8);
    const reading = new Reading(new Blocks("A", { fetch: server(bytes, points).fetch }));
    const blocks = [];
    for await (const { tape } of reading.blocks.over("frames", [segment], 0, segment.end_t)) blocks.push(tape);
    const given = blocks.flatMap(({ ts }) => ts);
    const gaps = blocks.flatMap((tape) => tape.gaps);
    for (const tape of blocks) tape.ts.forEach((t, i) => assert.deepEqual(tape.message(i), lines.find((line) => line.t === t)));
    assert.deepEqual([given, gaps.length], [written, 1], `bit ${flip % 8} of byte ${(flip * 7919) % (to - from)}`);
    assert.deepEqual([gaps[0].from_t, gaps[0].to_t, gaps[0].reason], [fromT, toT, "damaged"]);
  }
});

test("what a finished file is too short for is a gap, and what does not belong to its place", async () => {
  const points = await seekPoints();
  const toT = segment.end_t;
  const all = async (fetch, from = segment) => {
    const found = [];
    for await (const { tape } of new Blocks("A", { fetch }).over("frames", [from], 0, toT)) found.push(tape);
    return { ts: found.flatMap(({ ts }) => ts), gaps: found.flatMap(({ gaps }) => gaps).map((gap) => [gap.from_t, gap.to_t, gap.reason]) };
  };
  const none = async (url, options) => {
    if (!url.includes("format=seek") && !options.headers.Range.startsWith("bytes=0-")) throw new ApiError(416, "no_such_range", "");
    return server(whole, points).fetch(url, options);
  };
  const short = await all(none);
  assert.deepEqual(short.ts, lines.map(({ t }) => t).filter((t) => t < points[1][0]));
  assert.deepEqual([short.gaps[0], short.gaps.at(-1)[1]], [[points[1][0], (points[2]?.[0] ?? toT + 1) - 1, "damaged"], toT]);
  const elsewhere = await all(server(whole, [[1000, 0]]).fetch, { ...segment, start_t: 1000, end_t: 1200 });
  assert.deepEqual(elsewhere, { ts: [], gaps: [[1000, 1200, "damaged"]] });
  await assert.rejects(all(none, { ...segment, pending: true }), { status: 416 }, "an open one may have been sealed meanwhile");
});
