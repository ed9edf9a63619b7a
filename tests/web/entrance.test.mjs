import assert from "node:assert/strict";
import { test } from "node:test";
import { Entrance } from "../../streaming/static/streaming/page/entrance.js";

test("of what is asked for before the page has entered the last is done, after it has gone to its place", () => {
  const done = [];
  const entrance = new Entrance();
  entrance.once(() => done.push("back"));
  entrance.once(() => done.push("live"));
  assert.deepEqual([entrance.open, done], [false, []]);
  entrance.enter(() => done.push("place"));
  assert.deepEqual([entrance.open, done], [true, ["place", "live"]]);
});

test("once it has entered everything is done at once", () => {
  const done = [];
  const entrance = new Entrance();
  entrance.enter(() => done.push("place"));
  for (const work of ["back", "live"]) entrance.once(() => done.push(work));
  assert.deepEqual(done, ["place", "back", "live"]);
});
