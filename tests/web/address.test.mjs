import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, placeIn } from "../../streaming/static/streaming/state/address.js";

const nowhere = { symbol: "A", t: null, agent: null, from: null, zoom: null, look: {} };

test("an address holds moment, agent, what it is compared with and the look, and gives them back", () => {
  const place = { symbol: "IG-USD", t: 4711, agent: "12", from: 310, zoom: { from: 300, to: 9000 }, look: { colour: "experience", match: "0" } };
  const address = addressOf({ ...place, t: 4711.9 });
  assert.equal(address, "/replay/?symbol=IG-USD&t=4711&agent=12&from=310&zoom=300-9000&colour=experience&match=0");
  assert.deepEqual(placeIn(address.split("?")[1], "IG-USD", ["colour", "match", "weight"]), { place, wrong: [], unknown: [] });
});

test("live the part of the timeline that is seen moves on, and has a length alone", () => {
  assert.equal(addressOf({ ...nowhere, zoom: 1200 }), "/live/?symbol=A&zoom=1200");
  assert.deepEqual(placeIn("zoom=1200", "A").place.zoom, 1200);
  for (const value of ["0", "9-9", "10-9", "9-", "-9", "a-b", "1.5", "9-9007199254740992"]) assert.deepEqual(placeIn(`zoom=${value}`, "A"), { place: nowhere, wrong: [{ name: "zoom", value }], unknown: [] }, value);
});

test("a t of 16 digits is one, up to the last that a number holds", () => {
  const place = { ...nowhere, t: Number.MAX_SAFE_INTEGER, from: 1_764_000_000_000_000, zoom: { from: 1_764_000_000_000_000, to: 1_764_000_000_600_000 } };
  assert.deepEqual(placeIn(addressOf(place).split("?")[1], "A"), { place, wrong: [], unknown: [] });
});

test("live has no moment", () => {
  assert.equal(addressOf(nowhere), "/live/?symbol=A");
  assert.deepEqual(placeIn("", "A"), { place: nowhere, wrong: [], unknown: [] });
});

test("what is no moment, agent or number is none, and is told", () => {
  for (const name of ["t", "agent", "from"]) {
    for (const value of ["-1", "1.5", "abc", "", "9007199254740992", "1".repeat(40)]) {
      assert.deepEqual(placeIn(`?${name}=${value}`, "A"), { place: nowhere, wrong: [{ name, value }], unknown: [] }, value);
    }
  }
});

test("what has no meaning is told, once", () => {
  assert.deepEqual(placeIn("?symbol=A&lang=en&time=7&colour=x&time=8", "A"), { place: nowhere, wrong: [], unknown: ["time", "colour"] });
});
