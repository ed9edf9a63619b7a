import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyColumns, joined } from "../../streaming/static/streaming/chart-feed.js";
import { METRIC_COLUMNS } from "../../streaming/static/streaming/messages.js";

const columns = (...ts) => Object.fromEntries(METRIC_COLUMNS.map((name) => [name, Float64Array.from(ts)]));

test("the stream's metrics follow those of the recording, none twice, none beyond the chart", () => {
  assert.deepEqual([...joined(columns(1, 2, 3), columns(2, 3, 4, 5, 6), 5).t], [1, 2, 3, 4, 5]);
});

test("either may be empty", () => {
  assert.deepEqual([...joined(emptyColumns(), columns(7, 8), 9).t], [7, 8]);
  assert.deepEqual([...joined(columns(1, 2), emptyColumns(), 9).t], [1, 2]);
  assert.deepEqual([...joined(columns(1, 2), columns(50, 51), 9).t], [1, 2]);
});
