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

test("names that are written from right to left keep their places, and the number behind them", () => {
  const element = box();
  const names = new Map([["1", "שחקן"], ["2", "bob"], ["3", "تاجر 7"]]);
  const told = (/** @type {string} */ other) => {
    const { everyone, ...more } = scene(3, ["1", other]);
    for (const [key, look] of everyone) look.name = names.get(key);
    new Tip(element, box()).point(/** @type {any} */ ({ everyone, ...more }), ["1", other], { x: 10, y: 10 });
    return element.textContent;
  };
  assert.equal(told("2"), "\u2068שחקן\u2069 – bob: 3 × matched");
  assert.equal(told("3"), "\u2068שחקן\u2069 – \u2068تاجر 7\u2069: no edge shown");
});
