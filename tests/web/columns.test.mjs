import assert from "node:assert/strict";
import { test } from "node:test";
import { Columns } from "../../streaming/static/streaming/state/columns.js";

/** @param {Columns} columns */
const filled = (columns, count) => {
  for (let i = 0; i < count; i++) columns.push([i, 10 * i]);
  return columns;
};

test("keeps the last rows in one piece, oldest first, however many were pushed", () => {
  for (const count of [0, 1, 4, 5, 8, 9, 10, 101]) {
    const columns = filled(new Columns(["t", "v"], 4), count);
    const expected = Array.from({ length: count }, (_, i) => i).slice(-4);
    assert.deepEqual([...columns.column("t")], expected);
    assert.deepEqual([...columns.column("v")], expected.map((t) => 10 * t));
  }
});

test("tells the first and last value, and none of an empty table", () => {
  const columns = new Columns(["t", "v"], 4);
  assert.equal(columns.first("t"), undefined);
  assert.equal(columns.last("t"), undefined);
  filled(columns, 6);
  assert.deepEqual([columns.first("t"), columns.last("t"), columns.last("v")], [2, 5, 50]);
});

test("prepends older rows and drops the oldest beyond its capacity", () => {
  const columns = filled(new Columns(["t", "v"], 4), 2);
  columns.prepend([[-3, 0], [-2, 0], [-1, 0]]);
  assert.deepEqual([...columns.column("t")], [-2, -1, 0, 1]);
});

test("goes on after prepending and clearing", () => {
  const columns = filled(new Columns(["t", "v"], 3), 3);
  columns.prepend([[-1, 0]]);
  columns.push([3, 30]);
  assert.deepEqual([...columns.column("t")], [1, 2, 3]);
  columns.clear();
  assert.equal(columns.length, 0);
  assert.deepEqual([...filled(columns, 1).column("t")], [0]);
});
