/** Owns finding the edge that is pointed at. */

/** How far an arc bends aside of the straight way: its control point, as a share of the distance. */
export const BEND = 0.18;

/** An edge further from the pointer than this is not pointed at. Pixels. */
export const REACH = 5;

/** Straight pieces that stand for an arc. */
const PIECES = 8;

/** @typedef {{x: number, y: number}} Point */
/** @typedef {import("./graph-model.js").EdgeLook} EdgeLook */

/** @param {Point} p @param {Point} a @param {Point} b @returns {number} from the point to the way between two others */
export function distanceTo(p, a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const share = Math.min(Math.max(((p.x - a.x) * dx + (p.y - a.y) * dy) / (dx * dx + dy * dy || 1), 0), 1);
  return Math.hypot(p.x - a.x - share * dx, p.y - a.y - share * dy);
}

/** The control point of an arc on the screen, where y goes down. @param {Point} a @param {Point} b @param {number} bend @returns {Point} */
export function controlOf(a, b, bend) {
  return { x: (a.x + b.x) / 2 + bend * (b.y - a.y), y: (a.y + b.y) / 2 - bend * (b.x - a.x) };
}

/** A quadratic curve's point. @param {Point} a @param {Point} control @param {Point} b @param {number} share of the way */
export function onCurve(a, control, b, share) {
  const [one, two, three] = [(1 - share) ** 2, 2 * share * (1 - share), share ** 2];
  return { x: one * a.x + two * control.x + three * b.x, y: one * a.y + two * control.y + three * b.y };
}

/** @param {Point} p @param {(share: number) => Point} curve @returns {number} */
export function distanceToCurve(p, curve) {
  let [least, from] = [Infinity, curve(0)];
  for (let piece = 1; piece <= PIECES; piece++) {
    const to = curve(piece / PIECES);
    least = Math.min(least, distanceTo(p, from, to));
    from = to;
  }
  return least;
}

/**
 * The nearest of some edges within reach of a point; matches are arcs that bend to the left of their way, as seen in a picture whose y
 * grows downwards.
 * @param {EdgeLook[]} edges @param {(key: string) => Point} place of an agent in pixels @param {Point} at @returns {EdgeLook | null}
 */
export function nearestEdge(edges, place, at) {
  /** @type {Map<string, Point>} */
  const known = new Map();
  const placeOf = (/** @type {string} */ key) => {
    const point = known.get(key) ?? place(key);
    known.set(key, point);
    return point;
  };
  let [nearest, least] = [/** @type {EdgeLook | null} */ (null), REACH];
  for (const edge of edges) {
    const [a, b] = [placeOf(edge.source), placeOf(edge.target)];
    const bend = edge.kind === "match" ? BEND : 0;
    // Nearer to the straight way than the arc's height, or it need not be looked at closely.
    if (distanceTo(at, a, b) > least + (bend * Math.hypot(b.x - a.x, b.y - a.y)) / 2) continue;
    const control = controlOf(a, b, bend);
    const distance = distanceToCurve(at, (share) => onCurve(a, control, b, share));
    if (distance < least) [nearest, least] = [edge, distance];
  }
  return nearest;
}
