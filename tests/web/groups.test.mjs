import assert from "node:assert/strict";
import { test } from "node:test";
import { besides, communityColours, kindOf, kindsIn, squeezed } from "../../streaming/static/streaming/graph/groups.js";
import { communitiesOf } from "../../streaming/static/streaming/worker/communities.js";

test("a name tells a kind where it counts its bearers", () => {
  assert.deepEqual(["maker-12", "noise 3", "Ann", "0xbeef12", "", "42"].map(kindOf), ["maker", "noise", "", "", "", ""]);
  assert.deepEqual(kindsIn([{ kind: "b" }, { kind: "a" }, { kind: "b" }, { kind: "" }]), [{ kind: "b", count: 2 }, { kind: "a", count: 1 }]);
  assert.deepEqual(kindsIn([{ kind: "b" }, { kind: "b" }]), [], "one kind tells nobody apart");
});

test("a long name keeps its number", () => {
  assert.equal(squeezed("fundamentalist-12", 12), "fundamen…-12");
  assert.equal(squeezed("maker-1", 12), "maker-1");
  assert.equal(squeezed("a name without one", 8), "a name …");
  assert.deepEqual(["fundamentalist-600", "0x48b1e5a0c0f1234"].map(besides), ["fundamentalist-600", "0x48b1e5a…1234"]);
});

/** Cliques in a row, each tied to the next by one weak edge. */
function cliques(...sizes) {
  const edges = [];
  let from = 0;
  for (const size of sizes) {
    for (let a = from; a < from + size; a++) for (let b = from; b < a; b++) edges.push([a, b, 1]);
    if (from) edges.push([from - 1, from, 0.1]);
    from += size;
  }
  return { count: from, ends: Uint32Array.from(edges.flatMap(([a, b]) => [a, b])), weights: edges.map(([, , weight]) => weight) };
}

test("cliques are communities, the largest first, and who has no edge is alone", () => {
  const { count, ends, weights } = cliques(3, 6, 4);
  const found = [...communitiesOf(count + 1, ends, weights)];
  assert.deepEqual(found, [2, 2, 2, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 3]);
});

test("communities are worth more modularity than any single agent's move could add", () => {
  const count = 30;
  const edges = Array.from({ length: 140 }, (_, i) => [(i * 7) % count, (i * i * 3 + 11 * i + 5) % count, 1 + (i % 3)]).filter(([a, b]) => a !== b);
  const found = communitiesOf(count, Uint32Array.from(edges.flatMap(([a, b]) => [a, b])), edges.map(([, , w]) => w));
  const total = edges.reduce((sum, [, , w]) => sum + w, 0);
  const modularity = (homes) => {
    const strengths = new Map();
    let within = 0;
    for (const [a, b, w] of edges) {
      if (homes[a] === homes[b]) within += w;
      for (const end of [a, b]) strengths.set(homes[end], (strengths.get(homes[end]) ?? 0) + w);
    }
    return within / total - [...strengths.values()].reduce((sum, s) => sum + (s / (2 * total)) ** 2, 0);
  };
  assert.ok(modularity(found) > 0.15, String(modularity(found)));
  assert.ok(modularity(found) > modularity(new Int32Array(count)));
});

test("a graph without edges has nobody together", () => {
  assert.deepEqual([...communitiesOf(3, new Uint32Array(0), [])], [0, 1, 2]);
});

test("a community keeps its colour while its strongest member leads it", () => {
  const keys = ["4", "12", "7", "9", "30"];
  const strength = (key) => ({ 4: 9, 12: 8, 7: 5, 9: 1, 30: 1 })[key];
  // 4 and 12 wish the same colour: the larger community has it, the other the next.
  assert.deepEqual(communityColours(keys, [0, 1, 0, 0, 1], strength), [4, 5]);
  assert.deepEqual(communityColours(keys, [0, 1, 0, 2, 1], strength), [4, 5, -1], "who is alone has none");
});
