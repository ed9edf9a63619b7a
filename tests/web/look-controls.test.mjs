import assert from "node:assert/strict";
import { test } from "node:test";
import { LookControls } from "../../streaming/static/streaming/page/look-controls.js";

/** A control as a browser gives it. */
function control(look, properties) {
  const heard = [];
  return { dataset: { look }, heard, dispatchEvent: ({ type }) => heard.push(type), ...properties };
}

function page() {
  const option = (value, defaultSelected = false) => ({ value, defaultSelected });
  const colour = control("colour", { type: "select-one", value: "side", options: [option("side"), option("experience")] });
  const match = control("match", { type: "checkbox", value: "on", checked: true, defaultChecked: true });
  const weight = control("weight", { type: "range", value: "0", defaultValue: "0", min: "0", max: "90" });
  const views = ["force", "ring"].map((value, i) => control("view", { type: "radio", value, checked: i === 0, defaultChecked: i === 0 }));
  return { colour, match, weight, views, controls: new LookControls([colour, match, weight, ...views]) };
}

test("a page as it begins has no look of its own", () => {
  assert.deepEqual(page().controls.look, {});
  assert.deepEqual(page().controls.names, ["colour", "match", "weight", "view"]);
});

test("what is shown is told again, and each control hears of it", () => {
  const { colour, match, weight, views, controls } = page();
  const look = { colour: "experience", match: "0", weight: "35", view: "ring" };
  assert.deepEqual(controls.show(look), []);
  // The browser unchecks the other buttons of the name.
  views[0].checked = false;
  assert.deepEqual(controls.look, look);
  for (const one of [colour, match, weight, views[1]]) assert.deepEqual(one.heard, ["input", "change"]);
});

test("what is not named goes back to what it began with", () => {
  const { controls, match } = page();
  controls.show({ match: "0", weight: "5" });
  assert.deepEqual(controls.show({ weight: "5" }), []);
  assert.deepEqual([controls.look, match.heard.length], [{ weight: "5" }, 4]);
});

test("what cannot be is told and changes nothing", () => {
  const { controls } = page();
  const wrong = { colour: "red", match: "yes", weight: "91", view: "" };
  assert.deepEqual(controls.show(wrong), Object.entries(wrong).map(([name, value]) => ({ name, value })));
  assert.equal(controls.show({ weight: "x" }).length, 1);
  assert.deepEqual(controls.look, {});
});
