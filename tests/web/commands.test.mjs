import assert from "node:assert/strict";
import { test } from "node:test";
import { commandOf } from "../../streaming/static/streaming/state/commands.js";

/** A key press on an element of that kind. */
const press = (key, { kind = "body", ...more } = {}) =>
  commandOf({ key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, target: { matches: (selector) => selector.split(", ").includes(kind) }, ...more });

test("keys play, step, leap and go to the ends", () => {
  assert.deepEqual([" ", "ArrowLeft", "ArrowRight", "Home", "End", "l", "L"].map((key) => press(key)), ["toggle", "back", "forward", "first", "last", "live", "live"]);
  assert.deepEqual(["ArrowLeft", "ArrowRight"].map((key) => press(key, { shiftKey: true })), ["far-back", "far-forward"]);
});

test("other keys, and the browser's own, are left alone", () => {
  assert.equal(press("x"), null);
  assert.equal(press("l", { ctrlKey: true }), null);
  assert.equal(press("ArrowLeft", { altKey: true }), null);
});

test("a control that uses keys keeps them", () => {
  assert.equal(press("l", { kind: "input" }), null);
  assert.equal(press("ArrowLeft", { kind: "select" }), null);
  assert.equal(press("Escape", { kind: "input" }), "unpin");
  assert.equal(press(" ", { kind: "button" }), null);
  assert.equal(press("ArrowLeft", { kind: "button" }), "back");
});
