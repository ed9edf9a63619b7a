import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestEdge } from "../../streaming/static/streaming/graph/edge-picking.js";
import { squaresOf } from "../../streaming/static/streaming/graph/matrix.js";
import { RIM } from "../../streaming/static/streaming/graph/graph-model.js";
import { placesOfLeft } from "../../streaming/static/streaming/graph/left-places.js";
import { fitting, inkFor, labelFor, labelled, orderOf, tiedOf, weightsFor } from "../../streaming/static/streaming/graph/order.js";
import { planePositions, roundedRange } from "../../streaming/static/streaming/graph/plane.js";
import { anglesOf, longestFor, onChord, roomFor } from "../../streaming/static/streaming/graph/ring.js";
import { partnersOf } from "../../streaming/static/streaming/graph/partners.js";

const edge = (source, target, kind, strength) => ({ source, target, kind, strength });

test("a square tells the stronger of what it holds, a match before quotes, on both sides of the diagonal", () => {
  const index = new Map([["a", 0], ["b", 1], ["c", 2], ["d", 3]]);
  const squares = squaresOf([edge("a", "b", "match", 1), edge("b", "a", "quote_proximity", 1), edge("c", "d", "quote_proximity", 0.25)], index, 8);
  const at = (row, column) => squares[row * 2 * 8 + column * 2];
  assert.deepEqual([at(0, 1), at(1, 0), at(2, 3), at(3, 2), at(0, 0)], [126, 126, 32, 32, 0]);
  assert.equal(squares.filter((value) => value === 126).length, 8, "two squares of two pixels each way");
});

test("in a comparison what changed is told from what was kept", () => {
  const index = new Map([["a", 0], ["b", 1], ["c", 2]]);
  const changed = (source, target, kind, change) => ({ ...edge(source, target, kind, 1), change });
  const squares = squaresOf([changed("a", "b", "match", "kept"), changed("a", "b", "quote_proximity", "lost"), changed("b", "c", "match", "gained")], index, 6);
  assert.deepEqual([squares[2], squares[16], squares[4]], [252, 189, 0]);
  const scene = { everyone: new Map([["1", { name: "maker-1", change: "left" }], ["2", { change: "joined" }], ["3", {}]]), centre: null, near: null, palette: { gained: "g", lost: "l", muted: "m" } };
  assert.deepEqual(["1", "2", "3"].map((key) => [labelFor(scene, key), inkFor(scene, key)]), [["− maker-1", "l"], ["+ 2", "g"], ["3", "m"]]);
  assert.deepEqual(["3", "1"].map(weightsFor(scene)).map((weight) => weight > 0), [false, true]);
});

test("who left stands at the rim, on the side of those it dealt with, and beside others who left", () => {
  const places = placesOfLeft(new Map([["7", {}], ["8", {}], ["9", {}]]), [edge("7", "1", "match"), edge("1", "8", "match"), edge("8", "7", "match")], ["1"], [0, -0.5]);
  const angles = ["7", "8"].map((key) => Math.atan2(places.get(key)[1], places.get(key)[0]));
  for (const [x, y] of places.values()) assert.ok(Math.hypot(x, y) > RIM && Math.hypot(x, y) < 1.1 * RIM);
  assert.ok(Math.abs(angles[0] + Math.PI / 2) < 1e-9 && angles[1] - angles[0] > 0.19);
});

test("of more agents than pixels every match is still seen, and none lies outside", () => {
  const keys = Array.from({ length: 100 }, (_, i) => String(i));
  const squares = squaresOf([edge("0", "99", "match", 0.01), edge("98", "99", "match", 1)], new Map(keys.map((key, i) => [key, i])), 20);
  assert.equal(squares.length, 400);
  assert.ok(squares[19] > 63 && squares[19 * 20] > 63 && squares[399] === 126);
});

test("communities come one after the other, within them who has most matches first; those without one come last", () => {
  const nodes = new Map(["5", "6", "7", "8", "9", "pool"].map((key, i) => [key, { matches: [1, 9, 4, 2, 7, 99][i] }]));
  const communities = new Map([["5", 0], ["6", 1], ["7", 0], ["8", 2], ["9", 1]]);
  const { keys, runs } = orderOf({ everyone: nodes, communities });
  assert.deepEqual(keys, ["7", "5", "6", "9", "8", "pool"]);
  assert.deepEqual(runs.map(({ community, from, to }) => [community, from, to]), [[0, 0, 2], [1, 2, 4], [null, 4, 5], [null, 5, 6]]);
});

test("who has no edge leaves the matrix to those who have, unless it joined or left", () => {
  const everyone = new Map([["1", {}], ["2", {}], ["3", {}], ["4", {}], ["5", { change: "left" }]]);
  const [graph, allLost] = [{ edges: new Map([["a", edge("1", "2", "match", 1)]]) }, [edge("2", "4", "match", 1)]];
  assert.deepEqual([...tiedOf({ everyone, graph, allLost }).keys()], ["1", "2", "4", "5"]);
  const idle = new Map([["1", {}], ["2", {}]]);
  assert.equal(tiedOf({ everyone: idle, graph: { edges: new Map() }, allLost: [] }), idle);
});

test("around the ring the longest name has room, and short ones leave more to the ring", () => {
  assert.ok(roomFor(["maker-1", "fundamentalist-172"]) > 130);
  assert.ok(roomFor(["maker-1", "12"]) < 80);
  assert.ok(roomFor(["株式会社市場カメラ"]) > 110, "wide letters");
  assert.equal(roomFor([]), roomFor(["12"]));
});

test("in a small window names leave the ring half of the room, and stay names", () => {
  assert.ok(longestFor(400) >= 18);
  const half = 160;
  assert.ok(roomFor(["x".repeat(longestFor(half))]) <= half / 2);
  assert.equal(longestFor(0), 8);
});

test("labels keep their distance, who weighs most has one, also across the seam of a ring", () => {
  const keys = ["a", "b", "c", "d"];
  const weight = (key) => ({ a: 1, b: 5, c: 2, d: 3 })[key];
  assert.deepEqual([...labelled(keys, weight, (i) => i * 8, 12)].toSorted(), ["b", "d"]);
  const idle = (key) => ({ a: 3, b: 0, c: 2, d: 0 })[key];
  assert.deepEqual([...labelled(keys, idle, (i) => i * 8, 12)].toSorted(), ["a", "c"]);
  assert.deepEqual([...labelled(keys, idle, (i) => i * 20, 12)].toSorted(), keys);
  assert.deepEqual([...labelled(keys, () => 0, (i) => i * 8, 12)].toSorted(), ["a", "c"]);
  assert.deepEqual([...labelled(keys, weight, (i) => [1, 40, 60, 99][i], 12, 100)].toSorted(), ["b", "c", "d"]);
});

test("an axis goes from round number to round number, whatever it spans", () => {
  assert.deepEqual(roundedRange(0, 0.08).marks.map((mark) => mark.toFixed(2)), ["0.00", "0.02", "0.04", "0.06", "0.08"]);
  assert.deepEqual(roundedRange(49_871, 50_143).marks, [49_850, 49_900, 49_950, 50_000, 50_050, 50_100, 50_150]);
  for (const value of [0, 7, -3]) assert.ok(roundedRange(value, value).marks.length > 1);
});

test("where a few have most experience, the others are told apart as well", () => {
  const nodes = new Map([0.01, 0.02, 0.04, 0.04, 0.9].map((gained, i) => [String(i), node(100, gained, 1)]));
  const { positions, axes } = planePositions(nodes, "experience", { x: 2, y: 1, unit: 0.002 });
  assert.ok((positions[5] - positions[1]) / (axes.top - axes.bottom) > 0.08);
});

const node = (quote, gained, matches) => ({ quote, gained, matches });

test("in the plane right is dearer and up is more; who never quoted stands apart at the left", () => {
  const nodes = new Map([["a", node(100, 0.1, 4)], ["b", node(110, 0.5, 16)], ["c", node(null, 0, 0)], ["pool", node(null, 0, 99)]]);
  for (const height of ["experience", "matches"]) {
    const { keys, positions, axes } = planePositions(nodes, height, { x: 2, y: 1, unit: 0.002 });
    const [a, b, c] = [0, 1, 2].map((i) => [positions[2 * i], positions[2 * i + 1]]);
    assert.deepEqual(keys, ["a", "b", "c"]);
    assert.ok(c[0] < axes.left && axes.left <= a[0] && a[0] < b[0] && b[0] <= axes.right);
    assert.ok(axes.bottom <= c[1] && c[1] < a[1] && a[1] < b[1] && b[1] <= axes.top);
  }
});

test("on the ring every agent has its own angle within its community's span", () => {
  const { angles, spans } = anglesOf(5, [{ community: 0, from: 0, to: 3 }, { community: null, from: 3, to: 5 }]);
  assert.ok(angles.every((angle, i) => angle > (angles[i - 1] ?? 0) && angle < 2 * Math.PI));
  assert.ok(angles[2] < spans[0].to && spans[0].to < spans[1].from && spans[1].from < angles[3]);
});

test("a chord begins and ends at its agents", () => {
  const chord = [{ x: 0, y: 0 }, { x: 1, y: 4 }, { x: 5, y: 4 }, { x: 6, y: 0 }];
  assert.deepEqual([onChord(chord, 0), onChord(chord, 0.5), onChord(chord, 1)], [{ x: 0, y: 0 }, { x: 3, y: 3 }, { x: 6, y: 0 }]);
});

test("the edge pointed at is the nearest, an arc where it bends, and none where none is near", () => {
  const places = { a: { x: 0, y: 0 }, b: { x: 100, y: 0 }, c: { x: 0, y: 100 } };
  const edges = [edge("a", "b", "match", 1), edge("a", "b", "quote_proximity", 1), edge("a", "c", "quote_proximity", 1)];
  const at = (x, y) => nearestEdge(edges, (key) => places[key], { x, y });
  assert.deepEqual([at(50, 1), at(50, -9), at(1, 60), at(50, 50)], [edges[1], edges[0], edges[2], null]);
});

test("partners are those of match edges, most matches first", () => {
  const nodes = [1, 2, 3].map((agent_id) => ({ node_id: `n${agent_id}`, agent_id, name: agent_id === 3 ? "ann" : undefined }));
  const edges = [["n1", "n2", "match", 0.02], ["n3", "n1", "match", 0.05], ["n1", "n3", "quote_proximity", 0.5], ["n2", "n3", "match", 0.1]].map(([src, dst, type, w]) => ({ src, dst, type, w }));
  const frame = { window: { W: 100 }, nodes, edges };
  assert.deepEqual(partnersOf(frame, "1"), [{ agent: "3", name: "ann", count: 5 }, { agent: "2", name: "", count: 2 }]);
  assert.deepEqual(partnersOf(frame, "9"), []);
});

test("beside the matrix a name is as long as has room, and its number stays", () => {
  const scene = /** @type {any} */ ({ everyone: new Map([["7", { name: "fundamentalist-12" }]]) });
  const fitted = (/** @type {number} */ room) => fitting((longest) => labelFor(scene, "7", longest), (words) => 6 * words.length, room);
  assert.deepEqual([200, 100, 60, 0].map(fitted), ["fundamentalist-12", "fundamentali…-12", "fundam…-12", "fun…"]);
});
