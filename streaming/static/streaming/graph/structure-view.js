/** Owns the graph's box: one frame in one of four views, with the same colours, selection and pointer in all of them. */

import { Anchors } from "./anchors.js";
import { mark } from "../compare/changes.js";
import { Arranger } from "./arranger.js";
import { GraphView } from "./graph.js";
import { graphOf } from "./graph-model.js";
import { POOL, tellsOfPool } from "./pool.js";
import { Scene } from "./scene.js";
import { Sheet } from "./sheet.js";
import { Tip } from "./tip.js";
import { colours, onThemeChange } from "../page/theme.js";

/** @typedef {import("../data/messages.js").Frame} Frame */
/** @typedef {import("./look.js").Look} Look */
/** `frameAt` gives recorded frames, `onMiss` is told when these fail, `onChange` when what is shown is other edges or groups. @typedef {{onPick: (agent: string | null) => void, frameAt: (t: number) => Promise<import("../data/frame-feed.js").Found>, onMiss: () => void, onChange: () => void}} Hooks */

const EMPTY = { nodes: new Map(), edges: new Map() };

export class StructureView {
  /** @type {Frame | null} */ #frame = null;
  /** What the frame is compared with. @type {Frame | null} */ #before = null;
  #scene = new Scene(colours());

  /** @param {HTMLElement} container @param {HTMLElement} tip @param {Hooks} hooks */
  constructor(container, tip, { onPick, frameAt, onMiss, onChange }) {
    this.container = container;
    this.onChange = onChange;
    this.tip = new Tip(tip, container);
    const onHover = (/** @type {string | null} */ agent) => this.#hover(agent);
    const web = container.appendChild(document.createElement("div"));
    web.className = "web";
    this.web = new GraphView(web, this.#scene, { onPick, onHover, onEdge: (edge, at) => this.#point(edge && [edge.source, edge.target], at) });
    this.sheet = new Sheet(container, this.#scene, { onPick, onHover, onPair: (pair, at) => this.#point(pair, at) });
    this.anchors = new Anchors(frameAt, () => this.#arrange(), onMiss);
    this.arranger = new Arranger({
      onCommunities: (keys, communities) => this.#group(keys, communities),
      onPositions: (keys, positions, settled) => this.#place(keys, positions, settled),
    });
    onThemeChange(() => this.#recolour());
    new ResizeObserver(() => this.#resize()).observe(container);
    container.addEventListener("pointerleave", () => this.#point(null, { x: 0, y: 0 }));
    container.dataset.drawn = String(this.web.drawn);
  }

  /** What is shown, for those who tell of it. */
  get scene() {
    return this.#scene;
  }

  get #flat() {
    return ["matrix", "ring"].includes(this.#scene.look.view);
  }

  /** @param {Frame | null} frame null empties the picture, for a moment that has none */
  show(frame) {
    this.#frame = frame;
    const pool = this.#scene.look.pool && frame !== null && tellsOfPool(frame);
    const graph = frame ? graphOf(frame, { pool }) : EMPTY;
    this.#scene.take(graph, frame && this.#before ? mark(graph, graphOf(this.#before)) : null);
    this.container.classList.toggle("pointing", this.#scene.hovered !== null);
    this.container.dataset.nodes = String(frame?.nodes.length ?? 0);
    if (!this.#flat) this.web.show();
    this.#arrange();
    this.#changed();
  }

  /** Shows what changed since another frame; null for no comparison. @param {Frame | null} before */
  compareWith(before) {
    if (before === this.#before) return;
    this.#before = before;
    this.container.dataset.from = String(before?.t ?? "");
    this.show(this.#frame);
  }

  /** The picture in pixels of the page. */
  get size() {
    return { width: this.container.clientWidth, height: this.container.clientHeight };
  }

  /** Draws what is seen elsewhere too. @param {CanvasRenderingContext2D} context */
  drawOn(context) {
    if (this.#flat) this.sheet.drawOn(context);
    else this.web.drawOn(context);
  }

  /** Of another recording no anchor holds. */
  forget() {
    this.anchors.forget();
    this.arranger.forget();
  }

  #arrange() {
    if (!this.#frame) return;
    const anchor = this.#flat ? null : this.anchors.of(this.#frame);
    this.container.dataset.settled = "";
    this.arranger.ask(this.#scene.graph, anchor && { t: anchor.t, graph: graphOf(anchor.frame) }, this.#scene.look.view === "force");
  }

  /** @param {string[]} keys @param {Int32Array} communities */
  #group(keys, communities) {
    this.#scene.takeCommunities(keys, communities);
    if (this.#flat) this.sheet.show();
    else if (this.#scene.look.colour === "community") this.web.refresh();
    if (this.#scene.look.view !== "force") this.container.dataset.settled = String(this.#frame?.t ?? "");
    this.onChange();
  }

  /** @param {string[]} keys @param {Float32Array} positions @param {boolean} settled */
  #place(keys, positions, settled) {
    this.web.arrange(keys, positions);
    if (settled) this.container.dataset.settled = String(this.#frame?.t ?? "");
  }

  /** Edges, colours or who is looked at are others. */
  #changed() {
    this.container.dataset.edges = String(this.#scene.shown.filter(({ kind }) => kind !== "pool").length);
    if (this.#flat) this.sheet.show();
    else this.web.refresh();
    this.tip.refresh(this.#scene);
    this.onChange();
  }

  /** @param {Look} look */
  dress(look) {
    const before = this.#scene.look;
    this.#scene.look = look;
    this.container.dataset.view = look.view;
    this.sheet.expose(this.#flat);
    if (before.pool !== look.pool || before.view !== look.view) return this.show(this.#frame);
    this.#scene.settle();
    if (before.height !== look.height) this.web.place();
    this.#changed();
  }

  /** @param {string} agent */
  has(agent) {
    return agent !== POOL && this.#scene.graph.nodes.has(agent);
  }

  /** Marks an agent and what is near it; null for none. @param {string | null} agent */
  pin(agent) {
    if (agent === this.#scene.pinned) return;
    this.#scene.pinned = agent;
    this.#look();
  }

  /** The next agent by matches, most first; at the end the first again. @param {number} way 1 or -1 @returns {string | null} */
  beside(way) {
    const keys = [...this.#scene.graph.nodes].filter(([key]) => key !== POOL).sort(([a, one], [b, other]) => other.matches - one.matches || Number(a) - Number(b)).map(([key]) => key);
    const at = keys.indexOf(this.#scene.pinned ?? "");
    if (at < 0) return keys.at(way > 0 ? 0 : -1) ?? null;
    return keys.at((at + way) % keys.length) ?? null;
  }

  /** Brings an agent to the middle, where a view can be moved. @param {string} agent */
  centre(agent) {
    if (!this.#flat) this.web.centre(agent);
  }

  fit() {
    this.web.fit();
  }

  /** @param {string | null} agent */
  #hover(agent) {
    if (agent === this.#scene.hovered) return;
    this.#scene.hovered = agent;
    this.container.classList.toggle("pointing", agent !== null);
    this.#look();
  }

  /** Who is looked at is another. */
  #look() {
    this.#scene.settle();
    if (this.#flat) this.sheet.refresh();
    else this.web.refresh();
  }

  /** @param {[string, string] | null} pair @param {{x: number, y: number}} at */
  #point(pair, at) {
    this.tip.point(this.#scene, pair, at);
  }

  #recolour() {
    this.#scene.palette = colours();
    this.#changed();
  }

  #resize() {
    this.web.resize();
    if (this.#flat) this.sheet.show();
  }
}
