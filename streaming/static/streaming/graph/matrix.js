/** Owns the matrix: agents along both sides, and in each square how strongly two of them are tied. Legible where a web of edges is not. */

import { shade, withAlpha } from "../page/colors.js";
import { fitting, inkFor, labelFor, labelled, orderOf, tiedOf, weightsFor } from "./order.js";
import { countText } from "../page/format.js";
import { text } from "../state/texts.js";

/** Pixels around the squares; at the left the agents' names have room. */
const MARGIN = { top: 16, right: 16, bottom: 34, left: 24 };
const NAME_ROOM = 104;
const NUMBER_ROOM = 38;

/** The strip that tells each agent's colour. Pixels. */
const STRIP = 6;

const FONT = 11;

/** What fills squares, the later over the earlier, and how full the weakest of each is: still told from none. */
const FILLS = /** @type {const} */ ([["proximity", 0.3], ["match", 0.5], ["gained", 0.6], ["lost", 0.6]]);

/** Shades of each. */
const SHADES = 63;

/** What remains of squares that both moments have, where two are compared. */
const KEPT = 0.4;

/** Who joined or left has a mark so far beside the strip, and so high at least. Pixels. */
const MARK = { width: 4, least: 2 };

/** A match fills at least so many pixels each way, or rows of single ones would not be seen. */
const LEAST_PIXELS = 2;

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./edge-picking.js").Point} Point */

/** @param {import("./graph-model.js").EdgeLook} edge @returns {number} which of `FILLS` */
function fillOf({ kind, change }) {
  if (change === "gained" || change === "lost") return change === "gained" ? 2 : 3;
  return kind === "quote_proximity" ? 0 : 1;
}

/**
 * The squares as numbers, row by row: 0 for none, then 63 for each of `FILLS`; matches with the pool count as others. Where a pixel
 * holds several squares the strongest counts.
 * @param {import("./graph-model.js").EdgeLook[]} edges @param {Map<string, number>} index of each agent @param {number} side pixels
 */
export function squaresOf(edges, index, side) {
  const squares = new Uint8Array(side * side);
  const starts = Array.from({ length: index.size + 1 }, (_, i) => Math.floor((i * side) / index.size));
  const fill = (/** @type {number} */ row, /** @type {number} */ column, /** @type {number} */ value) => {
    const least = value > SHADES ? LEAST_PIXELS : 1;
    const [right, bottom] = [column, row].map((i) => Math.min(Math.max(starts[i + 1], starts[i] + least), side));
    for (let y = starts[row]; y < bottom; y++) {
      for (let at = y * side + starts[column]; at < y * side + right; at++) if (squares[at] < value) squares[at] = value;
    }
  };
  for (const edge of edges) {
    const { source, target, strength } = edge;
    const value = fillOf(edge) * SHADES + 1 + Math.floor(Math.sqrt(strength) * (SHADES - 1));
    const [a, b] = [index.get(source) ?? 0, index.get(target) ?? 0];
    fill(a, b, value);
    fill(b, a, value);
  }
  return squares;
}

/** The colour of each number of a square, as a canvas keeps it. @param {Record<string, string>} palette @param {boolean} compared */
function coloursOf(palette, compared) {
  const colour = (/** @type {string} */ hex) => {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    return (255 << 24) | (b << 16) | (g << 8) | r;
  };
  const ground = shade([palette.panel, palette.raised], 0.55);
  const scales = FILLS.flatMap(([name, weakest], fill) => {
    const full = compared && fill < 2 ? shade([ground, palette[name]], KEPT) : palette[name];
    return Array.from({ length: SHADES }, (_, i) => colour(shade([palette.panel, full], weakest + ((1 - weakest) * i) / (SHADES - 1))));
  });
  return Uint32Array.from([colour(ground), ...scales]);
}

export class Matrix {
  /** @type {string[]} */ keys = [];
  /** @type {import("./order.js").Run[]} */ #runs = [];
  /** @type {Map<string, number>} */ #index = new Map();
  /** Left, top and side of the squares. */ #box = { left: 0, top: 0, side: 1 };
  /** @type {ImageData | null} */ #image = null;
  /** How many agents are left out. */ #idle = 0;

  /** @param {Scene} scene @param {number} width @param {number} height @param {number} ratio pixels of the screen in one of the page */
  lay(scene, width, height, ratio) {
    const left = Math.min(MARGIN.left, width / 40) + ([...scene.everyone.values()].some(({ name }) => name) ? NAME_ROOM : NUMBER_ROOM) + STRIP;
    const side = Math.max(Math.min(width - left - MARGIN.right, height - MARGIN.top - MARGIN.bottom - STRIP), 20);
    this.#box = { left: left + Math.max((width - left - MARGIN.right - side) / 2, 0), top: MARGIN.top + STRIP, side };
    this.#order(scene, side);
    this.#paint(scene, Math.round(side * ratio));
  }

  /** Where rows are too narrow for names, those who have no edge leave their room to the others. @param {Scene} scene @param {number} side */
  #order(scene, side) {
    const { everyone, communities } = scene;
    const tied = everyone.size * (FONT + 1) > side ? tiedOf(scene) : everyone;
    ({ keys: this.keys, runs: this.#runs } = orderOf({ everyone: tied, communities }));
    this.#index = new Map(this.keys.map((key, i) => [key, i]));
    this.#idle = everyone.size - tied.size;
  }

  /** @param {Scene} scene @param {number} side pixels of the screen */
  #paint(scene, side) {
    if (this.keys.length === 0) return void (this.#image = null);
    const colours = coloursOf(scene.palette, scene.compared);
    const squares = squaresOf(scene.drawn, this.#index, side);
    this.#image = new ImageData(side, side);
    const pixels = new Uint32Array(this.#image.data.buffer);
    for (let i = 0; i < pixels.length; i++) pixels[i] = colours[squares[i]];
  }

  /** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {number} ratio */
  draw(context, scene, ratio) {
    if (!this.#image) return;
    const { left, top } = this.#box;
    context.putImageData(this.#image, Math.round(left * ratio), Math.round(top * ratio));
    this.#strips(context, scene);
    this.#outlines(context, scene);
    this.#names(context, scene);
    this.#marks(context, scene);
    if (this.#idle) this.#tellIdle(context, scene);
  }

  /** @param {CanvasRenderingContext2D} context @param {Scene} scene */
  #tellIdle(context, { palette }) {
    const { left, top, side } = this.#box;
    [context.textAlign, context.textBaseline, context.fillStyle] = ["right", "top", palette.muted];
    context.fillText(text("matrix_idle", { count: countText(this.#idle) }), left + side, top + side + 6);
  }

  /** Where an agent's row begins, from the top, or its column from the left. @param {number} i */
  #place(i) {
    return (i * this.#box.side) / this.keys.length;
  }

  /** @param {CanvasRenderingContext2D} context @param {Scene} scene */
  #strips(context, scene) {
    const { left, top } = this.#box;
    const width = Math.max(this.#place(1), 0.5);
    this.keys.forEach((key, i) => {
      context.fillStyle = scene.colourOf(key);
      context.fillRect(left - STRIP, top + this.#place(i), STRIP - 2, width);
      context.fillRect(left + this.#place(i), top - STRIP, width, STRIP - 2);
      if (scene.everyone.get(key)?.change) this.#change(context, inkFor(scene, key), i);
    });
  }

  /** @param {CanvasRenderingContext2D} context @param {string} colour @param {number} i */
  #change(context, colour, i) {
    const { left, top } = this.#box;
    const width = Math.max(this.#place(1), MARK.least);
    context.fillStyle = colour;
    context.fillRect(left - STRIP - MARK.width, top + this.#place(i), MARK.width + STRIP - 2, width);
    context.fillRect(left + this.#place(i), top - STRIP - MARK.width, width, MARK.width + STRIP - 2);
  }

  /** A square around each community. @param {CanvasRenderingContext2D} context @param {Scene} scene */
  #outlines(context, { palette }) {
    const { left, top } = this.#box;
    context.strokeStyle = withAlpha(palette.muted, 0.45);
    context.lineWidth = 1;
    for (const { from, to, community } of this.#runs) {
      if (community === null) continue;
      const length = this.#place(to) - this.#place(from);
      context.strokeRect(left + this.#place(from), top + this.#place(from), length, length);
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {Scene} scene */
  #names(context, scene) {
    const { left, top } = this.#box;
    const half = this.#place(1) / 2;
    const room = left - STRIP - MARK.width - 3;
    const chosen = labelled(this.keys, weightsFor(scene), (i) => this.#place(i), FONT + 1);
    context.font = `${FONT}px system-ui, sans-serif`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    this.keys.forEach((key, i) => {
      if (!chosen.has(key)) return;
      context.fillStyle = inkFor(scene, key);
      const words = fitting((longest) => labelFor(scene, key, longest), (some) => context.measureText(some).width, room);
      context.fillText(words, room, top + this.#place(i) + half);
    });
  }

  /** Row and column of the agent that is looked at. @param {CanvasRenderingContext2D} context @param {Scene} scene */
  #marks(context, { centre, pinned, palette }) {
    const i = this.#index.get(centre ?? "");
    if (i === undefined) return;
    const { left, top, side } = this.#box;
    context.strokeStyle = centre === pinned ? palette.accent : palette.ink;
    context.lineWidth = 1.5;
    const width = Math.max(this.#place(1), 3);
    context.strokeRect(left - STRIP, top + this.#place(i), side + STRIP, width);
    context.strokeRect(left + this.#place(i), top - STRIP, width, side + STRIP);
  }

  /** What is at a point: the agents of its square, or one beside it. @param {Point} point @returns {{agent: string | null, pair: [string, string] | null}} */
  at({ x, y }) {
    const { left, top, side } = this.#box;
    const keyAt = (/** @type {number} */ pixels) => this.keys[Math.floor((pixels / side) * this.keys.length)] ?? null;
    const [row, column] = [y >= top ? keyAt(y - top) : null, x >= left ? keyAt(x - left) : null];
    if (row !== null && column !== null && row !== column) return { agent: null, pair: [row, column] };
    return { agent: y < top - STRIP || (row !== null && x > left + side) ? null : (row ?? column), pair: null };
  }

  /** Who is picked at a point: in a square its row's agent, or its column's where that is picked already. @param {Point} point @param {string | null} pinned */
  picked(point, pinned) {
    const { agent, pair } = this.at(point);
    return pair ? pair[pair[0] === pinned ? 1 : 0] : agent;
  }
}
