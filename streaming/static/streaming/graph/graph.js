/** Owns the pictures that sigma draws, the web of forces and the plane: agents keep their places from frame to frame. */

import { MultiUndirectedGraph } from "graphology";
import Sigma from "sigma";
import { ArcProgram, DashedArcProgram } from "./arcs.js";
import { drawnEdge, edgeAttributes } from "./drawn-edge.js";
import { nearestEdge } from "./edge-picking.js";
import { drawHover } from "./graph-labels.js";
import { RIM, startPosition } from "./graph-model.js";
import { placesOfLeft } from "./left-places.js";
import { drawMarks, drawWeb } from "./web-picture.js";
import { NodeAnimation, isFading } from "./node-animation.js";
import { PlaneAxes, planePositions } from "./plane.js";
import { POOL } from "./pool.js";
import { FAINT, SHADES } from "./scene.js";
import { inkOn, premultiplied } from "../page/colors.js";
import { painter } from "../page/paint.js";
import { calmMotion } from "../page/theme.js";
import { text } from "../state/texts.js";

/** What the view shows; its padding has room for the circles at the rim. */
const EXTENT = { x: /** @type {[number, number]} */ ([-RIM, RIM]), y: /** @type {[number, number]} */ ([-RIM, RIM]) };
const PADDING = 22;

/** Agents stand within a circle; those outside have a corner of the picture. */
const POOL_PLACE = [0.6 * RIM, -0.95 * RIM];

/** Agents are of their usual size in a picture from this to that wide or high, smaller in a smaller one, down to where numbers can still be read, and larger in a larger. Pixels, and shares. */
const [USUAL_FROM, USUAL_TO, SMALLEST_SHARE, LARGEST_SHARE] = [480, 640, 0.8, 1.8];

/** Of an agent with more neighbours than this only some are named, as of all. */
const MOST_WANTED = 40;

/** So few agents are all named. */
const FEW = 30;

/** In the plane agents stand where they do, and cover each other less when they are smaller. */
const PLANE_SIZE = 0.65;

/** How near a centred agent is looked at: a share of the whole picture. */
const CENTRED_RATIO = 0.5;

/** Where the camera sees the whole picture. */
const WHOLE = { cameraState: { x: 0.5, y: 0.5, ratio: 1, angle: 0 } };

/** @typedef {import("./graph-model.js").EdgeLook} EdgeLook */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {{x: number, y: number}} Point pixels within the picture */
/** @typedef {{onPick: (agent: string | null) => void, onHover: (agent: string | null) => void, onEdge: (edge: EdgeLook | null, at: Point) => void}} Hooks */

export function canDraw() {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

export class GraphView {
  #graph = new MultiUndirectedGraph();
  #nodeAnimation;
  #sigma;
  #scale = 1;
  #axes;
  /** The agent that stays in the middle: until it is pinned no more, or somebody looks elsewhere. @type {string | null} */ #centred = null;

  /** @param {HTMLElement} container @param {Scene} scene @param {Hooks} hooks */
  constructor(container, scene, hooks) {
    this.container = container;
    this.scene = scene;
    this.hooks = hooks;
    this.#axes = new PlaneAxes(container, scene);
    /** @type {Sigma | null} */
    this.#sigma = canDraw() ? this.#makeSigma() : null;
    this.#nodeAnimation = new NodeAnimation(this.#graph, painter((nowMs) => this.#move(nowMs)));
    this.resize();
  }

  get #seen() {
    return this.scene.look.view === "force" || this.scene.look.view === "plane";
  }

  get drawn() {
    return this.#sigma !== null;
  }

  /** Whether nobody is on the way to a place. */
  get still() {
    return this.#nodeAnimation.still;
  }

  /** The box has another size. */
  resize() {
    const side = Math.min(this.container.clientWidth, this.container.clientHeight);
    this.#scale = Math.min(Math.max(side / USUAL_FROM, SMALLEST_SHARE), Math.max(1, Math.min(side / USUAL_TO, LARGEST_SHARE)));
    this.#sigma?.resize();
    this.place();
    this.refresh();
  }

  /**
   * Goes over to the scene's graph at once: sigma draws everything anew for each edge that is dropped from the one it watches.
   */
  show() {
    const { graph: { edges }, everyone: nodes } = this.scene;
    const graph = new MultiUndirectedGraph();
    nodes.forEach((look, key) => graph.addNode(key, this.#entering(key, look)));
    // Who left fades, and is left out of the graph after that: to drop one costs sigma as much as a new graph.
    this.#graph.forEachNode((key, attributes) => {
      if (!nodes.has(key) && isFading(/** @type {any} */ (attributes))) graph.addNode(key, { ...attributes, label: "", leaving: true, targetPresence: 0, targetSize: 0 });
    });
    // Sigma asks its tables for each edge several times a drawing, and finds a number in them sooner than a name.
    [...edges.values(), ...this.scene.allLost].forEach((look, i) => graph.addUndirectedEdgeWithKey(i, look.source, look.target, edgeAttributes(look)));
    this.#graph = graph;
    this.#nodeAnimation.take(graph);
    this.place();
  }

  /** Sends agents to the places that the layout found. @param {string[]} keys @param {ArrayLike<number>} positions x, y of each */
  arrange(keys, positions) {
    if (this.scene.look.view !== "force") return;
    this.#nodeAnimation.send(keys, positions);
    const left = placesOfLeft(this.scene.left, this.scene.allLost, keys, positions);
    this.#nodeAnimation.send([...left.keys()], [...left.values()].flat());
    this.#keepCentred();
  }

  /** Puts the agents of the plane to their places, and the pool to its own. */
  place() {
    const { look, everyone } = this.scene;
    this.#nodeAnimation?.send([POOL], POOL_PLACE);
    if (look.view !== "plane" || !this.#sigma) return;
    const { keys, positions, axes } = planePositions(everyone, look.height, this.#reach(this.#sigma));
    this.#axes.take(axes);
    this.#nodeAnimation.send(keys, positions);
    this.#keepCentred();
  }

  /** Draws anew what colours, filters and the agent looked at change; a graph that sigma has yet to take is drawn then. */
  refresh() {
    if (this.#sigma?.getGraph() === this.#graph) this.#sigma.refresh({ skipIndexation: true });
  }

  /** Draws what is seen elsewhere too. @param {CanvasRenderingContext2D} context */
  drawOn(context) {
    if (!this.#sigma) return;
    this.#axes.drawOn(context, this.#sigma);
    drawWeb(context, this.#sigma, this.scene.palette, this.#axes.rim);
  }

  /** Shows the whole picture. */
  fit() {
    this.#centred = null;
    this.#sigma?.getCamera().animate(WHOLE.cameraState, { duration: calmMotion() ? 0 : 200 });
  }

  /** Brings an agent to the middle, and keeps it there. @param {string} agent */
  centre(agent) {
    this.#centred = agent;
    this.#lookAt(agent, CENTRED_RATIO);
  }

  /** The agent in the middle has another place. */
  #keepCentred() {
    if (this.#centred !== this.scene.pinned) this.#centred = null;
    if (this.#centred !== null) this.#lookAt(this.#centred);
  }

  /** Where it will stand, not where it is on its way there. @param {string} agent @param {number} [ratio] the camera's at most */
  #lookAt(agent, ratio = Infinity) {
    if (!this.#sigma || !this.#graph.hasNode(agent)) return;
    const { x, y, targetX = x, targetY = y } = this.#graph.getNodeAttributes(agent);
    const [sigma, camera] = [this.#sigma, this.#sigma.getCamera()];
    const at = sigma.viewportToFramedGraph(sigma.graphToViewport({ x: targetX, y: targetY }, WHOLE), WHOLE);
    const state = { x: at.x, y: at.y, ratio: Math.min(camera.ratio, ratio) };
    if (calmMotion()) camera.setState(state);
    else camera.animate(state, { duration: 300 });
  }

  /** How far the picture reaches from its middle to each side, in the graph's unit. @param {Sigma} sigma */
  #reach(sigma) {
    const { width, height } = sigma.getDimensions();
    const [left, right] = [{ x: 0, y: height }, { x: width, y: 0 }].map((corner) => sigma.viewportToGraph(corner, WHOLE));
    const unit = (right.x - left.x) / Math.max(width, 1);
    return { x: right.x, y: right.y, unit };
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

  /** @returns {Sigma} */
  #makeSigma() {
    const finePointer = matchMedia("(pointer: fine)").matches;
    const sigma = new Sigma(this.#graph, this.container, {
      allowInvalidContainer: true,
      defaultDrawNodeHover: drawHover(() => this.scene.palette, () => this.#sigma?.getDimensions().width ?? 0),
      enableCameraPanning: finePointer,
      enableCameraZooming: finePointer,
      edgeProgramClasses: { match: ArcProgram, lost: DashedArcProgram },
      edgeReducer: (_, attributes) => drawnEdge(this.scene, /** @type {any} */ (attributes)),
      nodeReducer: (key, attributes) => this.#drawnNode(key, attributes),
      // Its own would lie over each other and over circles.
      renderLabels: false,
      minCameraRatio: 0.15,
      maxCameraRatio: 1.5,
      minEdgeThickness: 0.6,
      stagePadding: PADDING,
      zIndex: true,
    });
    sigma.setCustomBBox(EXTENT);
    // Touches are the page's, to scroll and to zoom it; a tap arrives as a click.
    sigma.getTouchCaptor().enabled = false;
    // Whoever moves the picture looks elsewhere.
    for (const name of /** @type {const} */ (["downStage", "downNode", "wheelStage", "wheelNode"])) sigma.on(name, () => void (this.#centred = null));
    sigma.on("enterNode", ({ node }) => this.hooks.onHover(node));
    sigma.on("leaveNode", () => {
      // Where the pointer leaves the picture sigma tells of it and still holds the agent, and would not tell that the same is pointed at again.
      /** @type {any} */ (sigma).hoveredNode = null;
      this.hooks.onHover(null);
    });
    sigma.on("clickNode", ({ node }) => this.hooks.onPick(node === POOL ? null : node));
    sigma.on("clickStage", () => this.hooks.onPick(null));
    // Sigma hears of the pointer wherever it is, also while another view is to be seen.
    sigma.on("moveBody", ({ event }) => this.#seen && this.hooks.onEdge(this.scene.hovered === null ? this.#edgeAt(sigma, event) : null, event));
    const marks = /** @type {CanvasRenderingContext2D} */ (sigma.getCanvases().labels.getContext("2d"));
    sigma.on("afterRender", () => (this.#axes.draw(sigma), drawMarks(marks, sigma, this.scene.palette, this.#axes.rim)));
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

  /** @param {Sigma} sigma @param {Point} at */
  #edgeAt(sigma, at) {
    const place = (/** @type {string} */ key) => sigma.graphToViewport(/** @type {any} */ (this.#graph.getNodeAttributes(key)));
    return nearestEdge(this.scene.drawn, place, at);
  }

  /** @param {string} key @param {any} attributes */
  #drawnNode(key, { x, y, size, label, name, presence, leaving, change }) {
    const { near, pinned, hovered, look, everyone } = this.scene;
    const radius = size * this.#scale * (look.view === "plane" ? PLANE_SIZE : 1);
    const colour = this.scene.colourOf(key);
    const far = near !== null && !near.has(key);
    const alpha = Math.round((far ? FAINT * presence : presence) * SHADES) / SHADES;
    return {
      x,
      y,
      size: radius,
      scale: this.#scale,
      wanted: everyone.size <= FEW || (near !== null && !far && near.size <= MOST_WANTED),
      // Of who left there is the place alone.
      color: premultiplied(colour, change === "left" ? 0 : alpha),
      change: far || leaving ? undefined : change,
      ink: change === "left" ? this.scene.palette.lost : inkOn(colour),
      // Not as its label: sigma would look for a place for each.
      number: key === POOL ? text("pool") : far || leaving ? "" : label,
      name,
      highlighted: key === pinned,
      ringed: key === pinned,
      named: key === pinned || key === hovered,
      zIndex: far ? 0 : 1,
      hidden: look.view === "plane" && key === POOL,
    };
  }

  /** A known agent goes on from where it stands. @param {string} key @param {import("./graph-model.js").NodeLook} look */
  #entering(key, { label, name, size, change }) {
    const start = key === POOL ? { x: POOL_PLACE[0], y: POOL_PLACE[1] } : startPosition(key);
    const known = this.#graph.hasNode(key) ? this.#graph.getNodeAttributes(key) : { ...start, size: 0, presence: 0 };
    return { ...known, label, name, change, targetSize: size, targetPresence: 1, leaving: false };
  }
}
