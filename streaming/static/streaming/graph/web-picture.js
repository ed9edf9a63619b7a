/** Owns drawing on a canvas what sigma shows by WebGL, so that it can be saved. */

import { controlOf } from "./edge-picking.js";
import { drawChanges, drawLabels } from "./graph-labels.js";

/** @typedef {import("sigma").default} Sigma */

/** Sigma keeps colours premultiplied by their alpha; a canvas wants them as they are. @param {string} colour `#rrggbb` or `rgba(r, g, b, a)` */
export function straight(colour) {
  const parts = /^rgba\((.+)\)$/.exec(colour)?.[1].split(",").map(Number);
  if (!parts) return colour;
  const [r, g, b, alpha] = parts;
  const whole = (/** @type {number} */ value) => Math.min(255, Math.round(alpha ? value / alpha : 0));
  return `rgba(${whole(r)}, ${whole(g)}, ${whole(b)}, ${alpha})`;
}

/** Those that are to be seen, the foremost last. @param {string[]} keys @param {(key: string) => any} displayed a copy @returns {any[]} display data, each with its key */
function seen(keys, displayed) {
  const all = keys.map((key) => Object.assign(displayed(key), { key }));
  return all.filter(({ hidden, color }) => !hidden && color).sort((a, b) => a.zIndex - b.zIndex);
}

/** What is written and marked over the circles. @param {CanvasRenderingContext2D} context @param {Sigma} sigma @param {Record<string, string>} palette @param {{left: number, below: number}} rim that has words already, in pixels */
export function drawMarks(context, sigma, palette, rim) {
  const agents = circlesOf(sigma);
  const { width, height } = sigma.getDimensions();
  drawChanges(context, agents, palette);
  drawLabels(context, agents, { left: rim.left, width, height: height - rim.below }, palette);
}

/** The circles in pixels, the foremost last. @param {Sigma} sigma @returns {any[]} */
function circlesOf(sigma) {
  const scale = sigma.scaleSize(1);
  const nodes = seen(sigma.getGraph().nodes(), (key) => sigma.getNodeDisplayData(key));
  // The copies are ours; others of a thousand agents at every drawing would be felt.
  for (const node of nodes) Object.assign(node, sigma.framedGraphToViewport(node), { size: node.size * scale, label: node.number });
  return nodes;
}

/** @param {CanvasRenderingContext2D} context @param {Sigma} sigma @param {Record<string, string>} palette @param {{left: number, below: number}} rim as for `drawMarks` */
export function drawWeb(context, sigma, palette, rim) {
  const graph = sigma.getGraph();
  const at = (/** @type {string} */ key) => sigma.framedGraphToViewport(/** @type {any} */ (sigma.getNodeDisplayData(key)));
  for (const edge of seen(graph.edges(), (key) => sigma.getEdgeDisplayData(key))) drawEdge(context, edge, at(graph.source(edge.key)), at(graph.target(edge.key)), sigma.scaleSize(edge.size));
  context.setLineDash([]);
  const nodes = circlesOf(sigma);
  for (const { x, y, size, color, change } of nodes) {
    if (change === "left") continue;
    context.fillStyle = straight(color);
    context.beginPath();
    context.arc(x, y, size, 0, 2 * Math.PI);
    context.fill();
  }
  const settings = sigma.getSettings();
  for (const node of nodes.filter(({ highlighted }) => highlighted)) settings.defaultDrawNodeHover(context, node, settings);
  drawMarks(context, sigma, palette, rim);
}

/** @param {CanvasRenderingContext2D} context @param {any} edge @param {import("./edge-picking.js").Point} a @param {import("./edge-picking.js").Point} b @param {number} width */
function drawEdge(context, { color, curvature = 0, type }, a, b, width) {
  context.strokeStyle = straight(color);
  context.lineWidth = width;
  context.setLineDash(type === "lost" ? [6, 4] : []);
  context.beginPath();
  context.moveTo(a.x, a.y);
  const control = controlOf(a, b, curvature);
  if (curvature) context.quadraticCurveTo(control.x, control.y, b.x, b.y);
  else context.lineTo(b.x, b.y);
  context.stroke();
}
