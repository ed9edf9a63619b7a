import assert from "node:assert/strict";
import { test } from "node:test";
import { inkOn, premultiplied, shade, withAlpha } from "../../streaming/static/streaming/page/colors.js";
import { pathOf } from "../../streaming/static/streaming/charts/sparkline.js";
import { drawLabel } from "../../streaming/static/streaming/graph/graph-labels.js";
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

test("a number stands in its circle if it can be read there, else beside it, and a name always beside", () => {
  const written = (node) => {
    const texts = [];
    const draw = drawLabel(() => ({ ink: "#000000", panel: "#ffffff" }));
    draw({ fillText: (text, x) => texts.push([text, x]), strokeText: () => {} }, { x: 50, y: 50, label: "123", ...node });
    return texts;
  };
  assert.deepEqual(written({ size: 15 }), [["123", 50]]);
  assert.deepEqual(written({ size: 10 }), [["123", 50]], "three digits are no blank circle");
  assert.deepEqual(written({ size: 3 }), [["123", 55]]);
  assert.deepEqual(written({ size: 15, name: "maker-7" }), [["maker-7", 67]]);
  assert.deepEqual(written({ size: 3, label: "0x48b1e5a0c0ffee" }), [["0x48b1e5a0c…", 55]]);
  assert.deepEqual(written({ size: 3, label: "" }), []);
});
