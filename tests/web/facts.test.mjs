import assert from "node:assert/strict";
import { test } from "node:test";

const texts = { frame_facts: "{agents} agents, {edges}", frame_facts_some: "{agents} of {all} agents, {edges}", facts_strongest_pairs: "{edges} of {pairs} pairs", facts_all_pairs: "all {pairs} pairs" };
globalThis.document = /** @type {any} */ ({ documentElement: { lang: "en" }, getElementById: () => ({ textContent: JSON.stringify(texts) }) });
const { factsOf } = await import("../../streaming/static/streaming/graph/facts.js");

const look = { match: true, close: true, beyond: 0 };
const edge = { kind: "match" };
const scene = /** @type {any} */ ({ shown: [edge], graph: { edges: new Map([["one", edge]]) }, look });
/** @param {object} more of the window */
const frame = (more) => /** @type {any} */ ({ nodes: [{}, {}], window: { t0: 1, t1: 300, ...more } });

test("the graph says how many agents and pairs it shows, and of how many where it leaves some out", () => {
  assert.equal(factsOf(frame({ pairs: { match: 1, quote_proximity: 0 } }), scene), "2 agents, all 1 pairs");
  assert.equal(factsOf(frame({ pairs: { match: 4958, quote_proximity: 0 }, nodes_total: 12345 }), scene), "2 of 12,345 agents, 1 of 4,958 pairs");
});
