/** Owns the plane: agents by what they quote and by their experience or matches, where distance means something by itself. */

import { countText, markTexts } from "../page/format.js";
import { text } from "../state/texts.js";

/** Pixels around the plane, for its marks and their words. */
const MARGIN = { left: 58, right: 34, top: 38, bottom: 46 };

/** Room at the left for agents that have no mean quote. Pixels. */
const WITHOUT = 112;

/** Of the mean quotes this share at each end may lie far off; it stands at the edge, and does not press the rest together. */
const FAR_OFF = 0.02;

const MOST_MARKS = 6;

/** The part of a span that is crowded if half of all lie in it. */
const CROWDED = 0.2;

/** @typedef {import("./graph-model.js").NodeLook} NodeLook */
/** @typedef {import("./look.js").Look["height"]} Height */
/** From the middle to the sides in the graph's unit, and that unit by pixel. @typedef {{x: number, y: number, unit: number}} Reach */
/** @typedef {{at: number, words: string}} Mark in the graph's unit */
/** @typedef {{x: Mark[], y: Mark[], left: number, right: number, bottom: number, top: number, without: number | null, height: Height}} Axes */

/** Round numbers from one at or below `low` to one at or above `high`. @param {number} low @param {number} high */
export function roundedRange(low, high) {
  const span = high > low ? high - low : Math.max(Math.abs(low), 1) / 100;
  const power = 10 ** Math.floor(Math.log10(span / MOST_MARKS));
  const step = power * ([1, 2, 5, 10].find((multiple) => multiple * power * MOST_MARKS >= span) ?? 10);
  const [first, last] = [Math.floor(low / step + 1e-9), Math.max(Math.ceil(high / step - 1e-9), Math.floor(low / step + 1e-9) + 1)];
  return { step, marks: Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step) };
}

/** Values but for those far off at both ends. @param {number[]} values @returns {[number, number]} */
function mostOf(values) {
  const sorted = Float64Array.from(values).sort();
  const cut = Math.floor(sorted.length * FAR_OFF);
  return [sorted[cut] ?? 0, sorted[sorted.length - 1 - cut] ?? 1];
}

/** Whether half of all values, none below 0, lie in the lowest part of what they span. @param {number[]} values @param {[number, number]} range */
function isCrowdedBelow(values, [low, high]) {
  const middle = Float64Array.from(values).sort()[values.length >> 1] ?? 0;
  return low >= 0 && middle - low < CROWDED * (high - low);
}

/** An axis from round number to round number. @param {number[]} values @param {[number, number]} range they are to be seen in @param {number} from @param {number} to in the graph's unit @param {(value: number) => number} bent */
function axis(values, range, from, to, bent = (value) => value) {
  const { step, marks } = roundedRange(...range);
  const [low, high] = [bent(marks[0]), bent(marks[marks.length - 1])];
  const place = (/** @type {number} */ value) => from + Math.min(Math.max((bent(value) - low) / (high - low), 0), 1) * (to - from);
  const words = Number.isInteger(step) ? marks.map(countText) : markTexts(marks, step);
  return { places: values.map(place), marks: marks.map((value, i) => ({ at: place(value), words: words[i] })) };
}

/**
 * @param {Map<string, NodeLook>} nodes @param {Height} height what y tells @param {Reach} reach
 * @returns {{keys: string[], positions: Float64Array, axes: Axes}} x, y of each agent in the graph's unit
 */
export function planePositions(nodes, height, { x, y, unit }) {
  const agents = [...nodes].filter(([key]) => key !== "pool");
  const quotes = agents.map(([, { quote }]) => quote);
  const some = quotes.filter((quote) => quote !== null);
  const strip = some.length < quotes.length;
  const box = { left: -x + (MARGIN.left + (strip ? WITHOUT : 0)) * unit, right: x - MARGIN.right * unit, bottom: -y + MARGIN.bottom * unit, top: y - MARGIN.top * unit };
  const without = strip ? -x + (MARGIN.left + WITHOUT / 2) * unit : null;
  const across = axis(quotes.map((quote) => quote ?? NaN), mostOf(some), box.left, box.right);
  const values = agents.map(([, node]) => (height === "matches" ? node.matches : node.gained));
  const range = /** @type {[number, number]} */ ([height === "matches" ? 0 : Math.min(...values, Infinity), Math.max(...values, height === "matches" ? 1 : -Infinity)]);
  if (!agents.length) range.fill(0);
  // A few hubs have most matches, and with them most experience: the root leaves room to tell the others apart.
  const up = axis(values, range, box.bottom, box.top, height === "matches" || isCrowdedBelow(values, range) ? Math.sqrt : undefined);
  const positions = new Float64Array(agents.flatMap((_, i) => [quotes[i] === null ? (without ?? 0) : across.places[i], up.places[i]]));
  return { keys: agents.map(([key]) => key), positions, axes: { x: across.marks, y: up.marks, ...box, without, height } };
}

/** Draws the axes behind the agents, wherever the camera looks. */
export class PlaneAxes {
  /** @type {Axes | null} */ #axes = null;
  #canvas = document.createElement("canvas");

  /** @param {HTMLElement} container @param {import("./scene.js").Scene} scene */
  constructor(container, scene) {
    this.scene = scene;
    this.context = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
    this.#canvas.className = "axes";
    container.prepend(this.#canvas);
  }

  /** Room that the marks take beside and below the agents. Pixels. */
  get rim() {
    return this.scene.look.view === "plane" ? { left: MARGIN.left, below: MARGIN.bottom - 8 } : { left: 0, below: 0 };
  }

  /** @param {Axes} axes */
  take(axes) {
    this.#axes = axes;
  }

  /** @param {import("sigma").default} sigma */
  draw(sigma) {
    const seen = this.scene.look.view === "plane" && this.#axes !== null;
    this.#canvas.hidden = !seen;
    if (!seen || !this.#axes) return;
    const { width, height } = sigma.getDimensions();
    const ratio = devicePixelRatio;
    [this.#canvas.width, this.#canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawOn(this.context, sigma);
  }

  /** @param {CanvasRenderingContext2D} context @param {import("sigma").default} sigma */
  drawOn(context, sigma) {
    const { width, height } = sigma.getDimensions();
    if (this.scene.look.view === "plane" && this.#axes) this.#lines(context, this.#axes, (x, y) => sigma.graphToViewport({ x, y }), width, height);
  }

  /** @param {CanvasRenderingContext2D} context @param {Axes} axes @param {(x: number, y: number) => {x: number, y: number}} place @param {number} width @param {number} height */
  #lines(context, axes, place, width, height) {
    const { palette } = this.scene;
    const [corner, opposite] = [place(axes.left, axes.bottom), place(axes.right, axes.top)];
    context.strokeStyle = palette.line;
    context.fillStyle = palette.muted;
    context.font = "11px system-ui, sans-serif";
    // Marks stay at the rim of what is seen when the picture is moved.
    const [base, left] = [Math.min(corner.y + 16, height - 24), Math.max(place(axes.left, 0).x, MARGIN.left)];
    for (const { at, words } of axes.x) this.#mark(context, place(at, axes.bottom).x, corner.y, 0, opposite.y - corner.y, words, { x: place(at, 0).x, y: base }, "center");
    const side = axes.without === null ? left : Math.max(place(axes.without, 0).x - WITHOUT / 2, MARGIN.left);
    for (const { at, words } of axes.y) this.#mark(context, corner.x, place(0, at).y, opposite.x - corner.x, 0, words, { x: side - 6, y: place(0, at).y }, "right");
    context.textAlign = "center";
    context.fillText(text("plane_x"), (corner.x + opposite.x) / 2, Math.min(corner.y + 34, height - 8));
    if (axes.without !== null) context.fillText(text("plane_without"), place(axes.without, 0).x, base);
    context.textAlign = "left";
    context.fillText(text(`plane_${axes.height}`), 8, Math.max(opposite.y - 12, 10));
  }

  /** A line and its words. @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} dx @param {number} dy @param {string} words @param {{x: number, y: number}} at @param {CanvasTextAlign} align */
  #mark(context, x, y, dx, dy, words, at, align) {
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + dx, y + dy);
    context.stroke();
    context.textAlign = align;
    context.textBaseline = "middle";
    context.fillText(words, at.x, at.y);
  }
}
