import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyCourse } from "../../streaming/static/streaming/charts/course.js";

globalThis.matchMedia = () => ({ addEventListener() {}, matches: false });
globalThis.ResizeObserver = class { observe() {} };
globalThis.requestAnimationFrame = () => 0;
globalThis.document = { documentElement: { lang: "en" }, getElementById: () => null };
const { TimelineView } = await import("../../streaming/static/streaming/charts/timeline-view.js");

/** As much of a page as a timeline needs, one pixel wide. */
function element() {
  const heard = {};
  return {
    heard, clientWidth: 0, setAttribute() {}, setPointerCapture() {}, getBoundingClientRect: () => ({ left: 0 }),
    addEventListener: (name, hear) => (heard[name] = hear),
  };
}

/** A timeline of a recording up to `last`, of which a part is seen, with the playhead at t. */
function timeline(last, t, part) {
  const slider = element();
  const view = new TimelineView(slider, element(), { onSeek() {}, onLoop() {}, onView() {} });
  const show = (t, to) => view.show({ whole: { from: 0, to }, t, course: emptyCourse(), runs: [], gaps: [], unsummed: [], events: [], loop: null, charted: null, tsAt: () => null });
  show(t, last);
  view.zoomTo(part, { from: 0, to: last });
  show(t, last);
  /** A drawing while the playhead runs. */
  const draw = (t, to = t) => (view.follow(t), show(t, to));
  const pan = (share) => slider.heard.wheel({ deltaX: share, deltaY: 0, preventDefault() {} });
  return { view, draw, pan, heard: slider.heard };
}

const press = { button: 0, clientX: 0, shiftKey: true, pointerId: 1 };

test("the newest ticks stay in view after a hidden tab or a slow drawing, however far the market went on", () => {
  for (const stall of [1, 300, 301, 5000]) {
    const { view, draw } = timeline(10_000, 10_000, 600);
    draw(10_001);
    for (const t of [10_001 + stall, 10_002 + stall]) draw(t);
    assert.deepEqual(view.view, { from: 9402 + stall, to: 10_002 + stall }, String(stall));
  }
});

test("whoever goes to the present from the past follows it, also where it moved on before it was drawn", () => {
  const { view, draw } = timeline(10_000, 2000, { from: 1700, to: 2300 });
  view.reveal(10_000);
  for (const t of [10_001, 10_002]) draw(t);
  assert.deepEqual(view.view, { from: 9402, to: 10_002 });
  view.zoomTo({ from: 1700, to: 2300 }, { from: 0, to: 10_002 });
  view.reveal(10_005);
  assert.deepEqual(view.view, { from: 9405, to: 10_005 }, "beyond what was drawn last");
});

test("an address with the newest ticks is followed from the first drawing on", () => {
  const view = new TimelineView(element(), element(), { onSeek() {}, onLoop() {}, onView() {} });
  view.zoomTo(600, { from: 0, to: 10_000 });
  view.follow(10_001);
  assert.deepEqual(view.view, { from: 9401, to: 10_001 });
});

test("the part that an address names stays, wherever the playhead was or is", () => {
  const { view, draw } = timeline(10_000, 10_000, 600);
  view.reveal(5000);
  view.zoomTo({ from: 1000, to: 2000 }, { from: 0, to: 10_000 });
  draw(5000, 10_000);
  assert.deepEqual(view.view, { from: 1000, to: 2000 });
});

test("whoever pans away looks at something else, until the playhead is seen again or sought", () => {
  const { view, draw, pan } = timeline(10_000, 10_000, 600);
  pan(-1);
  const away = view.view;
  for (const t of [10_001, 10_400, 20_000]) draw(t);
  assert.deepEqual([away, view.view], [{ from: 8800, to: 9400 }, away]);
  pan(100);
  for (const t of [20_001, 20_002]) draw(t);
  assert.equal(view.view.to, 20_002);
  pan(-1);
  draw(20_003);
  view.reveal(20_003);
  draw(20_004);
  assert.equal(view.view.to, 20_004);
});

test("a playhead that leaps, at the end of a loop or over a gap, is followed there and back", () => {
  const { view, draw } = timeline(10_000, 2000, { from: 1700, to: 2300 });
  for (const t of [2290, 6000, 6001, 2000, 2001]) {
    draw(t, 10_000);
    assert.ok(view.view.from <= t && t <= view.view.to, String(t));
  }
});

test("under a hand the timeline stands still, and goes along again once that is gone", () => {
  const { view, draw, heard } = timeline(10_000, 10_000, 600);
  heard.pointerdown(press);
  for (const t of [10_001, 10_002, 10_500]) draw(t);
  assert.deepEqual(view.view, { from: 9400, to: 10_000 });
  heard.pointerup(press);
  for (const t of [10_501, 10_502]) draw(t);
  assert.equal(view.view.to, 10_502);
});
