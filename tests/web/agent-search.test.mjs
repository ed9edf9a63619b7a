import assert from "node:assert/strict";
import { test } from "node:test";

const texts = { agent: "agent {id}", no_agent: "no agent {id}" };
const box = () => ({
  heard: {}, value: "", said: "", textContent: JSON.stringify(texts),
  addEventListener(type, action) { this.heard[type] = action; },
  setCustomValidity(said) { this.said = said; },
  reportValidity() {},
  replaceChildren() {},
});
const boxes = new Map();
globalThis.document = /** @type {any} */ ({ createElement: box, getElementById: (id) => boxes.get(id) ?? boxes.set(id, box()).get(id) });

const { AgentNames } = await import("../../streaming/static/streaming/data/agent-names.js");
const { AgentSearch } = await import("../../streaming/static/streaming/page/agent-search.js");

/** A search in a market where bob, 17, is in the frame; `register` has what answers each question, by the name asked for. */
function page() {
  const [picked, register] = [[], {}];
  const ask = (path) => new Promise((resolve) => (register[new URL(path, "http://h").searchParams.get("q")] = (...agents) => resolve({ agents })));
  const names = new AgentNames("IG-USD", ask);
  names.take({ nodes: [{ agent_id: 17, name: "bob" }] });
  boxes.clear();
  new AgentSearch(names, { has: (agent) => agent === "17", pick: (agent) => picked.push(agent), onError: (error) => { throw error; } });
  const field = boxes.get("agent");
  const type = (value) => { field.value = value; field.heard.input(); };
  const submit = () => boxes.get("search").heard.submit({ preventDefault() {} });
  return { picked, register, field, type, submit };
}

/** All that is ready to run has run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("who is in no frame is found by the register, and nobody is told", async () => {
  const { picked, register, field, type, submit } = page();
  for (const [name, ...agents] of [["alice", { id: 4711, name: "alice" }], ["carol"]]) {
    type(name);
    submit();
    register[name](...agents);
    await settled();
  }
  assert.deepEqual([picked, field.said], [["4711"], "no agent carol"]);
});

test("an answer that comes once another agent is looked for, or typed, changes nothing", async () => {
  const { picked, register, field, type, submit } = page();
  for (const late of ["alice", "carol"]) {
    type(late);
    submit();
  }
  type("bob");
  submit();
  await settled();
  register.alice({ id: 4711, name: "alice" });
  register.carol();
  await settled();
  assert.deepEqual([picked, field.said], [["17"], ""]);
  type("dave");
  submit();
  type("dav");
  register.dave({ id: 5, name: "dave" });
  await settled();
  assert.deepEqual([picked, field.said], [["17"], ""]);
  type("");
});
