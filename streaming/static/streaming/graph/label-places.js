/** Owns where agents' names and numbers stand: within their circles where they can be read there, else beside, and never over each other. */

import { besides } from "./groups.js";

/** Smaller numbers are not legible. Pixels. */
const SMALLEST_FONT = 8.5;

/** The largest in a circle, and that beside one, of the usual size. Pixels. */
const [INSIDE, BESIDE] = [12, 10.5];

/** The name above the one that is pointed at. Pixels. */
export const HOVER = 13;

/** A letter's width as a share of its height. */
const LETTER = 0.6;

/** So many names and numbers beside circles are enough; those that are wanted come on top. */
const MOST = 40;

/** Of more agents than this only the large ones are named, as a share of the largest: whose name it is that stands among dots is not seen. */
const [CROWD, LARGE] = [200, 0.6];

/** From a circle to the words beside it, and from words to others: across and down, of a number, a name and what is wanted. Pixels. */
const ASIDE = 2;
const APART = { number: { x: 14, y: 8 }, name: { x: 26, y: 12 }, wanted: { x: 3, y: 0 } };

/** Words may cover smaller circles: among thousands of dots there would be room for none. Radius in pixels. */
const COVERABLE = 3.5;

/** Circles are looked up by squares so wide. Pixels. */
const CELL = 64;

/**
 * An agent as it is drawn: its circle in pixels, and how much larger than usual everything is. Words that are `wanted` come
 * first and stand closer; `named` has its name above it anyway.
 * @typedef {{key: string, x: number, y: number, size: number, scale: number, label: string, name: string, ink: string, wanted?: boolean, named?: boolean}} Drawn
 */
/** Words in the middle of (x, y) or, beside a circle, from there to the right. @typedef {{words: string, x: number, y: number, font: number, ink: string, inside: boolean}} Label */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Box */
/** Where words may stand. Pixels. @typedef {{left?: number, width: number, height: number}} Picture */

/** The middle of words above (x, y) that shall be whole in the picture. @param {number} x @param {number} width of the words @param {number} all width of the picture */
export function middleOf(x, width, all) {
  return Math.max(Math.min(x, all - width / 2 - ASIDE), width / 2 + ASIDE);
}

/** Whether an agent's number can be read in its circle. A name says more, and stands beside. @param {string} label @param {string} name @param {number} size radius */
export function fitsInside(label, name, size) {
  return !name && fontWithin(label, size) >= SMALLEST_FONT;
}

/** The largest font in which a number fits into a circle. @param {string} label @param {number} size radius */
function fontWithin(label, size) {
  // Both the number's diagonal and its height stay within the circle.
  return (2 * size * 0.94) / Math.hypot(label.length * LETTER, 0.9);
}

/**
 * Of each agent with a label its words and where they stand, if there is room for them. Larger agents come first.
 * @param {Drawn[]} agents @param {Picture} picture
 * @param {(words: string, font: number) => number} widthOf words in pixels @returns {Label[]}
 */
export function labelsOf(agents, picture, widthOf) {
  const labelled = agents.filter(({ label }) => label);
  const [within, outside] = [/** @type {Drawn[]} */ ([]), /** @type {Drawn[]} */ ([])];
  for (const agent of labelled) (fitsInside(agent.label, agent.name, agent.size) ? within : outside).push(agent);
  const inside = within.map(({ label, x, y, size, scale, ink }) => {
    // Whole pixels: a font that was used before is cheap.
    return { words: label, x, y: y + 0.5, font: Math.round(Math.min(INSIDE * scale, fontWithin(label, size))), ink, inside: true };
  });
  const beside = namable(outside.filter(({ named }) => !named))
    .sort((a, b) => Number(b.wanted ?? false) - Number(a.wanted ?? false) || b.size - a.size || Number(a.key) - Number(b.key));
  const above = labelled.filter(({ named }) => named).map((agent) => {
    const width = widthOf(agent.name || agent.label, HOVER * agent.scale);
    return boxesBeside({ ...agent, x: middleOf(agent.x, width, picture.width) }, width, 1.4 * HOVER * agent.scale)[2];
  });
  return [...inside, ...placed(beside, above, new Circles(agents), picture, widthOf)];
}

/** The wanted and the large ones. @param {Drawn[]} agents */
function namable(agents) {
  const least = agents.length > CROWD ? LARGE * agents.reduce((most, { size }) => Math.max(most, size), 0) : 0;
  return agents.filter(({ wanted, size }) => wanted || size >= least);
}

/** @param {Drawn[]} agents the first chooses first @param {Box[]} taken @param {Circles} circles @param {Picture} picture @param {(words: string, font: number) => number} widthOf @returns {Label[]} */
function placed(agents, taken, circles, { left: least = 0, width, height }, widthOf) {
  /** @type {Label[]} */ const labels = [];
  for (const agent of agents) {
    const { name, label, scale, wanted } = agent;
    if (!wanted && labels.length >= MOST) break;
    const [words, font] = [besides(name || label), Math.round(BESIDE * scale)];
    const boxes = boxesBeside(agent, widthOf(words, font), 1.1 * font).filter(({ left, top, right, bottom }) => left >= least && top >= 0 && right <= width && bottom <= height);
    const apart = wanted ? APART.wanted : name ? APART.name : APART.number;
    const box = boxes.find((one) => !taken.some((other) => meet(one, other, apart)) && !circles.meet(one, agent));
    if (!box) continue;
    taken.push(box);
    labels.push({ words, x: box.left, y: (box.top + box.bottom) / 2, font, ink: "", inside: false });
  }
  return labels;
}

/** At the right, at the left, above and below. @param {Drawn} agent @param {number} width @param {number} height of the words @returns {Box[]} */
function boxesBeside({ x, y, size }, width, height) {
  const off = size + ASIDE;
  const corners = [[x + off, y - height / 2], [x - off - width, y - height / 2], [x - width / 2, y - off - height], [x - width / 2, y + off]];
  return corners.map(([left, top]) => ({ left, top, right: left + width, bottom: top + height }));
}

/** @param {Box} one @param {Box} other @param {{x: number, y: number}} apart */
function meet(one, other, apart) {
  return one.left < other.right + apart.x && other.left < one.right + apart.x && one.top < other.bottom + apart.y && other.top < one.bottom + apart.y;
}

/** The circles that words must not cover. */
class Circles {
  /** @type {Map<string, Drawn[]>} */ #cells = new Map();

  /** @param {Drawn[]} agents */
  constructor(agents) {
    for (const agent of agents) {
      if (agent.size < COVERABLE) continue;
      const { x, y, size } = agent;
      for (const cell of cellsOf({ left: x - size, top: y - size, right: x + size, bottom: y + size })) this.#cells.set(cell, [...(this.#cells.get(cell) ?? []), agent]);
    }
  }

  /** Whether words would cover a circle besides their own. @param {Box} box @param {Drawn} own */
  meet(box, own) {
    return cellsOf(box).some((cell) => this.#cells.get(cell)?.some((agent) => {
      const across = Math.max(box.left - agent.x, 0, agent.x - box.right);
      const down = Math.max(box.top - agent.y, 0, agent.y - box.bottom);
      return agent !== own && across ** 2 + down ** 2 < agent.size ** 2;
    }));
  }
}

/** @param {Box} box @returns {string[]} the squares that it reaches into */
function cellsOf({ left, top, right, bottom }) {
  const cells = [];
  for (let column = Math.floor(left / CELL); column <= Math.floor(right / CELL); column++) {
    for (let row = Math.floor(top / CELL); row <= Math.floor(bottom / CELL); row++) cells.push(`${column} ${row}`);
  }
  return cells;
}
