import assert from "node:assert/strict";
import { test } from "node:test";
import { ChartFeed, emptyColumns, joined } from "../../streaming/static/streaming/charts/chart-feed.js";
import { METRIC_COLUMNS } from "../../streaming/static/streaming/data/messages.js";

import { Store } from "../../streaming/static/streaming/state/store.js";

const columns = (...ts) => Object.fromEntries(METRIC_COLUMNS.map((name) => [name, Float64Array.from(ts)]));

test("the stream's metrics follow those of the recording, none twice, none beyond the chart", () => {
  assert.deepEqual([...joined(columns(1, 2, 3), columns(2, 3, 4, 5, 6), 5).t], [1, 2, 3, 4, 5]);
});

test("either may be empty", () => {
  assert.deepEqual([...joined(emptyColumns(), columns(7, 8), 9).t], [7, 8]);
  assert.deepEqual([...joined(columns(1, 2), emptyColumns(), 9).t], [1, 2]);
  assert.deepEqual([...joined(columns(1, 2), columns(50, 51), 9).t], [1, 2]);
});

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a stretch that could not be read is asked for once, and again after it may have healed", async () => {
  const [asked, drawn, errors] = [[], [], []];
  let away = true;
  const past = {
    async metrics(from, to) {
      asked.push(from);
      if (away) throw new Error("away");
      return columns(from, to);
    },
  };
  const feed = new ChartFeed({ past, store: new Store(10), span: 100, turn: async () => {}, onColumns: ({ t }) => drawn.push(...t), onStretch: () => {}, onError: (error) => errors.push(error.message) });
  const show = async () => (feed.show(500, { from: 0, to: 1000 }), settle());
  await show();
  await show();
  assert.deepEqual([asked, drawn, errors], [[450], [], ["away"]]);
  away = false;
  assert.deepEqual([feed.heal(), feed.heal()], [true, false]);
  await show();
  await show();
  assert.deepEqual([asked, drawn], [[450, 450], [450, 550]]);
});

test("the recording is asked when its turn has come, and not for a stretch that was left meanwhile", async () => {
  const [asked, turns] = [[], []];
  const past = { metrics: async (from, to) => (asked.push(from), columns(from, to)) };
  const turn = () => new Promise((resolve) => turns.push(resolve));
  const feed = new ChartFeed({ past, store: new Store(10), span: 100, turn, onColumns: () => {}, onStretch: () => {}, onError: assert.fail });
  for (const t of [200, 500]) feed.show(t, { from: 0, to: 1000 });
  await settle();
  assert.deepEqual([asked, turns.length], [[], 2]);
  turns.forEach((come) => come());
  await settle();
  assert.deepEqual(asked, [450]);
});

test("a turn that fails counts as a failure to read, which can heal", async () => {
  const errors = [];
  const turn = async () => {
    throw new Error("odd frame");
  };
  const feed = new ChartFeed({ past: {}, store: new Store(10), span: 100, turn, onColumns: () => {}, onStretch: () => {}, onError: ({ message }) => errors.push(message) });
  feed.show(500, { from: 0, to: 1000 });
  await settle();
  assert.deepEqual([errors, feed.heal()], [["odd frame"], true]);
});
