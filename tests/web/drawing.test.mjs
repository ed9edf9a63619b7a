import assert from "node:assert/strict";
import { test } from "node:test";
import { inkOn, premultiplied, shade, withAlpha } from "../../streaming/static/streaming/page/colors.js";
import { pathOf } from "../../streaming/static/streaming/charts/sparkline.js";
import { drawHover } from "../../streaming/static/streaming/graph/graph-labels.js";
import { labelsOf } from "../../streaming/static/streaming/graph/label-places.js";
import { filled } from "../../streaming/static/streaming/state/texts.js";

test("a scale goes through its stops", () => {
  const stops = ["#000000", "#808080", "#ffffff"];
  assert.deepEqual([-1, 0, 0.25, 0.5, 1, 2].map((share) => shade(stops, share)), ["#000000", "#000000", "#404040", "#808080", "#ffffff", "#ffffff"]);
});

test("colours get an alpha, multiplied into them where WebGL wants that", () => {
  assert.equal(withAlpha("#ff8000", 0.5), "rgba(255, 128, 0, 0.5)");
  for (let i = 0; i < 2; i++) {
    assert.equal(premultiplied("#ff8000", 0.5), "rgba(128, 64, 0, 0.5)");
    assert.equal(premultiplied("#ff8000", 1), "rgba(255, 128, 0, 1)");
    assert.equal(premultiplied("#0080ff", 0.5), "rgba(0, 64, 128, 0.5)");
  }
});

test("a sparkline spans its box; what does not change lies in the middle", () => {
  const size = { width: 10, height: 4 };
  assert.equal(pathOf([0, 5, 10], [1, 3, 2], size), "M0.0 4.0L5.0 0.0L10.0 2.0");
  assert.equal(pathOf([0, 10], [7, 7], size), "M0.0 2.0L10.0 2.0");
  assert.equal(pathOf([3], [7], size), "");
});

test("texts get their values; one that is not given stays visible", () => {
  assert.equal(filled("{from} to {to}", { from: 1, to: "2" }), "1 to 2");
  assert.equal(filled("{missing}", {}), "{missing}");
});

test("ink is read on every shade of every scale", () => {
  const luminance = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => (Math.max(luminance(a), luminance(b)) + 0.05) / (Math.min(luminance(a), luminance(b)) + 0.05);
  for (const stops of [["#45538a", "#3f87a6", "#63bd9a", "#f4e37a"], ["#7f9fd8", "#3c86b5", "#1f6577", "#10304a"], ["#000000", "#ff0000", "#0000ff", "#ffffff"]]) {
    for (let i = 0; i <= 64; i++) {
      const fill = shade(stops, i / 64);
      assert.ok(contrast(fill, inkOn(fill)) > 4.5, `${fill}: ${contrast(fill, inkOn(fill))}`);
    }
  }
});

const agent = (node) => ({ key: "1", x: 200, y: 200, size: 15, scale: 1, label: "123", name: "", ink: "#000000", ...node });
const written = (...agents) => labelsOf(agents, { width: 400, height: 400 }, (words) => 6 * words.length).map(({ words, x, y }) => [words, x, y]);

test("a number stands in its circle if it can be read there, else beside it, and a name always beside", () => {
  assert.deepEqual(written(agent({})), [["123", 200, 200.5]]);
  assert.deepEqual(written(agent({ size: 10 })), [["123", 200, 200.5]], "three digits are no blank circle");
  assert.deepEqual(written(agent({ size: 3 })), [["123", 205, 200]]);
  assert.deepEqual(written(agent({ name: "maker-7" })), [["maker-7", 217, 200]]);
  assert.deepEqual(written(agent({ size: 3, label: "0x48b1e5a0c0ffee1234" })), [["0x48b1e5a…1234", 205, 200]]);
  assert.deepEqual(written(agent({ label: "" })), []);
  assert.deepEqual(written(agent({ name: "maker-7", named: true })), [], "it has its name above it");
});

test("words lie neither over other words nor over other circles, nor out of the picture, and the largest agents have them", () => {
  const named = (key, x, y, more = {}) => agent({ key, x, y, name: `maker-${key}`, ...more });
  const words = (...agents) => written(...agents).map(([told]) => told);
  assert.deepEqual(written(named("1", 200, 200), named("2", 240, 200, { size: 14 })).map(([told, x]) => [told, x < 200]), [["maker-1", true], ["maker-2", false]], "at the left is room");
  assert.deepEqual(words(named("1", 200, 200), named("2", 201, 206, { size: 14 }), named("3", 200, 206, { size: 13 })).length < 3, true);
  assert.deepEqual(written(named("1", 380, 200)).map(([, x]) => x < 380), [true], "the right end of the picture is near");
  const crowd = Array.from({ length: 500 }, (_, i) => named(String(i), (i % 25) * 16, Math.floor(i / 25) * 20, { size: 3 + (i % 7) / 7 }));
  const boxes = written(...crowd).map(([told, x, y]) => ({ left: x, right: x + 6 * told.length, top: y - 6, bottom: y + 6 }));
  assert.ok(boxes.length > 5 && boxes.length <= 40);
  for (const one of boxes) for (const other of boxes) assert.ok(one === other || one.right <= other.left || other.right <= one.left || one.bottom <= other.top || other.bottom <= one.top);
  assert.equal(words(...crowd, named("999", 200, 200, { size: 2, wanted: true }))[0], "maker-999", "what is wanted comes first");
  assert.ok(words(...crowd.map((one, i) => (i % 5 ? one : { ...one, size: 1 }))).every((told) => Number(told.slice(6)) % 5), "nobody sees whose name it is that stands among dots");
  assert.equal(labelsOf([named("1", 30, 200)], { left: 58, width: 85, height: 400 }, () => 40).length, 0, "the marks at the left stay legible");
  assert.deepEqual(words(named("1", 200, 200, { named: true }), named("2", 200, 178, { size: 2 })), [], "not over the name of who is pointed at");
});

test("the name above who is pointed at is whole at the picture's sides", () => {
  const middles = [];
  const known = { fillText: (words, x) => middles.push(x), measureText: (words) => ({ width: 6 * words.length }) };
  const context = new Proxy(known, { get: (held, name) => held[name] ?? (() => {}), set: () => true });
  for (const x of [3, 200, 395]) drawHover(() => ({}), () => 400)(context, { x, y: 100, size: 10, name: "fundamentalist-12" });
  assert.deepEqual(middles, [53, 200, 347]);
  const [[, left]] = written(agent({ x: 395, name: "a name that goes far", named: true }), agent({ key: "2", x: 250, y: 178, size: 2, name: "maker-2", wanted: true }));
  assert.ok(left < 250, "others leave it that room");
});
