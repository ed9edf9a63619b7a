/** Owns what is written on the graph: an agent's number in its circle, or its name or number beside it, and a ring around the one pointed at or pinned. */

import { squeezed } from "./groups.js";

/** Smaller numbers are not legible. Pixels. */
const SMALLEST_FONT = 8.5;

/** The largest in a circle, and that beside one, of the usual size. Pixels. */
const [INSIDE, BESIDE] = [12, 10.5];

/** A letter's width as a share of its height. */
const LETTER = 0.6;

/** What is written beside a circle is no longer, and what is written above the one pointed at. Characters. */
const LONGEST = 12;
const LONGEST_ALONE = 40;

/** `scale` is how much larger than usual everything is; `named` one has its name above it anyway. @typedef {{x: number, y: number, size: number, scale?: number, label?: string | null, name?: string, ringed?: boolean, named?: boolean, ink?: string}} Drawn */
/** @typedef {() => Record<string, string>} Palette */

/** Whether an agent's number can be read in its circle. A name says more, and stands beside. @param {string} label @param {string} name @param {number} size radius */
export function fitsInside(label, name, size) {
  return !name && fontWithin(label, size) >= SMALLEST_FONT;
}

/** The largest font in which a number fits into a circle. @param {string} label @param {number} size radius */
function fontWithin(label, size) {
  // Both the number's diagonal and its height stay within the circle.
  return (2 * size * 0.94) / Math.hypot(label.length * LETTER, 0.9);
}

/** @param {Palette} palette */
export function drawLabel(palette) {
  return (/** @type {CanvasRenderingContext2D} */ context, /** @type {Drawn} */ node) => {
    const { size, scale = 1, label, name = "" } = node;
    if (!label) return;
    if (fitsInside(label, name, size)) writeInside(context, node, Math.min(INSIDE * scale, fontWithin(label, size)));
    else if (!node.named) writeBeside(context, node, palette());
  };
}

/** @param {CanvasRenderingContext2D} context @param {Drawn} node @param {number} font pixels */
function writeInside(context, { x, y, label, ink = "" }, font) {
  // Whole pixels: a font that was used before is cheap.
  context.font = `600 ${Math.round(font)}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = ink;
  context.fillText(label ?? "", x, y + 0.5);
}

/** @param {CanvasRenderingContext2D} context @param {Drawn} node @param {Record<string, string>} palette */
function writeBeside(context, { x, y, size, scale = 1, label, name }, { ink, panel }) {
  const words = squeezed(name || (label ?? ""), LONGEST);
  context.font = `600 ${Math.round(BESIDE * scale)}px system-ui, sans-serif`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = panel;
  context.strokeText(words, x + size + 2, y);
  context.fillStyle = ink;
  context.fillText(words, x + size + 2, y);
}

/** The circle is drawn over this, so the name or number stands above it. @param {Palette} palette */
export function drawHover(palette) {
  return (/** @type {CanvasRenderingContext2D} */ context, /** @type {Drawn} */ { x, y, size, scale = 1, label, name, ringed }) => {
    const words = squeezed(name || (label ?? ""), LONGEST_ALONE);
    context.beginPath();
    context.arc(x, y, size + 3, 0, 2 * Math.PI);
    context.lineWidth = ringed ? 2.5 : 1.5;
    context.strokeStyle = ringed ? palette().accent : palette().ink;
    context.stroke();
    context.font = `600 ${Math.round(13 * scale)}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeStyle = palette().panel;
    context.strokeText(words, x, y - size - 5);
    context.fillStyle = palette().ink;
    context.fillText(words, x, y - size - 5);
  };
}
