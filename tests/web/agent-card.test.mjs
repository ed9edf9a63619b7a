import assert from "node:assert/strict";
import { test } from "node:test";
import { FEATURES } from "../../streaming/static/streaming/data/messages.js";

/** As much of a page as a card needs. */
function element(tag) {
  const parts = new Map();
  return {
    tag, textContent: "", hidden: false, attributes: {},
    setAttribute(name, value) { this.attributes[name] = value; },
    append() {},
    querySelector: (selector) => parts.get(selector) ?? parts.set(selector, element(selector)).get(selector),
  };
}
const named = ["agent", "not_in_frame", "side_buy", ...FEATURES.map((name) => `feature_${name}`)];
globalThis.document = {
  documentElement: { lang: "en" },
  createElement: element,
  createElementNS: (_, tag) => element(tag),
  getElementById: () => ({ textContent: JSON.stringify({ ...Object.fromEntries(named.map((name) => [name, name])), side_buy: "{share} % buys" }) }),
};
const { AgentCard } = await import("../../streaming/static/streaming/graph/agent-card.js");

const features = { ...Object.fromEntries(FEATURES.map((name) => [name, 1])), dominant_side: "buy" };
const frame = (t, ...agents) => ({ t, window: { W: 100, stride: 10 }, nodes: agents.map((agent_id) => ({ agent_id, features })), edges: [] });
const row = (t) => [t, ...FEATURES.map(() => t)];
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A card whose questions the test answers. */
function card() {
  const asked = [];
  const source = (agent, from, to) => new Promise((resolve, reject) => asked.push({ agent, from, to, answer: resolve, refuse: reject }));
  const errors = [];
  const box = element("section");
  const made = new AgentCard(box, { features: source, title: { show() {}, heal: () => false, forget() {} }, onError: (error) => errors.push(error.message) });
  const answer = async (rows) => (asked.at(-1).answer(rows), settle());
  return { made, asked, errors, box, answer, points: () => (made.rows[0].path.attributes.d.match(/[ML]/g) ?? []).length };
}

const course = (from, to) => Array.from({ length: (to - from) / 10 + 1 }, (_, i) => row(from + 10 * i));

test("asks once for a window and goes on with the frames that follow it", async () => {
  const { made, asked, answer, points } = card();
  made.pin("3", frame(500, 3));
  await answer(course(410, 500));
  for (const t of [510, 520]) made.show(frame(t, 3));
  assert.deepEqual(asked.map(({ from, to }) => [from, to]), [[401, 500]]);
  assert.equal(points(), 10);
});

test("one that was not there for a whole window does not end the courses of others", async () => {
  const { made, asked, answer, points } = card();
  made.pin("9", frame(500, 3, 9));
  await answer([row(500)]);
  made.pin("3", frame(500, 3, 9));
  await answer(course(410, 500));
  assert.deepEqual([asked.length, points()], [2, 10]);
});

test("has one question under way, and then asks for the newest frame", async () => {
  const { made, asked, answer } = card();
  made.pin("3", frame(500, 3));
  for (const t of [700, 900, 1100]) made.show(frame(t, 3));
  assert.equal(asked.length, 1);
  await answer(course(410, 500));
  assert.deepEqual(asked.map(({ to }) => to), [500, 1100]);
});

test("goes back to a window that it had and let go", async () => {
  const { made, asked, answer } = card();
  made.pin("3", frame(500, 3));
  await answer(course(410, 500));
  for (let t = 510; t <= 2000; t += 10) made.show(frame(t, 3));
  assert.equal(asked.length, 1);
  made.show(frame(600, 3));
  assert.deepEqual([asked.length, asked.at(-1).to], [2, 600]);
});

test("tells no numbers of a moment that has no frame, or not this agent", () => {
  const { made, box } = card();
  made.pin("3", frame(500, 3));
  const [list, side] = [box.querySelector("dl"), box.querySelector(".side")];
  assert.deepEqual([list.hidden, side.textContent], [false, "50 % buys"]);
  for (const none of [null, frame(510, 4)]) {
    made.show(none);
    assert.deepEqual([list.hidden, side.textContent], [true, "not_in_frame"]);
  }
});

test("a question that failed is told, and asked again with the next frame", async () => {
  const { made, asked, errors } = card();
  made.pin("3", frame(500, 3));
  asked[0].refuse(new Error("away"));
  await settle();
  made.show(frame(510, 3));
  assert.deepEqual([errors, asked.length], [["away"], 2]);
});

test("a question that failed is asked again when the page heals, though no frame follows", async () => {
  const { made, asked, answer, points } = card();
  made.pin("3", frame(500, 3));
  assert.equal(made.heal(), false);
  asked[0].refuse(new Error("away"));
  await settle();
  assert.deepEqual([made.heal(), asked.length, made.heal()], [true, 2, false]);
  await answer(course(410, 500));
  assert.deepEqual([asked.length, points()], [2, 10]);
});

test("of who was pinned before neither an answer nor a failure counts", async () => {
  const { made, asked, errors, answer, points } = card();
  made.pin("3", frame(500, 3, 9));
  made.pin("9", frame(500, 3, 9));
  made.pin("3", frame(500, 3, 9));
  asked[0].refuse(new Error("away"));
  await settle();
  assert.deepEqual([errors, asked.length], [[], 2]);
  await answer(course(410, 500));
  assert.equal(points(), 10);
});

test("of another recording the course begins anew, and what is still under way does not count", async () => {
  const { made, asked, errors, answer, points, box } = card();
  made.pin("3", frame(500, 3));
  await answer(course(410, 500));
  made.show(frame(900, 3));
  made.forget();
  assert.equal(box.querySelector("dl").hidden, true);
  asked[1].refuse(new Error("worker_lost"));
  await settle();
  made.show(frame(450, 3));
  assert.deepEqual([points(), asked.length, errors], [0, 3, []]);
  await answer(course(360, 450));
  assert.equal(points(), 10);
});
