import assert from "node:assert/strict";
import { test } from "node:test";
import { ChartFeed, emptyColumns, joined } from "../../streaming/static/streaming/charts/chart-feed.js";
import { METRIC_COLUMNS } from "../../streaming/static/streaming/data/messages.js";

import { Store } from "../../streaming/static/streaming/state/store.js";

const columns = (...ts) => Object.fromEntries(METRIC_COLUMNS.map((name) => [name, Float64Array.from(ts)]));
const s = { price_norm: 0.5, volatility: 0.003, liquidity: 1, imbalance: 0 };
const metric = (t) => ({ type: "metric", t, ts: t / 10, s, N: 3, avg_exp: 0.5, matches_n: 1 });
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A feed of a recording that may be away, and what it asked, drew and reported. */
function feedOf({ away = () => false, turn = async () => {}, store = new Store(10) } = {}) {
  const [asked, drawn, errors] = [[], [], []];
  const past = {
    async metrics(from, to) {
      asked.push([from, to]);
      if (away()) throw new Error("away");
      return columns(from, to);
    },
  };
  const feed = new ChartFeed({ past, store, turn, onColumns: ({ t }) => drawn.push([...t]), onError: ({ message }) => errors.push(message) });
  return { feed, asked, drawn, errors };
}

test("the stream's metrics follow those of the recording, none twice, none beyond the chart", () => {
  assert.deepEqual([...joined(columns(1, 2, 3), columns(2, 3, 4, 5, 6), 5).t], [1, 2, 3, 4, 5]);
});

test("either may be empty", () => {
  assert.deepEqual([...joined(emptyColumns(), columns(7, 8), 9).t], [7, 8]);
  assert.deepEqual([...joined(columns(1, 2), emptyColumns(), 9).t], [1, 2]);
  assert.deepEqual([...joined(columns(1, 2), columns(50, 51), 9).t], [1, 2]);
});

test("a stretch is drawn at once, and with its ticks when they are read; moving it a little reads nothing", async () => {
  const { feed, asked, drawn } = feedOf();
  feed.show({ from: 400, to: 600 });
  assert.deepEqual(drawn, [[]]);
  await settle();
  assert.deepEqual([asked, drawn], [[[350, 650]], [[], [350, 650]]]);
  feed.show({ from: 420, to: 620 });
  feed.show({ from: 420, to: 620 });
  await settle();
  assert.deepEqual([asked.length, drawn.length], [1, 3]);
});

test("what the stream has dropped since the reading is read, and nothing else", async () => {
  const store = new Store(10);
  const hear = (from, to) => Array.from({ length: to - from }, (_, i) => store.receive(metric(from + i)));
  const { feed, asked } = feedOf({ store });
  const show = async (from, to) => (feed.show({ from, to }), settle());
  hear(590, 601);
  await show(400, 600);
  hear(601, 608);
  await show(420, 607);
  assert.equal(asked.length, 1, "the stream has all that is new");
  hear(608, 640);
  await show(440, 599);
  assert.equal(asked.length, 1, "the stretch has none of it");
  await show(440, 630);
  await show(441, 631);
  assert.equal(asked.length, 2, "of 601 to 629 it has none any more");
});

test("a stretch that could not be read is asked for once, and again after it may have healed", async () => {
  let gone = true;
  const { feed, asked, errors } = feedOf({ away: () => gone });
  const show = async () => (feed.show({ from: 450, to: 550 }), settle());
  await show();
  await show();
  assert.deepEqual([asked.length, errors], [1, ["away"]]);
  gone = false;
  assert.deepEqual([feed.heal(), feed.heal()], [true, false]);
  await show();
  await show();
  assert.equal(asked.length, 2);
});

test("the recording is asked when its turn has come, one stretch at a time, and not for one that was left meanwhile", async () => {
  const turns = [];
  const { feed, asked } = feedOf({ turn: () => new Promise((resolve) => turns.push(resolve)) });
  feed.show({ from: 150, to: 250 });
  for (const from of [500, 700]) feed.show({ from, to: from + 100 });
  await settle();
  assert.deepEqual([asked, turns.length], [[], 1]);
  turns[0]();
  await settle();
  assert.deepEqual([asked, turns.length], [[], 2]);
  turns[1]();
  await settle();
  assert.deepEqual(asked, [[675, 825]]);
});

test("a turn that fails counts as a failure to read, which can heal", async () => {
  const { feed, errors } = feedOf({ turn: () => Promise.reject(new Error("odd frame")) });
  feed.show({ from: 450, to: 550 });
  await settle();
  assert.deepEqual([errors, feed.heal()], [["odd frame"], true]);
});

test("a long stretch is not read tick by tick", async () => {
  const { feed, asked, drawn } = feedOf();
  feed.show({ from: 0, to: 100 });
  feed.showSummed({ from: 0, to: 1e6 });
  await settle();
  assert.deepEqual([asked, drawn], [[], [[], []]]);
});

test("the present is drawn when there is something new, ten times a second at most", () => {
  const store = new Store(10);
  const { feed, drawn } = feedOf({ store });
  const stretch = { from: 0, to: 1200 };
  assert.equal(feed.follow(stretch, 0, false), false);
  store.receive(metric(7));
  assert.deepEqual([feed.follow(stretch, 1000, false), feed.follow(stretch, 1001, false)], [false, false]);
  store.receive(metric(8));
  assert.deepEqual([feed.follow(stretch, 1010, false), feed.follow(stretch, 1100, false)], [true, false]);
  assert.deepEqual(drawn, [[7], [7, 8]]);
  feed.redraw();
  feed.follow(stretch, 1101, true);
  assert.deepEqual(drawn.at(-1), [], "of a stretch beyond the stream's rows only buckets are known");
});

test("where no stream comes, the end is read again once the recording has gone on within what is shown", async () => {
  const [asked, drawn, store] = [[], [], new Store(10)];
  const past = {
    lastT: 600,
    async metrics(from, to) {
      asked.push([from, to]);
      return columns(from, Math.min(to, past.lastT - (past.lastT % 10)));
    },
  };
  const feed = new ChartFeed({ past, store, turn: async () => {}, onColumns: ({ t }) => drawn.push([...t]), onError: assert.fail });
  /** A page that stands, 20 s later. */
  const later = async (lastT) => ((past.lastT = lastT), feed.refresh(), feed.show({ from: 0, to: 1200 }), settle());
  for (const lastT of [600, 600, 809, 809, 809]) await later(lastT);
  assert.deepEqual([asked.length, drawn.at(-1)], [2, [0, 800]], "nothing is behind the last row, though the last tick is");
  for (const lastT of [1300, 1500, 1700]) await later(lastT);
  assert.deepEqual([asked.length, drawn.at(-1)], [3, [0, 1300]]);
});

test("what the stream brings is not read again", async () => {
  const store = new Store(10);
  const { feed, asked } = feedOf({ store });
  store.receive({ type: "tick", t: 600, ts: 60 });
  store.receive(metric(600));
  feed.parts.past.lastT = 600;
  feed.show({ from: 0, to: 1200 });
  await settle();
  for (let t = 601; t < 609; t++) {
    store.receive(metric(t));
    store.receive({ type: "tick", t, ts: t / 10 });
    feed.parts.past.lastT = t;
    feed.refresh();
    feed.show({ from: 0, to: 1200 });
    await settle();
  }
  assert.equal(asked.length, 1);
});
