/** Owns the ring: communities as arcs, agents along them, and chords that go together where they lead to the same community. */

import { lettersOf } from "../data/agent-names.js";
import { withAlpha } from "../page/colors.js";
import { REACH, distanceToCurve } from "./edge-picking.js";
import { groupsOf } from "./groups.js";
import { inkFor, labelFor, labelled, orderOf, weightsFor } from "./order.js";

/** Pixels: how wide an arc is, how far it stands off, and from there to the names. */
const [ARC, APART, ASIDE] = [5, 7, 4];

/** A letter's width as a share of its height, and the room that some have around the ring at least. Pixels. */
const [LETTER, LEAST_ROOM] = [0.58, 54];

/** Of the way from the middle to the edge, names take at most so much; but they have so many characters. */
const [NAMES_SHARE, LEAST_CHARACTERS] = [0.5, 8];

/** Between two communities, in radians: at most so much, and of the whole circle at most so much together. */
const [GAP, ALL_GAPS] = [0.07, 0.9];

/** How near the middle chords between communities meet, as a share of the radius, and how much they lean to the middle of theirs. */
const [WAIST, LEANING] = [0.42, 0.75];

/** What chords are, the later over the earlier, and the shades they are drawn in: those of one are drawn at once. */
const LAYERS = /** @type {const} */ (["pool", "quote_proximity", "match", "lost", "gained"]);
const SHADES = 8;

/** What remains of a chord that both moments have, where two are compared; and what changed is never fainter than this. */
const [KEPT, LEAST_CHANGED] = [0.3, 0.35];

const FONT = 11;
const FAINT = 0.15;

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./graph-model.js").EdgeLook} EdgeLook */
/** @typedef {import("./edge-picking.js").Point} Point */
/** A cubic curve. @typedef {[Point, Point, Point, Point]} Chord */
/** Chords of one layer and shade, by the look of one of them. @typedef {{layer: typeof LAYERS[number], level: number, edge: EdgeLook, chords: Chord[]}} Strand */

/** The angle of each agent, from the top, clockwise, and the spans of communities. @param {number} count @param {import("./order.js").Run[]} runs */
export function anglesOf(count, runs) {
  const gap = runs.length > 1 ? Math.min(GAP, ALL_GAPS / runs.length) : 0;
  const step = (2 * Math.PI - gap * runs.length) / Math.max(count, 1);
  /** @type {number[]} */ const angles = [];
  const spans = runs.map(({ from, to, community }, i) => {
    const start = from * step + (i + 0.5) * gap;
    for (let agent = from; agent < to; agent++) angles[agent] = start + (agent - from + 0.5) * step;
    return { community, from: start, to: start + (to - from) * step };
  });
  return { angles, spans, step };
}

/** How long a name may be, where it is so far from the middle to the edge. @param {number} half pixels @returns {number} characters */
export function longestFor(half) {
  return Math.max(Math.floor((NAMES_SHARE * half - APART - ARC - 2 * ASIDE) / (LETTER * FONT)), LEAST_CHARACTERS);
}

/** Around the ring for names, the longest of which shall not be cut off. @param {string[]} labels @returns {number} pixels */
export function roomFor(labels) {
  const longest = labels.reduce((most, label) => Math.max(most, lettersOf(label)), 0);
  return Math.max(APART + ARC + 2 * ASIDE + LETTER * FONT * longest, LEAST_ROOM);
}

/** @param {Chord} chord @param {number} share of the way @returns {Point} */
export function onChord([a, b, c, d], share) {
  const rest = 1 - share;
  const mixed = (/** @type {"x" | "y"} */ name) => rest ** 3 * a[name] + 3 * rest ** 2 * share * b[name] + 3 * rest * share ** 2 * c[name] + share ** 3 * d[name];
  return { x: mixed("x"), y: mixed("y") };
}

/** @param {{edge: EdgeLook, chord: Chord}[]} chords @returns {Strand[]} in the order that they are drawn in */
function strandsOf(chords) {
  /** @type {Map<number, Strand>} */
  const strands = new Map();
  for (const { edge, chord } of chords) {
    const layer = edge.change === "gained" || edge.change === "lost" ? edge.change : edge.kind;
    const level = Math.min(Math.floor(edge.strength * SHADES), SHADES - 1);
    const place = LAYERS.indexOf(layer) * SHADES + level;
    const strand = strands.get(place);
    if (strand) strand.chords.push(chord);
    else strands.set(place, { layer, level, edge, chords: [chord] });
  }
  return [...strands].sort(([a], [b]) => a - b).map(([, strand]) => strand);
}

export class Ring {
  /** @type {string[]} */ keys = [];
  /** @type {Map<string, number>} */ #index = new Map();
  /** @type {ReturnType<typeof anglesOf>} */ #round = { angles: [], spans: [], step: 0 };
  /** Of each agent, the middle of its community's span. @type {number[]} */ #middles = [];
  #box = { x: 0, y: 0, radius: 1 };
  /** What is written beside each agent. @type {string[]} */ #labels = [];
  /** @type {{edge: EdgeLook, chord: Chord}[]} */ #chords = [];

  /** @param {Scene} scene @param {number} width @param {number} height */
  lay(scene, width, height) {
    const { keys, runs } = orderOf(scene);
    this.keys = keys;
    this.#index = new Map(keys.map((key, i) => [key, i]));
    this.#round = anglesOf(keys.length, runs);
    this.#middles = runs.flatMap(({ from, to }, i) => new Array(to - from).fill((this.#round.spans[i].from + this.#round.spans[i].to) / 2));
    const half = Math.min(width, height) / 2;
    this.#labels = keys.map((key) => labelFor(scene, key, longestFor(half)));
    this.#box = { x: width / 2, y: height / 2, radius: Math.max(half - roomFor(this.#labels), 30) };
    this.#chords = scene.drawn.map((edge) => ({ edge, chord: this.#chordOf(edge) })).sort((a, b) => a.edge.strength - b.edge.strength);
  }

  /** @param {number} angle @param {number} share of the radius @returns {Point} */
  #at(angle, share) {
    const { x, y, radius } = this.#box;
    return { x: x + share * radius * Math.sin(angle), y: y - share * radius * Math.cos(angle) };
  }

  /** @param {EdgeLook} edge @returns {Chord} */
  #chordOf({ source, target }) {
    const [a, b] = [this.#index.get(source) ?? 0, this.#index.get(target) ?? 0];
    const { angles } = this.#round;
    const inner = this.#middles[a] === this.#middles[b];
    const lean = (/** @type {number} */ i) => angles[i] + LEANING * (this.#middles[i] - angles[i]);
    // Within a community a chord is as deep as it is wide.
    const depth = inner ? 1 - Math.min(0.55, 0.06 + Math.abs(angles[a] - angles[b]) / 3) : WAIST;
    const [one, other] = inner ? [angles[a], angles[b]] : [lean(a), lean(b)];
    return [this.#at(angles[a], 0.985), this.#at(one, depth), this.#at(other, depth), this.#at(angles[b], 0.985)];
  }

  /** @param {CanvasRenderingContext2D} context @param {Scene} scene */
  draw(context, scene) {
    const chords = this.#chords.filter(({ edge }) => !scene.near || scene.isApart(edge));
    this.#strokes(context, scene, chords, scene.near ? FAINT : 1);
    if (scene.near) this.#strokes(context, scene, this.#chords.filter(({ edge }) => !scene.isApart(edge)), 1);
    this.#arcs(context, scene);
    this.#agents(context, scene);
    this.#names(context, scene);
  }

  /** All chords of one layer and shade in one go. @param {CanvasRenderingContext2D} context @param {Scene} scene @param {{edge: EdgeLook, chord: Chord}[]} chords @param {number} share of their colour */
  #strokes(context, scene, chords, share) {
    for (const { layer, level, edge, chords: some } of strandsOf(chords)) {
      const shown = ((level + 0.5) / SHADES) ** (layer === "quote_proximity" ? 1.5 : 0.6);
      const presence = scene.near && share === 1 ? 1 : edge.presence;
      const changed = layer === "gained" || layer === "lost";
      const alpha = Math.max((0.08 + 0.77 * shown) * presence * (scene.compared && !changed ? KEPT : 1), changed ? LEAST_CHANGED : 0);
      context.strokeStyle = withAlpha(scene.colourOfEdge(edge), alpha * share);
      context.lineWidth = 0.6 + 2.6 * shown * presence;
      context.setLineDash(layer === "lost" ? [6, 4] : []);
      context.beginPath();
      for (const [a, b, c, d] of some) {
        context.moveTo(a.x, a.y);
        context.bezierCurveTo(b.x, b.y, c.x, c.y, d.x, d.y);
      }
      context.stroke();
    }
    context.setLineDash([]);
  }

  /** @param {CanvasRenderingContext2D} context @param {Scene} scene */
  #arcs(context, scene) {
    const { x, y, radius } = this.#box;
    context.lineWidth = ARC;
    for (const { community, from, to } of this.#round.spans) {
      const colour = community === null ? -1 : scene.communityColours[community];
      context.strokeStyle = colour < 0 ? scene.palette.line : groupsOf(scene.palette)[colour];
      context.beginPath();
      context.arc(x, y, radius + APART, from - Math.PI / 2, to - Math.PI / 2);
      context.stroke();
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {Scene} scene */
  #agents(context, scene) {
    const most = Math.max(Math.min((this.#round.step * this.#box.radius) / 2, 6), 1);
    this.keys.forEach((key, i) => {
      const { x, y } = this.#at(this.#round.angles[i], 1);
      const looked = key === scene.centre;
      const change = scene.everyone.get(key)?.change;
      context.globalAlpha = scene.near && !scene.near.has(key) ? FAINT : 1;
      context.fillStyle = change === "left" ? scene.palette.panel : scene.colourOf(key);
      context.beginPath();
      context.arc(x, y, looked || change ? Math.max(most, 4) : most, 0, 2 * Math.PI);
      context.fill();
      if (!looked && !change) return;
      context.strokeStyle = !looked ? inkFor(scene, key) : key === scene.pinned ? scene.palette.accent : scene.palette.ink;
      context.lineWidth = 2;
      context.setLineDash(change === "left" ? [3, 2.5] : []);
      context.stroke();
      context.setLineDash([]);
    });
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context @param {Scene} scene */
  #names(context, scene) {
    const { radius } = this.#box;
    const chosen = labelled(this.keys, weightsFor(scene), (i) => this.#round.angles[i] * radius, FONT + 2, 2 * Math.PI * radius);
    context.font = `${FONT}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    this.keys.forEach((key, i) => {
      if (!chosen.has(key) || (scene.near && !scene.near.has(key))) return;
      context.fillStyle = inkFor(scene, key);
      this.#write(context, this.#labels[i], this.#round.angles[i], 1 + (APART + ARC + ASIDE) / radius);
    });
  }

  /** Along the radius, and never upside down. @param {CanvasRenderingContext2D} context @param {string} words @param {number} angle @param {number} share */
  #write(context, words, angle, share) {
    const { x, y } = this.#at(angle, share);
    const left = angle > Math.PI;
    context.save();
    context.translate(x, y);
    context.rotate(angle - Math.PI / 2 + (left ? Math.PI : 0));
    context.textAlign = left ? "right" : "left";
    context.fillText(words, 0, 0);
    context.restore();
  }

  /** What is at a point: an agent on the ring, or the ends of a chord. @param {Point} point @returns {{agent: string | null, pair: [string, string] | null}} */
  at(point) {
    const { x, y, radius } = this.#box;
    const distance = Math.hypot(point.x - x, point.y - y);
    if (distance > radius * 0.96 - 4) return { agent: distance < radius + 60 ? this.#agentAt(Math.atan2(point.x - x, y - point.y)) : null, pair: null };
    const edge = this.#chordAt(point);
    return { agent: null, pair: edge && [edge.source, edge.target] };
  }

  /** @param {number} angle @returns {string | null} */
  #agentAt(angle) {
    const wanted = (angle + 2 * Math.PI) % (2 * Math.PI);
    const { angles, step } = this.#round;
    const off = (/** @type {number} */ i) => Math.abs(angles[i] - wanted);
    const nearest = angles.reduce((best, _, i) => (off(i) < off(best) ? i : best), 0);
    return angles.length && off(nearest) < Math.max(step, 0.05) ? this.keys[nearest] : null;
  }

  /** @param {Point} point @returns {EdgeLook | null} */
  #chordAt(point) {
    let [nearest, least] = [/** @type {EdgeLook | null} */ (null), REACH];
    for (const { edge, chord } of this.#chords) {
      const distance = distanceToCurve(point, (share) => onChord(chord, share));
      if (distance <= least) [nearest, least] = [edge, distance];
    }
    return nearest;
  }

  /** @param {Point} point */
  picked(point) {
    return this.at(point).agent;
  }
}
