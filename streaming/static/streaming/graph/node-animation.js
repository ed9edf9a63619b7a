/** Owns the agents' way to their places: moves, grows and fades them there step by step. */

/** Share of the remaining way that an agent goes in a sixtieth of a second: it stands after a third of one, however seldom a machine can draw. */
const EASE = 0.25;
const STEP_MS = 1000 / 60;
const ARRIVED = 0.002;

const MOVING = /** @type {const} */ ([["x", "targetX", 1], ["y", "targetY", 1], ["size", "targetSize", 20], ["presence", "targetPresence", 1]]);

/** Whether an agent that leaves is still to be seen. @param {{presence: number}} attributes */
export function isFading({ presence }) {
  return presence > ARRIVED;
}

export class NodeAnimation {
  /** When agents moved last; null while all stand. @type {number | null} */ #movedMs = null;

  /** @param {import("graphology").default} graph @param {() => void} draw asks for a drawing, which takes a `step` */
  constructor(graph, draw) {
    this.graph = graph;
    this.draw = draw;
  }

  /** Whether nobody is on the way. */
  get still() {
    return this.#movedMs === null;
  }

  /** @param {import("graphology").default} graph */
  take(graph) {
    this.graph = graph;
    this.draw();
  }

  /** One step of every agent towards its place, size and presence. @param {number} nowMs @param {boolean} atOnce */
  step(nowMs, atOnce) {
    const steps = this.#movedMs === null ? 1 : (nowMs - this.#movedMs) / STEP_MS;
    const share = atOnce ? 1 : 1 - (1 - EASE) ** steps;
    let farthest = 0;
    // In place: sigma would work out every agent twice over if it were told by the graph.
    this.graph.forEachNode((_, attributes) => {
      for (const [name, target, unit] of MOVING) {
        const way = (attributes[target] ?? (name === "presence" ? 1 : attributes[name])) - attributes[name];
        farthest = Math.max(farthest, Math.abs(way) / unit);
        attributes[name] += Math.abs(way) / unit < ARRIVED ? way : way * share;
      }
    });
    this.#movedMs = farthest > ARRIVED && !atOnce ? nowMs : null;
    if (this.#movedMs !== null) this.draw();
  }

  /** Sends agents to their places. @param {string[]} keys @param {ArrayLike<number>} positions x, y of each */
  send(keys, positions) {
    keys.forEach((key, i) => {
      if (!this.graph.hasNode(key)) return;
      const attributes = this.graph.getNodeAttributes(key);
      [attributes.targetX, attributes.targetY] = [positions[2 * i], positions[2 * i + 1]];
    });
    this.draw();
  }
}
