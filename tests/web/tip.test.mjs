import assert from "node:assert/strict";
import { test } from "node:test";

const texts = { pair_match: "{count} × matched", pair_beyond: "{words} ({score} σ)", pair_none: "no edge shown", pair_told: "{names}: {facts}", list_comma: ", " };
globalThis.document = /** @type {any} */ ({ documentElement: { lang: "en" }, getElementById: () => ({ textContent: JSON.stringify(texts) }) });
const { Tip } = await import("../../streaming/static/streaming/graph/tip.js");

const box = () => /** @type {any} */ ({ hidden: true, textContent: "", style: {}, clientWidth: 800 });

/** A frame in which two agents matched so often. @param {number | null} count null for never @param {string[]} [agents] */
function scene(count, agents = ["1", "2"]) {
  const everyone = new Map(agents.map((key) => [key, { name: "" }]));
  return /** @type {any} */ ({ everyone, drawn: count === null ? [] : [{ source: "1", target: "2", kind: "match", count, beyond: null }] });
}

test("under a pointer that rests, a pair has the counts of the frame that is shown by now", () => {
  const element = box();
  const tip = new Tip(element, box());
  tip.point(scene(3), ["1", "2"], { x: 10, y: 10 });
  assert.deepEqual([element.hidden, element.textContent], [false, "1 – 2: 3 × matched"]);
  tip.refresh(scene(4));
  assert.equal(element.textContent, "1 – 2: 4 × matched");
  tip.refresh(scene(null));
  assert.equal(element.textContent, "1 – 2: no edge shown");
});

test("of an agent that is in the picture no more nothing is told", () => {
  const element = box();
  const tip = new Tip(element, box());
  tip.point(scene(3), ["1", "2"], { x: 10, y: 10 });
  tip.refresh(scene(null, ["1"]));
  assert.equal(element.hidden, true);
  tip.refresh(scene(3));
  assert.equal(element.hidden, true);
});
