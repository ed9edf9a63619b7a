/** Owns the picture of a frame: a sigma view whose agents keep their places from frame to frame. */

import { MultiUndirectedGraph } from "graphology";
// @ts-ignore The vendored file brings the curve program along, which the package's types do not know.
import Sigma, { createEdgeCurveProgram } from "sigma";
import { graphOf, startPosition } from "./graph-model.js";
import { drawHover, drawLabel } from "./graph-labels.js";
import { painter } from "./paint.js";
import { calmMotion, colours, onThemeChange, premultiplied } from "./theme.js";

/** Share of the remaining way that an agent goes in one drawing: it stands after a third of a second. */
const EASE = 0.25;
const ARRIVED = 0.002;

/** The layout keeps to the unit circle, seldom to its rim; the view always shows the same part, so the scale never jumps. */
const EXTENT = { x: /** @type {[number, number]} */ ([-0.92, 0.92]), y: /** @type {[number, number]} */ ([-0.92, 0.92]) };

export function canDraw() {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

export class GraphView {
  #graph = new MultiUndirectedGraph();
  #worker = new Worker(new URL("./layout-worker.js", import.meta.url), { type: "module" });
  #number = 0;
  /** @type {string[]} */ #asked = [];
  #palette = colours();
  #sigma;
  #draw;

  /** @param {HTMLElement} container */
  constructor(container) {
    this.container = container;
    this.#sigma = canDraw() ? this.#makeSigma() : null;
    this.#draw = painter(() => this.#ease());
    this.#worker.onmessage = ({ data }) => this.#arrange(data);
    onThemeChange(() => this.#recolour());
    container.dataset.drawn = String(this.#sigma !== null);
  }

  /** @param {import("./messages.js").Frame} frame */
  show(frame) {
    const { nodes, edges } = graphOf(frame);
    this.#graph.filterNodes((key) => !nodes.has(key)).forEach((key) => this.#graph.dropNode(key));
    this.#graph.filterEdges((key) => !edges.has(key)).forEach((key) => this.#graph.dropEdge(key));
    nodes.forEach((look, key) => this.#mergeNode(key, look));
    edges.forEach((look, key) => this.#graph.mergeEdgeWithKey(key, look.source, look.target, this.#edgeAttributes(look)));
    this.container.dataset.nodes = String(this.#graph.order);
    this.container.dataset.edges = String(this.#graph.size);
    this.#layOut();
    this.#draw();
  }

  #makeSigma() {
    const finePointer = matchMedia("(pointer: fine)").matches;
    const sigma = new Sigma(this.#graph, this.container, {
      allowInvalidContainer: true,
      defaultDrawNodeLabel: drawLabel(() => this.#palette),
      defaultDrawNodeHover: drawHover(() => this.#palette),
      // On a touch screen a finger on the graph scrolls the page.
      enableCameraPanning: finePointer,
      enableCameraZooming: finePointer,
      edgeProgramClasses: { match: createEdgeCurveProgram({ curvatureAttribute: "curvature" }) },
      labelRenderedSizeThreshold: 0,
      minCameraRatio: 0.2,
      maxCameraRatio: 1.5,
      minEdgeThickness: 0.6,
      stagePadding: 28,
    });
    sigma.setCustomBBox(EXTENT);
    return sigma;
  }

  /** @param {string} key @param {import("./graph-model.js").NodeLook} look */
  #mergeNode(key, look) {
    const { label, size, side } = look;
    const attributes = { label, targetSize: size, side, forceLabel: true, color: this.#palette[side] };
    if (this.#graph.hasNode(key)) this.#graph.mergeNodeAttributes(key, attributes);
    else this.#graph.addNode(key, { ...attributes, ...startPosition(key), size: 0 });
  }

  /** @param {import("./graph-model.js").EdgeLook} look */
  #edgeAttributes({ kind, strength, presence }) {
    const match = kind === "match";
    const colour = this.#palette[match ? "match" : "proximity"];
    return {
      kind,
      strength,
      presence,
      type: match ? "match" : "line",
      curvature: 0.18,
      size: 0.6 + 3 * strength,
      color: premultiplied(colour, (0.1 + 0.7 * strength) * presence),
    };
  }

  #recolour() {
    this.#palette = colours();
    this.#graph.updateEachNodeAttributes((_, attributes) => ({ ...attributes, color: this.#palette[attributes.side] }));
    this.#graph.updateEachEdgeAttributes((_, attributes) => ({ ...attributes, ...this.#edgeAttributes(/** @type {any} */ (attributes)) }));
  }

  #layOut() {
    this.#asked = this.#graph.nodes();
    const index = new Map(this.#asked.map((key, i) => [key, i]));
    const ends = new Uint32Array(2 * this.#graph.size);
    const weights = new Float32Array(this.#graph.size);
    let i = 0;
    this.#graph.forEachEdge((_, { strength }, source, target) => {
      ends.set([index.get(source) ?? 0, index.get(target) ?? 0], 2 * i);
      weights[i++] = strength;
    });
    this.#number += 1;
    this.#worker.postMessage({ number: this.#number, task: { keys: this.#asked, ends, weights } });
  }

  /** @param {{number: number, positions: Float32Array}} answer */
  #arrange({ number, positions }) {
    if (number !== this.#number) return;
    this.#asked.forEach((key, i) => {
      if (!this.#graph.hasNode(key)) return;
      this.#graph.mergeNodeAttributes(key, { targetX: positions[2 * i], targetY: positions[2 * i + 1] });
    });
    this.#draw();
  }

  /** One step of every agent towards its place and size, until all have arrived. */
  #ease() {
    const share = calmMotion() ? 1 : EASE;
    let farthest = 0;
    this.#graph.updateEachNodeAttributes((_, attributes) => {
      const { x, y, size, targetX = x, targetY = y, targetSize } = attributes;
      farthest = Math.max(farthest, Math.abs(targetX - x), Math.abs(targetY - y), Math.abs(targetSize - size) / 20);
      attributes.x = x + (targetX - x) * share;
      attributes.y = y + (targetY - y) * share;
      attributes.size = size + (targetSize - size) * share;
      return attributes;
    }, { attributes: ["x", "y", "size"] });
    if (farthest > ARRIVED) this.#draw();
  }
}
