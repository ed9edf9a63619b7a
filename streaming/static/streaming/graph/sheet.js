/** Owns the canvas that matrix and ring are drawn on: its size, its drawing once per animation frame, and the pointer over it. */

import { Matrix } from "./matrix.js";
import { Ring } from "./ring.js";
import { painter } from "../page/paint.js";

/** @typedef {import("./edge-picking.js").Point} Point */
/** @typedef {{onPick: (agent: string | null) => void, onHover: (agent: string | null) => void, onPair: (pair: [string, string] | null, at: Point) => void}} Hooks */

export class Sheet {
  #canvas = document.createElement("canvas");
  /** Whether the scene changed in what places depend on. */ #stale = true;
  #pictures = { matrix: new Matrix(), ring: new Ring() };
  #paint = painter(() => this.#draw());

  /** @param {HTMLElement} container @param {import("./scene.js").Scene} scene @param {Hooks} hooks */
  constructor(container, scene, hooks) {
    this.scene = scene;
    this.container = container;
    this.context = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
    this.#canvas.className = "sheet";
    container.append(this.#canvas);
    const at = (/** @type {MouseEvent} */ { offsetX, offsetY }) => ({ x: offsetX, y: offsetY });
    this.#canvas.addEventListener("pointermove", (event) => {
      const { agent, pair } = this.#picture.at(at(event));
      hooks.onHover(agent);
      hooks.onPair(pair, at(event));
    });
    this.#canvas.addEventListener("pointerleave", () => (hooks.onHover(null), hooks.onPair(null, { x: 0, y: 0 })));
    this.#canvas.addEventListener("click", (event) => {
      const picked = this.#picture.picked(at(event), scene.pinned);
      hooks.onPick(picked === "pool" ? null : picked);
    });
  }

  get #picture() {
    return this.#pictures[this.scene.look.view === "ring" ? "ring" : "matrix"];
  }

  /** @param {boolean} seen */
  expose(seen) {
    this.#canvas.hidden = !seen;
    if (seen) this.show();
  }

  /** The graph, its communities, the filter or the box are others. */
  show() {
    this.#stale = true;
    this.#paint();
  }

  /** Only who is looked at is another. */
  refresh() {
    this.#paint();
  }

  /** Draws what is seen elsewhere too. @param {CanvasRenderingContext2D} context */
  drawOn(context) {
    this.#draw();
    this.#picture.draw(context, this.scene, devicePixelRatio);
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.container;
    if (this.#canvas.hidden || !width || !height) return;
    const ratio = devicePixelRatio;
    if (this.#stale) this.#picture.lay(this.scene, width, height, ratio);
    this.#stale = false;
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width !== across || this.#canvas.height !== down) [this.#canvas.width, this.#canvas.height] = [across, down];
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
    this.#picture.draw(this.context, this.scene, ratio);
  }
}
