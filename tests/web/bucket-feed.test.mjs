import assert from "node:assert/strict";
import { test } from "node:test";
import { BucketFeed, POINTS } from "../../streaming/static/streaming/charts/bucket-feed.js";

const whole = { from: 0, to: 1_000_000 };

/** A server whose finest buckets have 64 ticks. */
function feedOf(answers = {}) {
  const asked = [];
  const errors = [];
  const ask = async (stretch, points) => {
    asked.push({ ...stretch, points });
    if (answers.fails) throw new Error("away");
    await answers.waits;
    let bucket = 64;
    while ((stretch.to - stretch.from) / bucket > points) bucket *= 2;
    return { t0: stretch.from, t1: stretch.to, bucket, t: [], unsummed: answers.unsummed };
  };
  const feed = new BucketFeed({ ask, onAnswer: () => {}, onError: ({ message }) => errors.push(message) });
  return { feed, asked, errors };
}

test("one answer serves a stretch, and panning and zooming a little", async () => {
  const { feed, asked } = feedOf();
  await feed.want({ from: 400_000, to: 500_000 }, whole);
  assert.deepEqual(asked, [{ from: 370_000, to: 530_000, points: POINTS * 1.6 }]);
  await feed.want({ from: 420_000, to: 520_000 }, whole);
  await feed.want({ from: 410_000, to: 470_000 }, whole);
  assert.equal(asked.length, 1);
  await feed.want({ from: 440_000, to: 540_000 }, whole);
  await feed.want({ from: 440_000, to: 460_000 }, whole);
  assert.equal(asked.length, 3);
  assert.ok(feed.held.bucket < 100);
});

test("below the server's finest buckets no more is asked", async () => {
  const { feed, asked } = feedOf();
  await feed.want({ from: 1000, to: 2000 }, whole);
  await feed.want({ from: 1400, to: 1450 }, whole);
  assert.equal(asked.length, 1);
});

test("the whole is asked once, however it grows; what is new comes with a refresh", async () => {
  const { feed, asked } = feedOf();
  for (let to = 1000; to < 1100; to++) await feed.want({ from: 0, to }, { from: 0, to });
  assert.equal(asked.length, 1);
  feed.refresh();
  await feed.want({ from: 0, to: 1100 }, { from: 0, to: 1100 });
  assert.deepEqual(asked.map(({ to }) => to), [1000, 1100]);
});

test("one question at a time, the newest wish next", async () => {
  let go;
  const { feed, asked } = feedOf({ waits: new Promise((resolve) => (go = resolve)) });
  const done = feed.want({ from: 0, to: 1000 }, whole);
  for (const from of [100_000, 200_000, 300_000]) feed.want({ from, to: from + 1000 }, whole);
  assert.equal(asked.length, 1);
  go();
  await done;
  assert.deepEqual(asked.map(({ from }) => from), [0, 299_700]);
});

test("what failed is asked again after a refresh, and the answer held stays", async () => {
  const answers = { fails: false };
  const { feed, asked, errors } = feedOf(answers);
  await feed.want({ from: 0, to: 1000 }, whole);
  const { held } = feed;
  answers.fails = true;
  feed.refresh();
  for (let i = 0; i < 3; i++) await feed.want({ from: 0, to: 1000 }, whole);
  assert.deepEqual([asked.length, errors, feed.held], [2, ["away"], held]);
});

test("an answer of a recording that is forgotten counts no more", async () => {
  let go;
  const { feed } = feedOf({ waits: new Promise((resolve) => (go = resolve)) });
  const done = feed.want({ from: 0, to: 1000 }, whole);
  feed.forget();
  go();
  await done;
  assert.equal(feed.held, null);
});

test("it lacks what did not come and what was not summed up yet", async () => {
  const answers = { unsummed: [{ from_t: 90, to_t: 99 }] };
  const { feed } = feedOf(answers);
  const again = () => (feed.refresh(), feed.want({ from: 0, to: 100 }, whole));
  assert.equal(feed.lacks, false);
  await again();
  assert.equal(feed.lacks, true);
  answers.unsummed = [];
  await again();
  assert.equal(feed.lacks, false);
  answers.fails = true;
  await again();
  assert.equal(feed.lacks, true);
  answers.fails = false;
  await again();
  assert.equal(feed.lacks, false);
});

test("what was added at the end is lacked where it is wanted, and nothing of what stands still", async () => {
  const { feed, asked } = feedOf();
  // As a page asks that stands: now and then, for what is lacked.
  const later = async (stretch, to) => {
    if (feed.lacks) feed.refresh();
    await feed.want(stretch, { from: 0, to });
    return asked.length;
  };
  const stretch = { from: 8800, to: 10_000 };
  await later(stretch, 9970);
  for (const to of [10_200, 10_400, 10_600, 20_000]) await later(stretch, to);
  assert.deepEqual(asked.map(({ to }) => to), [9970, 10_360], "up to where it is wanted");
  for (const to of [20_200, 20_400, 20_400, 20_400]) await later({ from: 0, to }, to);
  await later({ from: 0, to: 20_400 }, 20_400);
  assert.deepEqual(asked.slice(2).map(({ to }) => to), [20_200, 20_400]);
});

test("beyond the end of what was recorded when it was asked for, it is asked for at once", async () => {
  const { feed, asked } = feedOf();
  await feed.want({ from: 8800, to: 10_000 }, { from: 0, to: 10_000 });
  await feed.want({ from: 30_000, to: 31_200 }, { from: 0, to: 31_200 });
  assert.deepEqual(asked.map(({ to }) => to), [10_000, 31_200]);
});
