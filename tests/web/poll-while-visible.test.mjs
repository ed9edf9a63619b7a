import assert from "node:assert/strict";
import { test } from "node:test";
import { askWhileSeen } from "../../streaming/static/streaming/data/poll-while-visible.js";

test("asks now and then while the page is seen, not while it is hidden, and at once when it is seen again", ({ mock }) => {
  mock.timers.enable({ apis: ["setInterval"] });
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  let asked = 0;
  askWhileSeen(() => (asked += 1), 20_000, page);
  const look = (visibilityState) => {
    page.visibilityState = visibilityState;
    page.dispatchEvent(new Event("visibilitychange"));
  };
  mock.timers.tick(60_000);
  assert.equal(asked, 3);
  look("hidden");
  mock.timers.tick(3_600_000);
  assert.equal(asked, 3);
  look("visible");
  assert.equal(asked, 4);
  mock.timers.tick(20_000);
  assert.equal(asked, 5);
});
