import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyCourse } from "../../streaming/static/streaming/charts/course.js";
import { INSET, TimelinePainter } from "../../streaming/static/streaming/charts/timeline-painter.js";

globalThis.document = { getElementById: () => ({ textContent: JSON.stringify({ unsummed: "not yet" }) }) };

/** Paints a timeline of 100 pixels, of t = 0 to 82, and gives back what is written, the boxes that are filled, and whether its scale is on its way. */
function painted(more, painter = new TimelinePainter(), calm = true) {
  const [words, boxes] = [[], []];
  const known = { fillText: (...told) => words.push(told), fillRect: (...box) => boxes.push(box), measureText: (told) => ({ width: 5 * told.length }) };
  const context = new Proxy(known, { get: (held, name) => held[name] ?? (() => {}), set: () => true });
  const view = { from: 0, to: 82 };
  const scene = { whole: view, course: emptyCourse(), runs: [], gaps: [], unsummed: [], events: [], loop: null, charted: null, t: 0, tsAt: () => null, ...more };
  const palette = new Proxy({}, { get: () => "#808080" });
  const moving = painter.paint(context, { scene, view, zoomed: false, hoverX: null, width: 100, calm, palette });
  return { words: words.map(([told]) => told), boxes, moving };
}

const course = (low, high) => ({ size: 1, from: [0, 1], to: [0, 1], values: { price: { mean: [low, high], min: [low, low], max: [high, high] } } });

test("the scale comes to rest, of a flat price too", () => {
  for (const [low, high] of [[4.5, 5], [5, 5], [0, 0], [0.3, 0.1 + 0.2], [1e-8, 1e-8], [50_000, 50_000]]) {
    const painter = new TimelinePainter();
    painted({ course: course(40_000, 60_000) }, painter, false);
    let drawings = 1;
    while (drawings < 1000 && painted({ course: course(low, high) }, painter, false).moving) drawings += 1;
    assert.ok(drawings > 5 && drawings < 200, `${low} to ${high}: ${drawings}`);
    assert.equal(painted({ course: course(low, high) }, painter, false).moving, false);
  }
});

test("what is recorded and not summed up yet is veiled, and said where there is room for it", () => {
  const { words, boxes } = painted({ unsummed: [{ from_t: 10, to_t: 60 }] });
  assert.ok(words.includes("not yet"));
  assert.ok(boxes.some(([left, , width]) => left === INSET + 10 && width === 50));
  const narrow = painted({ unsummed: [{ from_t: 10, to_t: 12 }, { from_t: 100, to_t: 300 }] });
  assert.ok(!narrow.words.includes("not yet"));
  assert.equal(narrow.boxes.length, boxes.length, "what is out of view is not painted");
});
