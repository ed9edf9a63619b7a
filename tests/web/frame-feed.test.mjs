import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameFeed } from "../../streaming/static/streaming/data/frame-feed.js";

const frame = (t) => ({ t, window: { stride: 10 } });
const foundAt = (t) => ({ frame: frame(t - (t % 10)), previousT: null, nextT: t - (t % 10) + 10 });

/** A source that answers when the test says so. */
function slowSource() {
  const asked = [];
  const source = (t) => new Promise((resolve, reject) => asked.push({ t, answer: (found = foundAt(t)) => resolve(found), refuse: reject }));
  return { asked, source };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("while one frame is under way only the newest wish is kept", async () => {
  const { asked, source } = slowSource();
  const shown = [];
  const feed = new FrameFeed(source, (found) => shown.push(found.frame.t), assert.fail);
  for (const t of [10, 20, 30, 47]) feed.want(t);
  asked[0].answer();
  await settle();
  asked[1].answer();
  await settle();
  assert.deepEqual(asked.map(({ t }) => t), [10, 47]);
  assert.deepEqual(shown, [10, 40]);
});

test("asks nothing while the frame found is the one to be seen", async () => {
  const { asked, source } = slowSource();
  const feed = new FrameFeed(source, () => {}, assert.fail);
  feed.want(50);
  asked[0].answer();
  await settle();
  for (const t of [50, 55, 59]) feed.want(t);
  assert.equal(asked.length, 1);
  feed.want(60);
  assert.equal(asked.length, 2);
});

test("asks again at the next t where no frame was found, and leaps where the next is known", async () => {
  const { asked, source } = slowSource();
  const feed = new FrameFeed(source, () => {}, assert.fail);
  feed.want(3);
  asked[0].answer({ frame: null, previousT: null, nextT: 300 });
  await settle();
  feed.want(299);
  assert.equal(asked.length, 1);
  feed.want(300);
  assert.equal(asked.length, 2);
});

test("tells an error once and goes on with the next wish", async () => {
  const { asked, source } = slowSource();
  const [shown, errors] = [[], []];
  const feed = new FrameFeed(source, (found) => shown.push(found.frame.t), (error) => errors.push(error.message));
  feed.want(10);
  asked[0].refuse(new Error("gone"));
  await settle();
  feed.want(10);
  feed.want(20);
  asked[1].answer();
  await settle();
  assert.deepEqual([shown, errors, asked.length], [[20], ["gone"], 2]);
});

test("forgets what it found", async () => {
  const { asked, source } = slowSource();
  const feed = new FrameFeed(source, () => {}, assert.fail);
  feed.want(50);
  asked[0].answer();
  await settle();
  feed.forget();
  feed.want(50);
  assert.equal(asked.length, 2);
});

test("a failure is booked on the t that was asked for, and the newest wish is asked for next", async () => {
  const { asked, source } = slowSource();
  const errors = [];
  const feed = new FrameFeed(source, () => {}, (error) => errors.push(error.message));
  feed.want(10);
  feed.want(40);
  asked[0].refuse(new Error("gone"));
  await settle();
  assert.deepEqual(asked.map(({ t }) => t), [10, 40]);
  asked[1].answer();
  await settle();
  assert.deepEqual([feed.found.frame.t, feed.failure, feed.covers(10)], [40, null, false]);
});

test("what failed is asked for again once it may have healed", async () => {
  const { asked, source } = slowSource();
  const feed = new FrameFeed(source, () => {}, () => {});
  assert.equal(feed.heal(), false);
  feed.want(10);
  asked[0].refuse(new Error("away"));
  await settle();
  assert.equal(feed.heal(), true);
  feed.want(10);
  asked[1].answer();
  await settle();
  assert.equal(feed.found.frame.t, 10);
});

test("an answer from before it forgot does not count", async () => {
  const { asked, source } = slowSource();
  const shown = [];
  const feed = new FrameFeed(source, (found) => shown.push(found.frame.t), assert.fail);
  feed.want(10);
  feed.forget();
  asked[0].answer({ frame: frame(0), previousT: null, nextT: null });
  await settle();
  assert.deepEqual([shown, asked.length], [[], 2]);
});

test("tells when the question under way is answered, also when it failed", async () => {
  const { asked, source } = slowSource();
  const feed = new FrameFeed(source, () => {}, () => {});
  let answered = 0;
  await feed.answered;
  feed.want(10);
  feed.answered.then(() => (answered += 1));
  await settle();
  assert.equal(answered, 0);
  asked[0].answer();
  await settle();
  assert.equal(answered, 1);
  feed.want(20);
  feed.answered.then(() => (answered += 1));
  asked[1].refuse(new Error("gone"));
  await settle();
  assert.equal(answered, 2);
});
