import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameFeed } from "../../streaming/static/streaming/frame-feed.js";

/** A source that answers when the test says so. */
function slowSource() {
  const asked = [];
  return {
    asked,
    message: (index) => new Promise((resolve, reject) => asked.push({ index, answer: () => resolve(index), refuse: reject })),
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("while one frame is under way only the newest wish is kept", async () => {
  const source = slowSource();
  const shown = [];
  const feed = new FrameFeed(source, (frame) => shown.push(frame), assert.fail);
  for (const index of [1, 2, 3, 4]) feed.want(index);
  source.asked[0].answer();
  await settle();
  source.asked[1].answer();
  await settle();
  assert.deepEqual(source.asked.map(({ index }) => index), [1, 4]);
  assert.deepEqual(shown, [1, 4]);
});

test("asks once for a frame that is wanted again and again", async () => {
  const source = slowSource();
  const feed = new FrameFeed(source, () => {}, assert.fail);
  feed.want(5);
  source.asked[0].answer();
  await settle();
  feed.want(5);
  await settle();
  assert.equal(source.asked.length, 1);
});

test("tells an error once and goes on with the next wish", async () => {
  const source = slowSource();
  const [shown, errors] = [[], []];
  const feed = new FrameFeed(source, (frame) => shown.push(frame), (error) => errors.push(error.message));
  feed.want(1);
  source.asked[0].refuse(new Error("gone"));
  await settle();
  feed.want(2);
  source.asked[1].answer();
  await settle();
  assert.deepEqual([shown, errors], [[2], ["gone"]]);
});
