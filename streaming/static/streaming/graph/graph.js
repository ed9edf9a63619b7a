/** Owns the picture of a frame: a sigma view whose agents keep their places from frame to frame. */

import { MultiUndirectedGraph } from "graphology";
import Sigma from "sigma";
import { ArcProgram } from "./arcs.js";
import { RIM, graphOf, passes, startPosition } from "./graph-model.js";
import { ALL_NUMBERED, drawHover, drawLabel } from "./graph-labels.js";
import { painter } from "../page/paint.js";
import { NodeAnimation, isFading } from "./node-animation.js";
import { inkOn, premultiplied, shade } from "../page/colors.js";
import { calmMotion, colours, onThemeChange, scaleOf } from "../page/theme.js";

/** What the view shows; its padding has room for the circles at the rim. */
const EXTENT = { x: /** @type {[number, number]} */ ([-RIM, RIM]), y: /** @type {[number, number]} */ ([-RIM, RIM]) };

/** What remains of an agent or edge that another agent's neighbourhood puts into the background. */
const FAINT = 0.12;

/** In a narrower picture agents are smaller, down to where their numbers can still be read. Pixels, and the least share. */
const FULL_SIZE_FROM = 480;
const SMALLEST_SHARE = 0.8;

/** Shades of an edge's colour: sigma remembers every colour that it was ever given. */
const SHADES = 64;

/** @typedef {import("./graph-model.js").EdgeLook} EdgeLook */
/** @typedef {{colourBy: "side" | "experience", filter: import("./graph-model.js").Filter}} Look */

/** @param {EdgeLook} look */
function edgeAttributes(look) {
  const match = look.kind === "match";
  return { ...look, type: match ? "match" : "line", curvature: match ? 0.18 : 0 };
}

export function canDraw() {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

export class GraphView {
  #graph = new MultiUndirectedGraph();
  #palette = colours();
  #nodeAnimation;
  #sigma;
  /** @type {Look} */ #look = { colourBy: "side", filter: { match: true, quote_proximity: true, leastStrength: 0 } };
  /** @type {string | null} */ #hovered = null;
  /** @type {string | null} */ #pinned = null;
  /** The agent pointed at, else the pinned one, if it is in the picture. @type {string | null} */ #centre = null;
  /** Those near it. @type {Set<string> | null} */ #near = null;

  /** @param {HTMLElement} container @param {{onPick?: (agent: string | null) => void}} [options] told which agent was clicked */
  constructor(container, { onPick = () => {} } = {}) {
    this.container = container;
    this.onPick = onPick;
    /** @type {Sigma | null} */
    this.#sigma = canDraw() ? this.#makeSigma() : null;
    this.#nodeAnimation = new NodeAnimation(this.#graph, painter((nowMs) => this.#move(nowMs)));
    onThemeChange(() => this.#recolour());
    new ResizeObserver(() => this.#sigma?.scheduleRender()).observe(container);
    container.dataset.drawn = String(this.#sigma !== null);
  }

  /** @param {import("../data/messages.js").Frame} frame */
  show(frame) {
    const { nodes, edges } = graphOf(frame);
    this.container.dataset.nodes = String(nodes.size);
    this.container.dataset.edges = String(edges.size);
    this.#replace(nodes, edges);
  }

  /** Empties the picture, for a moment that has no frame. */
  clear() {
    [this.container.dataset.nodes, this.container.dataset.edges] = ["0", "0"];
    this.#replace(new Map(), new Map());
  }

  /**
   * Goes over to another graph at once: sigma draws everything anew for each edge that is dropped from the one it watches.
   * @param {Map<string, import("./graph-model.js").NodeLook>} nodes @param {Map<string, EdgeLook>} edges
   */
  #replace(nodes, edges) {
    const graph = new MultiUndirectedGraph();
    const share = Math.min(Math.max(this.container.clientWidth / FULL_SIZE_FROM, SMALLEST_SHARE), 1);
    const crowded = nodes.size > ALL_NUMBERED;
    nodes.forEach((look, key) => graph.addNode(key, { ...this.#entering(key, { ...look, size: look.size * share }), crowded }));
    // Who left fades, and is left out of the graph after that: to drop one costs sigma as much as a new graph.
    this.#graph.forEachNode((key, attributes) => {
      if (!nodes.has(key) && isFading(/** @type {any} */ (attributes))) graph.addNode(key, { ...attributes, label: "", leaving: true, targetPresence: 0, targetSize: 0 });
    });
    edges.forEach((look, key) => graph.addUndirectedEdgeWithKey(key, look.source, look.target, edgeAttributes(look)));
    this.#graph = graph;
    // Sigma does not say that the agent pointed at has gone.
    if (this.#hovered !== null && !nodes.has(this.#hovered)) this.#point(null);
    this.#findNear();
    this.#nodeAnimation.take(graph);
  }

  /** Agents go first, since sigma draws everything at once when it is given a graph. @param {number} nowMs */
  #move(nowMs) {
    this.#nodeAnimation.step(nowMs, calmMotion());
    if (!this.#sigma) return;
    if (this.#sigma.getGraph() === this.#graph) this.#sigma.refresh({ partialGraph: { nodes: this.#graph.nodes() } });
    else this.#take(this.#sigma);
  }

  /** @param {Sigma} sigma */
  #take(sigma) {
    // Sigma keeps a number here for every agent it was ever shown, and forgets everything else of them.
    /** @type {any} */ (sigma).nodeProgramIndex = {};
    sigma.setGraph(this.#graph);
  }

  /** @param {Partial<Look>} look */
  dress(look) {
    this.#look = { ...this.#look, ...look };
    this.#findNear();
    this.#sigma?.refresh({ skipIndexation: true });
  }

  /** @param {string} agent */
  has(agent) {
    return this.#graph.hasNode(agent) && !this.#graph.getNodeAttribute(agent, "leaving");
  }

  /** Marks an agent and what is near it; null for none. @param {string | null} agent */
  pin(agent) {
    if (agent === this.#pinned) return;
    this.#pinned = agent;
    this.#findNear();
    this.#sigma?.refresh({ skipIndexation: true });
  }

  #makeSigma() {
    const finePointer = matchMedia("(pointer: fine)").matches;
    const sigma = new Sigma(this.#graph, this.container, {
      allowInvalidContainer: true,
      defaultDrawNodeLabel: drawLabel(() => this.#palette),
      defaultDrawNodeHover: drawHover(() => this.#palette),
      enableCameraPanning: finePointer,
      enableCameraZooming: finePointer,
      edgeProgramClasses: { match: ArcProgram },
      edgeReducer: (_, attributes) => this.#drawnEdge(/** @type {any} */ (attributes)),
      nodeReducer: (key, attributes) => this.#drawnNode(key, attributes),
      labelRenderedSizeThreshold: 0,
      minCameraRatio: 0.15,
      maxCameraRatio: 1.5,
      minEdgeThickness: 0.6,
      stagePadding: 22,
      zIndex: true,
    });
    sigma.setCustomBBox(EXTENT);
    // Touches are the page's, to scroll and to zoom it; a tap arrives as a click.
    sigma.getTouchCaptor().enabled = false;
    sigma.on("enterNode", ({ node }) => this.#hover(node));
    sigma.on("leaveNode", () => this.#hover(null));
    sigma.on("clickNode", ({ node }) => this.onPick(node));
    sigma.on("clickStage", () => this.onPick(null));
    for (const canvas of Object.values(sigma.getCanvases())) {
      canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
      canvas.addEventListener("webglcontextrestored", () => this.#remake(sigma));
    }
    return sigma;
  }

  /** With its context a canvas loses all that sigma had put there: another view goes on from where it was. @param {Sigma} lost */
  #remake(lost) {
    if (this.#sigma !== lost) return;
    const camera = lost.getCamera().getState();
    lost.kill();
    this.#sigma = this.#makeSigma();
    this.#sigma.getCamera().setState(camera);
  }

  /** @param {string | null} agent */
  #hover(agent) {
    this.#point(agent);
    this.#findNear();
    this.#sigma?.refresh({ skipIndexation: true });
  }

  /** @param {string | null} agent */
  #point(agent) {
    this.#hovered = agent;
    this.container.classList.toggle("pointing", agent !== null);
  }

  /** Neighbours along the edges that are to be seen. */
  #findNear() {
    const centre = [this.#hovered, this.#pinned].find((agent) => agent !== null && this.has(agent)) ?? null;
    this.#centre = centre;
    if (centre === null) return (this.#near = null);
    const near = new Set([centre]);
    this.#graph.forEachEdge(centre, (_, edge, source, target) => {
      if (passes(/** @type {EdgeLook} */ (edge), this.#look.filter)) near.add(source).add(target);
    });
    this.#near = near;
  }

  /** @param {string} key @param {any} attributes */
  #drawnNode(key, attributes) {
    const { x, y, size, label, name, crowded, side, experience, presence } = attributes;
    const colour = this.#look.colourBy === "side" ? this.#palette[side] : shade(scaleOf(this.#palette), Math.round(experience * SHADES) / SHADES);
    const far = this.#near !== null && !this.#near.has(key);
    return {
      x,
      y,
      size,
      beside: crowded,
      forceLabel: !crowded || (this.#near !== null && !far),
      color: premultiplied(colour, Math.round((far ? FAINT * presence : presence) * SHADES) / SHADES),
      ink: inkOn(colour),
      label: far ? "" : label,
      name,
      highlighted: key === this.#pinned,
      ringed: key === this.#pinned,
      zIndex: far ? 0 : 1,
    };
  }

  /** @param {any} attributes */
  #drawnEdge({ kind, strength, presence, type, curvature, source, target }) {
    const colour = this.#palette[kind === "match" ? "match" : "proximity"];
    const apart = this.#near !== null && source !== this.#centre && target !== this.#centre;
    // A match is an event of its own; to have quoted close once in a while is noise.
    const shown = kind === "match" ? strength : strength ** 1.5;
    const alpha = (0.06 + 0.8 * shown) * (this.#near && !apart ? Math.max(presence, 0.8) : presence) * (apart ? FAINT : 1);
    // In a crowd edges are thinner: without a graphics processor the pixels they cover are most of a drawing's cost.
    const width = 3.5 * shown * Math.min(1, 2 * presence);
    return {
      type,
      curvature,
      size: 0.5 + width,
      color: premultiplied(colour, Math.round(alpha * SHADES) / SHADES),
      hidden: !passes({ kind, strength }, this.#look.filter),
      zIndex: apart ? 0 : 1,
    };
  }

  /** A known agent goes on from where it stands. @param {string} key @param {import("./graph-model.js").NodeLook} look */
  #entering(key, { label, name, size, side, experience }) {
    const known = this.#graph.hasNode(key) ? this.#graph.getNodeAttributes(key) : { ...startPosition(key), size: 0, presence: 0 };
    return { ...known, label, name, targetSize: size, targetPresence: 1, side, experience, leaving: false };
  }

  #recolour() {
    this.#palette = colours();
    this.#sigma?.refresh({ skipIndexation: true });
  }
}
