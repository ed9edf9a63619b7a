import assert from "node:assert/strict";
import { test } from "node:test";
import { PairMeasures } from "../../streaming/static/streaming/compare/pair-measures.js";

/** Everything that was asked and told, with answers given by hand. */
function desk() {
  const asked = [];
  const told = [];
  const errors = [];
  const later = [];
  const measuresAt = (t) => new Promise((resolve, reject) => asked.push({ t, resolve, reject }));
  const measures = new PairMeasures({ measuresAt, onMeasured: (before, now) => told.push([before, now]), onError: (error) => errors.push(error.message) }, (run) => later.push(run));
  const answer = async (found) => {
    asked.shift().resolve(found);
    await new Promise(setImmediate);
  };
  const refuse = async (words) => {
    asked.shift().reject(new Error(words));
    await new Promise(setImmediate);
  };
  return { measures, asked, told, errors, later, answer, refuse };
}

test("both frames are asked for, one after the other, and told as they come", async () => {
  const { measures, asked, told, later, answer } = desk();
  measures.want(10, 30);
  assert.deepEqual(asked.map(({ t }) => t), [10]);
  await answer({ core: 4 });
  assert.deepEqual(asked.map(({ t }) => t), [30]);
  await answer({ core: 6 });
  assert.deepEqual(told.at(-1), [{ core: 4 }, { core: 6 }]);
  assert.deepEqual([asked.length, later.length], [0, 0]);
});

test("frames that are passed while an answer is on its way are not asked for", async () => {
  const { measures, asked, told, answer } = desk();
  measures.want(10, 20);
  await answer({ core: 4 });
  for (const t of [30, 40, 50]) measures.want(10, t);
  assert.deepEqual(asked.map(({ t }) => t), [20]);
  await answer({ core: 5 });
  assert.deepEqual(asked.map(({ t }) => t), [50]);
  await answer({ core: 7 });
  assert.deepEqual(told.at(-1), [{ core: 4 }, { core: 7 }]);
});

test("a frame that is not measured yet is asked for again", async () => {
  const { measures, asked, told, later, answer } = desk();
  measures.want(10, 20);
  await answer({});
  await answer({ core: 5 });
  assert.deepEqual(told.at(-1), [{}, { core: 5 }]);
  assert.deepEqual([asked.length, later.length], [0, 1]);
  later.pop()();
  assert.deepEqual(asked.map(({ t }) => t), [10]);
  await answer({ core: 3 });
  assert.deepEqual(told.at(-1), [{ core: 3 }, { core: 5 }]);
  assert.equal(later.length, 0);
});

test("an error is told once, and what failed is asked for again until it is there", async () => {
  const { measures, asked, told, errors, later, answer, refuse } = desk();
  measures.want(10, 20);
  await answer({ core: 4 });
  await refuse("busy");
  later.pop()();
  await refuse("busy");
  assert.deepEqual([errors, asked.length, later.length], [["busy"], 0, 1]);
  later.pop()();
  assert.deepEqual(asked.map(({ t }) => t), [20]);
  await answer({ core: 5 });
  assert.deepEqual(told.at(-1), [{ core: 4 }, { core: 5 }]);
  assert.deepEqual([asked.length, later.length], [0, 0]);
});

test("after an error another frame is asked for at once, and the error after an answer is told", async () => {
  const { measures, asked, errors, answer, refuse } = desk();
  measures.want(10, 20);
  await refuse("busy");
  measures.want(10, 30);
  assert.deepEqual(asked.map(({ t }) => t), [10]);
  await answer({ core: 4 });
  await refuse("away");
  assert.deepEqual(errors, ["busy", "away"]);
});

test("nothing is told of what is compared no more", async () => {
  const { measures, asked, told, later, answer } = desk();
  measures.want(10, 20);
  const count = told.length;
  measures.forget();
  await answer({ core: 4 });
  assert.deepEqual([told.length, asked.length, later.length], [count, 0, 0]);
});
