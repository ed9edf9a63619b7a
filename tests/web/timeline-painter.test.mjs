import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyCourse } from "../../streaming/static/streaming/charts/course.js";
import { INSET, TimelinePainter } from "../../streaming/static/streaming/charts/timeline-painter.js";

globalThis.document = { getElementById: () => ({ textContent: JSON.stringify({ unsummed: "not yet" }) }) };

/** What is written on a timeline of 100 pixels, of t = 0 to 82, and the boxes that are filled. */
function painted(more) {
  const [words, boxes] = [[], []];
  const known = { fillText: (...told) => words.push(told), fillRect: (...box) => boxes.push(box), measureText: (told) => ({ width: 5 * told.length }) };
  const context = new Proxy(known, { get: (held, name) => held[name] ?? (() => {}), set: () => true });
  const view = { from: 0, to: 82 };
  const scene = { whole: view, course: emptyCourse(), runs: [], gaps: [], unsummed: [], events: [], loop: null, charted: null, t: 0, tsAt: () => null, ...more };
  const palette = new Proxy({}, { get: () => "#808080" });
  new TimelinePainter().paint(context, { scene, view, zoomed: false, hoverX: null, width: 100, calm: true, palette });
  return { words: words.map(([told]) => told), boxes };
}

test("what is recorded and not summed up yet is veiled, and said where there is room for it", () => {
  const { words, boxes } = painted({ unsummed: [{ from_t: 10, to_t: 60 }] });
  assert.ok(words.includes("not yet"));
  assert.ok(boxes.some(([left, , width]) => left === INSET + 10 && width === 50));
  const narrow = painted({ unsummed: [{ from_t: 10, to_t: 12 }, { from_t: 100, to_t: 300 }] });
  assert.ok(!narrow.words.includes("not yet"));
  assert.equal(narrow.boxes.length, boxes.length, "what is out of view is not painted");
});
