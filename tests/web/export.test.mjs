import assert from "node:assert/strict";
import { test } from "node:test";
import { captionOf } from "../../streaming/static/streaming/charts/chart-picture.js";
import { csvOf } from "../../streaming/static/streaming/export/csv.js";
import { edgeRows, nodeRows } from "../../streaming/static/streaming/export/frame-rows.js";
import { SvgContext } from "../../streaming/static/streaming/export/svg-context.js";
import { xmlText } from "../../streaming/static/streaming/export/xml.js";

test("what a spreadsheet would run becomes text, and numbers stay numbers", () => {
  const rows = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "plain"].map((label) => ({ label, weight: -0.5 }));
  const cells = csvOf(rows, ["label", "weight"]).slice(1).trim().split("\r\n").slice(1);
  assert.deepEqual(cells, [`"'=1+1",-0.5`, `"'+1",-0.5`, `"'-1",-0.5`, `"'@SUM(A1)",-0.5`, `"'\tx",-0.5`, "plain,-0.5"]);
});

test("cells with commas, quotes and line ends are quoted, and a cell that is missing is empty", () => {
  assert.equal(csvOf([{ a: 'x,"y"\r\nz' }], ["a", "b"]), '\uFEFFa,b\r\n"x,""y""\r\nz",\r\n');
});

test("a frame's rows say ids, names and counts", () => {
  const node = (agent_id, name) => ({ node_id: `agent_${agent_id}_t0_9`, agent_id, name, features: { buy_count: 2 } });
  const frame = { nodes: [node(7), node(9, "maker")], edges: [{ src: "agent_7_t0_9", dst: "agent_9_t0_9", type: "match", w: 0.023333 }], window: { W: 300 } };
  assert.deepEqual(nodeRows(frame), [{ id: "7", label: "7", buy_count: 2 }, { id: "9", label: "maker", buy_count: 2 }]);
  assert.deepEqual(edgeRows(frame), [{ source: "7", target: "9", type: "match", weight: 0.023333, count: 7 }]);
});

test("text holds no markup, and nothing that XML cannot hold", () => {
  assert.equal(xmlText(`<a b="c">&\n`), "&lt;a b=&quot;c&quot;&gt;&amp;&#10;");
  assert.equal(xmlText("a\u0000\u001b\ud800b\udc00\uffff😀"), "a\ufffd\ufffd\ufffdb\ufffd\ufffd😀");
});

test("a context keeps what was drawn with the state it was drawn in", () => {
  const svg = new SvgContext(100, 50, "#ffffff", "a < b");
  svg.save();
  svg.translate(10, 20);
  svg.globalAlpha = 0.5;
  svg.fillStyle = "#ff0000";
  svg.fillRect(0, 0, 5, 5);
  svg.restore();
  svg.setLineDash([3, 2]);
  svg.beginPath();
  svg.moveTo(0, 0);
  svg.quadraticCurveTo(1, 2, 3.14159, 4);
  svg.stroke();
  const lines = svg.toString().split("\n");
  assert.equal(lines[2], "<title>a &lt; b</title>");
  assert.equal(lines[4], '<rect x="0" y="0" width="5" height="5" fill="#ff0000" opacity="0.5" transform="translate(10 20)"/>');
  assert.equal(lines[5], '<path d="M0 0Q1 2 3.14 4" fill="none" stroke="#000000" stroke-width="1" stroke-dasharray="3 2"/>');
});

test("a circle is closed by two halves, and a piece of one is as long as it is", () => {
  const svg = new SvgContext(10, 10, "#ffffff", "");
  svg.beginPath();
  svg.arc(5, 5, 2, 0, 2 * Math.PI);
  svg.fill();
  svg.beginPath();
  svg.arc(5, 5, 2, 0, Math.PI / 2);
  svg.stroke();
  const paths = svg.toString().split("\n").slice(4, 6).map((line) => /d="([^"]+)"/.exec(line)[1]);
  assert.deepEqual(paths, ["M7 5A2 2 0 0 1 3 5A2 2 0 0 1 7 5", "M7 5A2 2 0 0 1 6.41 6.41A2 2 0 0 1 5 7"]);
});

test("what lies outside a clip is marked as such until the state is restored", () => {
  const svg = new SvgContext(10, 10, "#ffffff", "");
  svg.save();
  svg.beginPath();
  svg.rect(1, 2, 3, 4);
  svg.clip();
  svg.fillRect(0, 0, 9, 9);
  svg.restore();
  svg.fillRect(0, 0, 1, 1);
  const [clip, within, free] = svg.toString().split("\n").slice(4);
  assert.equal(clip, '<clipPath id="clip1"><path d="M1 2h3v4h-3Z"/></clipPath>');
  assert.deepEqual([within, free].map((line) => /clip-path="url\(#clip1\)"/.test(line)), [true, false]);
});

test("above a saved chart each title stands with what it reads, apart from the next", () => {
  const part = (words, title) => ({ words, title });
  assert.equal(captionOf([part("\nAgents", true), part("74", false), part("Experience", true), part("0.680\n", false)]), "Agents 74 · Experience 0.680");
  assert.equal(captionOf([part("Price", true), part("", false), part("least to  greatest", true)]), "Price · least to greatest");
});
