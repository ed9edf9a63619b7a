/** Owns what is written on the graph: an agent's number inside its circle, and a ring around the one pointed at. */

/** Below this radius a number inside is not legible. */
const SMALLEST_LABELLED = 6.5;

/** @typedef {{x: number, y: number, size: number, label?: string | null}} Drawn */
/** @typedef {() => Record<string, string>} Palette */

/** @param {Palette} palette */
export function drawLabel(palette) {
  return (/** @type {CanvasRenderingContext2D} */ context, /** @type {Drawn} */ { x, y, size, label }) => {
    if (!label || size < SMALLEST_LABELLED) return;
    context.font = `600 ${Math.min(12, size * (label.length > 2 ? 0.8 : 1))}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = palette()["node-ink"];
    context.fillText(label, x, y + 0.5);
  };
}

/** @param {Palette} palette */
export function drawHover(palette) {
  const label = drawLabel(palette);
  return (/** @type {CanvasRenderingContext2D} */ context, /** @type {Drawn} */ drawn) => {
    context.beginPath();
    context.arc(drawn.x, drawn.y, drawn.size + 3, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.strokeStyle = palette().ink;
    context.stroke();
    label(context, drawn);
  };
}
