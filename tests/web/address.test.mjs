import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, placeIn } from "../../streaming/static/streaming/state/address.js";

test("an address holds moment and agent, and gives them back", () => {
  const place = { symbol: "IG-USD", t: 4711, agent: "12" };
  const address = addressOf({ ...place, t: 4711.9 });
  assert.equal(address, "/replay/?symbol=IG-USD&t=4711&agent=12");
  assert.deepEqual(placeIn(address.split("?")[1], "IG-USD"), place);
});

test("live has no moment", () => {
  assert.equal(addressOf({ symbol: "A", t: null, agent: null }), "/live/?symbol=A");
  assert.deepEqual(placeIn("", "A"), { symbol: "A", t: null, agent: null });
});

test("what is no moment is none", () => {
  for (const t of ["-1", "1.5", "abc", "", "1".repeat(40)]) assert.equal(placeIn(`?t=${t}`, "A").t, null, t);
});
