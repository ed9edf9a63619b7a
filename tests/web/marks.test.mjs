import assert from "node:assert/strict";
import { test } from "node:test";
import { drawMarks } from "../../streaming/static/streaming/charts/marks.js";

globalThis.document = { getElementById: () => ({ textContent: JSON.stringify({ unsummed: "not yet", gap: "nothing" }) }) };

/** What is written on a chart of 400 by 100 pixels, of t = 0 to 400, and the boxes that are filled. */
function drawn(marks) {
  const [words, boxes] = [[], []];
  const known = { fillText: (told) => words.push(told), fillRect: (...box) => boxes.push(box), measureText: (told) => ({ width: 5 * told.length }) };
  const ctx = new Proxy(known, { get: (held, name) => held[name] ?? (() => {}), set: () => true });
  const plot = { ctx, bbox: { left: 0, top: 0, width: 400, height: 100 }, valToPos: (t) => t };
  drawMarks(plot, { from: 0, to: 400 }, { events: [], gaps: [], borders: [], ...marks }, new Proxy({}, { get: () => "#808080" }), 1);
  return { words, boxes };
}

test("where nothing was recorded, or nothing is summed up yet, a chart says so if there is room", () => {
  assert.deepEqual(drawn({ gaps: [{ from_t: 50, to_t: 150 }], unsummed: [{ from_t: 200, to_t: 390 }] }).words, ["not yet", "nothing"]);
  assert.deepEqual(drawn({ gaps: [{ from_t: 50, to_t: 60 }, { from_t: 500, to_t: 900 }], unsummed: [{ from_t: 70, to_t: 80 }] }).words, []);
});

test("a few events are lines, a great many short marks that leave the series to be seen", () => {
  const events = (count) => Array.from({ length: count }, (_, i) => ({ t: (i * 400) / count, to: (i * 400) / count, what: "shock" }));
  assert.deepEqual(drawn({ events: events(4) }).boxes.map(([, , , height]) => height), [100, 100, 100, 100]);
  const { boxes } = drawn({ events: events(400) });
  assert.ok(boxes.length <= 100 && boxes.every(([, , , height]) => height < 10));
});
