/** Owns where agents that left stand in the web: at its rim, on the side where those they dealt with are. */

import { RIM, startPosition } from "./graph-model.js";

/** A little beyond those that are there, as a share of how far these go. */
const BEYOND = 1.05;

/** Between two of them along the rim at least, in radians, as far as there is room for all. */
const APART = 0.2;

/**
 * @param {Map<string, unknown>} left by agent id @param {import("./graph-model.js").EdgeLook[]} lost edges
 * @param {string[]} keys of those that are there @param {ArrayLike<number>} positions x, y of each @returns {Map<string, [number, number]>}
 */
export function placesOfLeft(left, lost, keys, positions) {
  const index = new Map(keys.map((key, i) => [key, i]));
  const sums = new Map([...left.keys()].map((key) => [key, { x: 0, y: 0 }]));
  for (const { source, target } of lost) {
    for (const [one, other] of [[source, target], [target, source]]) {
      const [sum, at] = [sums.get(one), index.get(other)];
      if (!sum || at === undefined) continue;
      sum.x += positions[2 * at];
      sum.y += positions[2 * at + 1];
    }
  }
  const angles = [...sums].map(([key, sum]) => {
    const { x, y } = sum.x || sum.y ? sum : startPosition(key);
    return { key, angle: Math.atan2(y, x) };
  }).sort((a, b) => a.angle - b.angle || Number(a.key) - Number(b.key));
  const apart = Math.min(APART, (2 * Math.PI) / Math.max(angles.length, 1));
  angles.forEach((one, i) => (one.angle = i ? Math.max(one.angle, angles[i - 1].angle + apart) : one.angle));
  return new Map(angles.map(({ key, angle }) => [key, [BEYOND * RIM * Math.cos(angle), BEYOND * RIM * Math.sin(angle)]]));
}
