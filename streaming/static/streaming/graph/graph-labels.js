/** Owns what is written on the graph: an agent's number inside its circle, and a ring around the one pointed at or pinned. */

/** A smaller number is not legible, and only a blot. Pixels. */
const SMALLEST_FONT = 7.5;

/** @typedef {{x: number, y: number, size: number, label?: string | null, ringed?: boolean, ink?: string}} Drawn */
/** @typedef {() => Record<string, string>} Palette */

/** @param {CanvasRenderingContext2D} context @param {Drawn} node */
export function drawLabel(context, { x, y, size, label, ink = "" }) {
  if (!label) return;
  const font = Math.min(12, size * (label.length > 2 ? 0.8 : 1));
  if (font < SMALLEST_FONT) return;
  // Whole pixels: a font that was used before is cheap.
  context.font = `600 ${Math.round(font)}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = ink;
  context.fillText(label, x, y + 0.5);
}

/** The circle is drawn over this, so the number stands above it. @param {Palette} palette */
export function drawHover(palette) {
  return (/** @type {CanvasRenderingContext2D} */ context, /** @type {Drawn} */ { x, y, size, label, ringed }) => {
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
    context.strokeText(label ?? "", x, y - size - 5);
    context.fillStyle = palette().ink;
    context.fillText(label ?? "", x, y - size - 5);
  };
}
