/** Owns moving agents apart that would cover each other. */

import { RIM } from "../graph/graph-model.js";

/** More change nothing that is seen, at 200 agents. */
const PASSES = 8;

/** A few agents stand no further apart than this, in radii of the picture. */
const WIDEST = 0.26;

/**
 * Moves agents apart, in place. Only those in neighbouring squares of a grid are compared: of thousands, nearly all are
 * far from each other.
 * @param {Float32Array} positions x, y of each @param {number} count
 */
export function partOverlaps(positions, count) {
  const least = Math.min(WIDEST, 1 / Math.sqrt(count));
  const grid = new Grid(least, count);
  for (let pass = 0; pass < PASSES; pass++) {
    grid.clear();
    for (let i = 0; i < count; i++) {
      grid.eachNear(positions, i, (j) => part(positions, 2 * j, 2 * i, least));
      grid.add(positions, i);
    }
    for (let i = 0; i < 2 * count; i += 2) keepWithin(positions, i);
  }
}

/** Squares over the picture, and a chain of agents in each. Who strays beyond the edge counts to the square there. */
class Grid {
  /** @param {number} width of a square @param {number} count of agents */
  constructor(width, count) {
    this.width = width;
    this.side = Math.ceil((2 * RIM) / width);
    this.first = new Int32Array(this.side * this.side);
    this.next = new Int32Array(count);
  }

  clear() {
    this.first.fill(-1);
  }

  /** @param {number} place x or y */
  #line(place) {
    return Math.min(Math.max(Math.floor((place + RIM) / this.width), 0), this.side - 1);
  }

  /** @param {Float32Array} positions @param {number} i */
  add(positions, i) {
    const square = this.#line(positions[2 * i + 1]) * this.side + this.#line(positions[2 * i]);
    this.next[i] = this.first[square];
    this.first[square] = i;
  }

  /** Those added that stand in the agent's square or beside it. @param {Float32Array} positions @param {number} i @param {(other: number) => void} meet */
  eachNear(positions, i, meet) {
    const [column, row] = [this.#line(positions[2 * i]), this.#line(positions[2 * i + 1])];
    const [left, right] = [Math.max(column - 1, 0), Math.min(column + 1, this.side - 1)];
    for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, this.side - 1); y++) {
      for (let x = left; x <= right; x++) {
        for (let other = this.first[y * this.side + x]; other >= 0; other = this.next[other]) meet(other);
      }
    }
  }
}

/** @param {Float32Array} positions @param {number} at */
function keepWithin(positions, at) {
  const share = RIM / Math.hypot(positions[at], positions[at + 1]);
  if (share < 1) [positions[at], positions[at + 1]] = [positions[at] * share, positions[at + 1] * share];
}

/** @param {Float32Array} positions @param {number} a @param {number} b @param {number} least */
function part(positions, a, b, least) {
  // Two agents in one spot are parted sideways: any direction will do, but always the same.
  const dx = positions[b] - positions[a] || 1e-4;
  const dy = positions[b + 1] - positions[a + 1];
  const squared = dx * dx + dy * dy;
  if (squared >= least * least) return;
  const distance = Math.sqrt(squared);
  const share = (least - distance) / distance / 2;
  positions[a] -= dx * share;
  positions[a + 1] -= dy * share;
  positions[b] += dx * share;
  positions[b + 1] += dy * share;
}
