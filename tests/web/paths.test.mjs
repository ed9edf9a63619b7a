import assert from "node:assert/strict";
import { test } from "node:test";
import { courseOf, pieces, within } from "../../streaming/static/streaming/charts/course.js";
import { hatchOf } from "../../streaming/static/streaming/charts/marks.js";
import { drawArea, drawLine } from "../../streaming/static/streaming/charts/paths.js";

const columns = { t: [0, 1, 5], matches: [3, 4, 23] };
const course = courseOf(columns, ["matches"], 1, 1, []);
const place = { x: (t) => 10 * t, y: (value) => -value, pieces: pieces(course, "matches", [], within(course, { from: 0, to: 9 })) };

function recorded(draw) {
  const drawn = [];
  const pen = { moveTo: (x, y) => drawn.push(["M", x, y]), lineTo: (x, y) => drawn.push(["L", x, y]), closePath: () => drawn.push(["Z"]) };
  draw(pen);
  return drawn;
}

test("no line is drawn over a gap, and a lone tick has its own", () => {
  const drawn = recorded((pen) => drawLine(pen, course, course.values.matches.mean, place));
  assert.deepEqual(drawn, [["M", -5, -3], ["L", 0, -3], ["L", 10, -4], ["L", 15, -4], ["M", 45, -23], ["L", 50, -23], ["L", 55, -23]]);
});

test("a stepped line holds each value for its own ticks alone", () => {
  const drawn = recorded((pen) => drawLine(pen, course, course.values.matches.mean, { ...place, stepped: true }));
  assert.deepEqual(drawn, [["M", -5, -3], ["L", 5, -3], ["L", 5, -4], ["L", 15, -4], ["M", 45, -23], ["L", 55, -23]]);
});

test("a band goes from least to greatest and closes", () => {
  const { min, max } = courseOf(columns, ["matches"], 2, 1, []).values.matches;
  const drawn = recorded((pen) => drawArea(pen, courseOf(columns, ["matches"], 2, 1, []), min, max, { ...place, pieces: [[0, 1]] }));
  assert.deepEqual(drawn, [["M", -5, -4], ["L", 5, -4], ["L", 15, -4], ["L", 15, -3], ["L", 5, -3], ["L", -5, -3], ["Z"]]);
});

test("a hatch is as wide as what is missing, wherever the recorded ends lie", () => {
  assert.deepEqual(hatchOf({ from_t: 2, to_t: 4 }, place.x), [15, 30]);
  assert.deepEqual(hatchOf({ from_t: 2, to_t: 2 }, (t) => t / 100), [0.015, 1], "it can be seen");
});
