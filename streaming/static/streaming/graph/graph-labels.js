/** Owns what is written on the graph: agents' numbers and names, rings around those that came or went, and one around the one pointed at or pinned. */

import { squeezed } from "./groups.js";
import { HOVER, labelsOf, middleOf } from "./label-places.js";

/** What is written above the one pointed at is no longer. Characters. */
const LONGEST = 40;

/** From a circle to the ring that says that its agent came or went. Pixels. */
const RING = 2.5;

const FAMILY = "system-ui, sans-serif";

/** How wide words are, by font and words; of agents that left there is no need to know. @type {Map<string, number>} */
const widths = new Map();
const MOST_WIDTHS = 5000;

/** @typedef {import("./label-places.js").Drawn} Drawn */
/** @typedef {"joined" | "left" | undefined} Change */
/** @typedef {() => Record<string, string>} Palette */

/** @param {CanvasRenderingContext2D} context @param {string} words @param {number} font pixels */
function widthOf(context, words, font) {
  const key = `${font} ${words}`;
  const known = widths.get(key);
  if (known !== undefined) return known;
  if (widths.size >= MOST_WIDTHS) widths.clear();
  context.font = `600 ${font}px ${FAMILY}`;
  const { width } = context.measureText(words);
  widths.set(key, width);
  return width;
}

/** @param {CanvasRenderingContext2D} context @param {Drawn[]} agents @param {import("./label-places.js").Picture} picture @param {Record<string, string>} palette */
export function drawLabels(context, agents, picture, palette) {
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 3;
  context.strokeStyle = palette.panel;
  for (const { words, x, y, font, ink, inside } of labelsOf(agents, picture, (words, font) => widthOf(context, words, font))) {
    context.font = `600 ${font}px ${FAMILY}`;
    context.textAlign = inside ? "center" : "left";
    if (!inside) context.strokeText(words, x, y);
    context.fillStyle = inside ? ink : palette.ink;
    context.fillText(words, x, y);
  }
}

/** A whole ring around who joined, a dashed one in the place of who left. @param {CanvasRenderingContext2D} context @param {{x: number, y: number, size: number, change?: Change}[]} agents @param {Record<string, string>} palette */
export function drawChanges(context, agents, palette) {
  context.lineWidth = 2;
  for (const { x, y, size, change } of agents) {
    if (!change) continue;
    context.strokeStyle = change === "joined" ? palette.gained : palette.lost;
    context.setLineDash(change === "joined" ? [] : [3, 2.5]);
    context.beginPath();
    context.arc(x, y, size + (change === "joined" ? RING : 0), 0, 2 * Math.PI);
    context.stroke();
  }
  context.setLineDash([]);
}

/** The circle is drawn over this, so the name or number stands above it. @param {Palette} palette @param {() => number} width of the picture, in pixels */
export function drawHover(palette, width) {
  return (/** @type {CanvasRenderingContext2D} */ context, /** @type {{x: number, y: number, size: number, scale?: number, number?: string, name?: string, ringed?: boolean}} */ { x, y, size, scale = 1, number = "", name, ringed }) => {
    const words = squeezed(name || number, LONGEST);
    context.beginPath();
    context.arc(x, y, size + 3, 0, 2 * Math.PI);
    context.lineWidth = ringed ? 2.5 : 1.5;
    context.strokeStyle = ringed ? palette().accent : palette().ink;
    context.stroke();
    context.font = `600 ${Math.round(HOVER * scale)}px ${FAMILY}`;
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeStyle = palette().panel;
    const middle = middleOf(x, context.measureText(words).width, width());
    context.strokeText(words, middle, y - size - 5);
    context.fillStyle = palette().ink;
    context.fillText(words, middle, y - size - 5);
  };
}
