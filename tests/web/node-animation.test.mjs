import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeAnimation, isFading } from "../../streaming/static/streaming/graph/node-animation.js";

/** As much of a graph as moving its agents needs. @param {Record<string, object>} agents */
function graphOf(agents) {
  return {
    agents,
    forEachNode: (visit) => Object.entries(agents).forEach(([key, attributes]) => visit(key, attributes)),
  };
}

const traveller = () => ({ x: 0, y: 0, targetX: 1, targetY: 0, size: 10, targetSize: 10, presence: 1, targetPresence: 1 });

/** Draws every `ms` until all stand. @returns {number[]} when was drawn */
function drawn(graph, ms) {
  const times = [0];
  const nodeAnimation = new NodeAnimation(graph, () => times.push(times.at(-1) + ms));
  for (let i = 0; i < times.length; i++) nodeAnimation.step(times[i], false);
  return times;
}

test("agents stand after the same time on a fast machine and on one that draws seldom", () => {
  const [fast, slow] = [drawn(graphOf({ 1: traveller() }), 1000 / 60), drawn(graphOf({ 1: traveller() }), 100)];
  assert.ok(fast.length > 3 * slow.length, `${fast.length} and ${slow.length} drawings`);
  assert.ok(Math.abs(fast.at(-1) - slow.at(-1)) < 150, `after ${fast.at(-1)} and ${slow.at(-1)} ms`);
});

test("after a rest the first step is a small one, however long the rest was", () => {
  const graph = graphOf({ 1: traveller() });
  const nodeAnimation = new NodeAnimation(graph, () => {});
  for (let i = 0; i < 2; i++) nodeAnimation.step(0, true);
  graph.agents[1].targetX = 2;
  nodeAnimation.step(60_000, false);
  assert.ok(graph.agents[1].x > 1 && graph.agents[1].x < 1.5, String(graph.agents[1].x));
});

test("who wants no motion sees agents at their places at once, and leavers gone", () => {
  const graph = graphOf({ 1: traveller(), 2: { ...traveller(), leaving: true, targetPresence: 0 } });
  let asked = 0;
  const nodeAnimation = new NodeAnimation(graph, () => (asked += 1));
  nodeAnimation.step(0, true);
  assert.deepEqual([asked, nodeAnimation.still], [0, true], "no further drawing is of use");
  assert.deepEqual([isFading(graph.agents[1]), isFading(graph.agents[2])], [true, false]);
  assert.equal(graph.agents[1].x, 1);
});
