/** Owns what is written on the graph: an agent's number in its circle, or its name or number beside it, and a ring around the one pointed at or pinned. */

import { shortened } from "../data/agent-names.js";

/** A smaller number is not legible, and only a blot. Pixels. */
const SMALLEST_FONT = 7.5;

/** Of more agents only some have a number, where there is room beside them: sigma picks the largest of each neighbourhood. */
export const ALL_NUMBERED = 150;

/** What is written beside a circle is no longer, and what is written above the one pointed at. Characters. */
const LONGEST = 12;
const LONGEST_ALONE = 40;

/** @typedef {{x: number, y: number, size: number, label?: string | null, name?: string, beside?: boolean, ringed?: boolean, ink?: string}} Drawn */
/** @typedef {() => Record<string, string>} Palette */

/** @param {Palette} palette */
export function drawLabel(palette) {
  return (/** @type {CanvasRenderingContext2D} */ context, /** @type {Drawn} */ node) => {
    const { size, label, beside } = node;
    if (!label) return;
    const font = Math.min(12, size * (label.length > 2 ? 0.8 : 1));
    if (font >= SMALLEST_FONT) writeInside(context, node, font);
    else if (beside) writeBeside(context, node, palette());
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
function writeBeside(context, { x, y, size, label, name }, { ink, panel }) {
  const words = shortened(name || (label ?? ""), LONGEST);
  context.font = "600 10px system-ui, sans-serif";
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
  return (/** @type {CanvasRenderingContext2D} */ context, /** @type {Drawn} */ { x, y, size, label, name, ringed }) => {
    const words = shortened(name || (label ?? ""), LONGEST_ALONE);
    context.beginPath();
    context.arc(x, y, size + 3, 0, 2 * Math.PI);
    context.lineWidth = ringed ? 2.5 : 1.5;
    context.strokeStyle = ringed ? palette().accent : palette().ink;
    context.stroke();
    context.font = "600 13px system-ui, sans-serif";
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
