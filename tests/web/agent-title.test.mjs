import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentNames } from "../../streaming/static/streaming/data/agent-names.js";

globalThis.document = { documentElement: { lang: "en" }, getElementById: () => ({ textContent: JSON.stringify({ agent: "agent {id}" }) }) };
const { AgentTitle } = await import("../../streaming/static/streaming/graph/agent-title.js");

const settle = () => new Promise((resolve) => setImmediate(resolve));
const frame = (agent_id, name) => ({ nodes: [{ agent_id, name }] });

/** A title of agent 7, who is in no frame, with a register that answers as told. */
async function titled(answers) {
  const parts = { h3: {}, ".number": {} };
  const [asked, errors] = [[], []];
  const ask = async () => {
    const answer = answers[Math.min(asked.push(1), answers.length) - 1];
    if (answer instanceof Error) throw answer;
    return { agents: answer };
  };
  const names = new AgentNames("IG-USD", ask);
  const title = new AgentTitle({ querySelector: (selector) => parts[selector] }, names, "", ({ message }) => errors.push(message));
  names.take(frame(1, "ann"));
  const show = async () => (title.show("7"), settle());
  await show();
  return { title, names, asked, errors, show, words: () => parts.h3.textContent };
}

test("a name that could not be read, or that nobody knew yet, is asked for again when the page heals", async () => {
  for (const first of [new Error("away"), []]) {
    const { title, asked, errors, show, words } = await titled([first, [{ id: 7, name: "grace" }]]);
    await show();
    assert.deepEqual([words(), asked.length, errors], ["agent 7", 1, first instanceof Error ? ["away"] : []]);
    assert.equal(title.heal(), true);
    await settle();
    assert.deepEqual([words(), asked.length, title.heal()], ["grace", 2, false]);
  }
});

test("in another recording the name of the agent is another one, or none", async () => {
  const { title, names, show, words } = await titled([[{ id: 7, name: "grace" }], [{ id: 7, name: "linus" }]]);
  assert.equal(words(), "grace");
  names.forget();
  title.forget();
  await show();
  assert.deepEqual([words(), names.some], ["agent 7", false]);
  names.take(frame(1, "bob"));
  await show();
  assert.equal(words(), "linus");
});

test("in a run without names the agent is another one, headed by its number", async () => {
  const { names, asked, show, words } = await titled([[{ id: 7, name: "grace" }]]);
  names.take(frame(1, undefined));
  await show();
  await show();
  assert.deepEqual([words(), asked.length], ["agent 7", 1]);
  names.take(frame(7, "grace"));
  await show();
  assert.equal(words(), "grace");
});

test("a question that is under way where such a run begins names nobody, and none is asked there", async () => {
  const { title, names, asked, show, words } = await titled([[], [{ id: 7, name: "grace" }]]);
  assert.equal(title.heal(), true);
  names.take(frame(1, undefined));
  await show();
  title.heal();
  await show();
  assert.deepEqual([words(), asked.length], ["agent 7", 2]);
  names.take(frame(1, "ann"));
  await show();
  assert.deepEqual([words(), asked.length], ["grace", 3]);
});
