import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketAt, bucketFor, continued, courseOf, courseOfAnswer, extremes, pieces, within } from "../../streaming/static/streaming/charts/course.js";

const rows = (...ts) => ({ t: ts, matches: ts.map((t) => t % 10) });
const all = (course) => [0, course.from.length];

test("rows become buckets of ticks with mean, least and greatest", () => {
  const { from, to, values } = courseOf(rows(8, 9, 10, 11, 12, 13), ["matches"], 4, 1, []);
  assert.deepEqual([from, to], [[8, 12], [11, 13]]);
  assert.deepEqual([...values.matches.mean], [(8 + 9 + 0 + 1) / 4, 2.5]);
  assert.deepEqual([[...values.matches.min], [...values.matches.max]], [[0, 2], [9, 3]]);
});

test("a bucket ends where nothing was recorded, and where a run begins", () => {
  const hole = courseOf(rows(0, 1, 5, 6), ["matches"], 8, 1, []);
  assert.deepEqual([hole.from, hole.to], [[0, 5], [1, 6]]);
  const run = courseOf(rows(0, 1, 2, 3), ["matches"], 8, 1, [0, 2]);
  assert.deepEqual([run.from, run.to], [[0, 2], [1, 3]]);
});

test("a row tells of all ticks until the next is due", () => {
  const { from, to } = courseOf(rows(0, 10, 20, 50), ["matches"], 1, 10, []);
  assert.deepEqual([from, to], [[0, 10, 20, 50], [9, 19, 29, 59]]);
});

const answer = {
  bucket: 64, t: [0, 64, 256], gaps: [{ from_t: 100, to_t: 270 }],
  price: { mean: [1, 2, null], min: [0, 1, null], max: [2, 3, null] },
};

test("buckets of an answer hold what was recorded alone", () => {
  const course = courseOfAnswer(answer, ["price", "N"], 300);
  assert.deepEqual([course.from, course.to], [[0, 64, 271], [63, 99, 300]]);
  assert.deepEqual(Object.keys(course.values), ["price"]);
  assert.ok(Number.isNaN(course.values.price.mean[2]));
});

test("a gap within one bucket leaves its ends where they are", () => {
  const course = courseOfAnswer({ ...answer, gaps: [{ from_t: 10, to_t: 20 }] }, ["price"], 300);
  assert.deepEqual([course.from, course.to], [[0, 64, 256], [63, 127, 300]]);
});

test("what the stream brought follows what the server told", () => {
  const course = courseOf(rows(0, 1, 2, 3), ["matches"], 2, 1, []);
  const later = courseOf(rows(3, 4, 5), ["matches"], 2, 1, []);
  const { from, to, values } = continued(course, later);
  assert.deepEqual([from, to, [...values.matches.mean]], [[0, 2, 4], [1, 3, 5], [0.5, 2.5, 4.5]]);
  assert.equal(continued(course, courseOf(rows(), ["matches"], 2, 1, [])), course);
});

test("a line breaks at a gap, at a run and where nothing is defined", () => {
  const course = courseOf(rows(0, 1, 2, 5, 6, 7, 8), ["matches"], 1, 1, []);
  assert.deepEqual(pieces(course, "matches", [0], all(course)), [[0, 3], [3, 7]]);
  assert.deepEqual(pieces(course, "matches", [0, 7], all(course)), [[0, 3], [3, 5], [5, 7]]);
  course.values.matches.mean[4] = NaN;
  assert.deepEqual(pieces(course, "matches", [0], all(course)), [[0, 3], [3, 4], [5, 7]]);
  assert.deepEqual(pieces(course, "other", [0], all(course)), [], "a measure that nobody told of has no line");
});

test("within a stretch lie the buckets that reach into it", () => {
  const course = courseOf(rows(0, 1, 2, 3, 4, 5, 6, 7), ["matches"], 2, 1, []);
  assert.deepEqual(within(course, { from: 3, to: 4 }), [1, 3]);
  assert.deepEqual(extremes(course, "matches", { from: 3, to: 4 }), [2, 5]);
  assert.equal(extremes(course, "matches", { from: 20, to: 30 }), null);
  assert.deepEqual([-1, 0, 1, 7, 8].map((t) => bucketAt(course, t)), [-1, 0, 0, 3, -1]);
});

test("no t of a gap is in a bucket", () => {
  const course = courseOf(rows(0, 1, 5, 6), ["matches"], 8, 1, []);
  assert.deepEqual([1, 2, 4, 5].map((t) => bucketAt(course, t)), [0, -1, -1, 1]);
});

test("buckets are powers of two, and no more than there is room for", () => {
  assert.deepEqual([100, 1200, 10_000].map((to) => bucketFor({ from: 0, to }, 150)), [1, 8, 128]);
  assert.equal(bucketFor({ from: 0, to: 100 }, 150, 64), 64);
});
