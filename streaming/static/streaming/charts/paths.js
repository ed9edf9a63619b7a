/** Owns how a course becomes lines and areas: through the middle of each bucket, from the first to the last t of a piece. */

/** @typedef {import("./course.js").Course} Course */
/** @typedef {{moveTo: (x: number, y: number) => void, lineTo: (x: number, y: number) => void, closePath: () => void}} Pen */
/**
 * How a course lies on a drawing.
 * @typedef {object} Place
 * @property {(t: number) => number} x pixels @property {(value: number) => number} y pixels
 * @property {[number, number][]} pieces as `pieces` of course.js gives them
 * @property {boolean} [stepped] whether a value holds for its bucket, instead of leading to the next
 */

/** A tick has room from half a tick before it to half a tick behind it, so that a lone one can be seen. */
const HALF = 0.5;

/** @param {Pen} pen @param {Course} course @param {ArrayLike<number>} values one for each bucket @param {Place} place */
export function drawLine(pen, course, values, { x, y, pieces, stepped = false }) {
  for (const piece of pieces) trace(pen, cornersOf(course, values, piece, stepped), x, y);
}

/** Fills what lies between two lines. @param {Pen} pen @param {Course} course @param {ArrayLike<number>} low @param {ArrayLike<number>} high @param {Place} place */
export function drawArea(pen, course, low, high, { x, y, pieces, stepped = false }) {
  for (const piece of pieces) {
    const [upper, lower] = [high, low].map((values) => cornersOf(course, values, piece, stepped));
    trace(pen, [...upper, ...lower.reverse()], x, y);
    pen.closePath();
  }
}

/** @param {Pen} pen @param {[number, number][]} corners @param {(t: number) => number} x @param {(value: number) => number} y */
function trace(pen, corners, x, y) {
  corners.forEach(([t, value], i) => (i ? pen.lineTo(x(t), y(value)) : pen.moveTo(x(t), y(value))));
}

/** @param {Course} course @param {ArrayLike<number>} values @param {[number, number]} piece @param {boolean} stepped @returns {[number, number][]} t and value */
function cornersOf({ from, to }, values, [start, end], stepped) {
  /** @type {[number, number][]} */
  const corners = [];
  for (let i = start; i < end; i++) {
    if (stepped) corners.push([from[i] - HALF, values[i]], [to[i] + HALF, values[i]]);
    else corners.push([(from[i] + to[i]) / 2, values[i]]);
  }
  if (stepped) return corners;
  return [[from[start] - HALF, values[start]], ...corners, [to[end - 1] + HALF, values[end - 1]]];
}
