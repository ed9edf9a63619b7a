/** Owns what all views of the graph share: the graph itself, who is pointed at or pinned, and everyone's colour. */

import { remembered, shade } from "../page/colors.js";
import { divergingOf, scaleOf } from "../page/theme.js";
import { communityColours, groupsOf, kindsIn } from "./groups.js";
import { passes } from "./graph-model.js";
import { USUAL, filterOf } from "./look.js";
import { POOL } from "./pool.js";

/** Shades of a colour: sigma remembers every colour that it was ever given. */
export const SHADES = 64;

/** What remains of an agent or edge that another agent's neighbourhood puts into the background. */
export const FAINT = 0.12;

/** @typedef {import("./graph-model.js").Graph} Graph */
/** @typedef {import("./graph-model.js").EdgeLook} EdgeLook */
/** @typedef {import("./graph-model.js").NodeLook} NodeLook */

/** The shades of both scales, by number: everyone has one of few, and asks for it at every drawing. */
const shadesOf = remembered((/** @type {Record<string, string>} */ palette) => {
  const all = (/** @type {string[]} */ scale) => Array.from({ length: SHADES + 1 }, (_, i) => shade(scale, i / SHADES));
  return { experience: all(scaleOf(palette)), imbalance: all(divergingOf(palette)) };
});

export class Scene {
  /** @type {Graph} */ graph = { nodes: new Map(), edges: new Map() };
  /** @type {import("./look.js").Look} */ look = { ...USUAL };
  /** @type {string | null} */ hovered = null;
  /** @type {string | null} */ pinned = null;
  /** The community of each agent, 0 the largest; empty until it is known. @type {Map<string, number>} */ communities = new Map();
  /** Of each community, which of the groups' colours it has. @type {number[]} */ communityColours = [];
  /** @type {Map<string, number>} */ #kindColours = new Map();
  /** The agent pointed at, else the pinned one, if it is in the graph. @type {string | null} */ centre = null;
  /** It and its neighbours along the edges that are to be seen. @type {Set<string> | null} */ near = null;
  /** The edges that are to be seen. @type {EdgeLook[]} */ shown = [];

  /** Agents and edges of the moment compared with that are no more. @type {{left: Map<string, NodeLook>, lost: EdgeLook[]}} */ #gone = { left: new Map(), lost: [] };
  /** Whether the graph is compared with another. */ compared = false;
  /** Those in the graph, and those that left it. @type {Map<string, NodeLook>} */ everyone = new Map();
  /** The lost edges that are to be seen. @type {EdgeLook[]} */ lost = [];

  /** @param {Record<string, string>} palette */
  constructor(palette) {
    this.palette = palette;
  }

  /** Another frame's graph; its communities are not known yet. @param {Graph} graph @param {{left: Map<string, NodeLook>, lost: EdgeLook[]} | null} [compared] what is no more, where it is compared with another */
  take(graph, compared = null) {
    const gone = compared ?? { left: new Map(), lost: [] };
    [this.graph, this.#gone, this.compared] = [graph, gone, compared !== null];
    this.everyone = gone.left.size ? new Map([...graph.nodes, ...gone.left]) : graph.nodes;
    if (this.hovered !== null && !this.everyone.has(this.hovered)) this.hovered = null;
    this.#kindColours = new Map(kindsIn(graph.nodes.values()).map(({ kind }, i) => [kind, i]));
    this.settle();
  }

  /** @param {string[]} keys @param {ArrayLike<number>} communities */
  takeCommunities(keys, communities) {
    this.communities = new Map(keys.map((key, i) => [key, communities[i]]));
    this.communityColours = communityColours(keys, communities, (key) => this.graph.nodes.get(key)?.matches ?? 0);
  }

  /** Agents that are no more, where the graph is compared. */
  get left() {
    return this.#gone.left;
  }

  /** Edges that are no more, whether they are to be seen or not. */
  get allLost() {
    return this.#gone.lost;
  }

  /** The edges that are to be seen, those that were lost first. */
  get drawn() {
    return this.lost.length ? [...this.lost, ...this.shown] : this.shown;
  }

  /** Works out anew what depends on the filter and on who is pointed at. */
  settle() {
    const filter = filterOf(this.look);
    this.shown = [...this.graph.edges.values()].filter((edge) => passes(edge, filter));
    this.lost = this.#gone.lost.filter((edge) => passes(edge, filter));
    this.centre = [this.hovered, this.pinned].find((agent) => agent !== null && this.everyone.has(agent)) ?? null;
    this.near = this.centre === null ? null : this.#neighbours(this.centre);
  }

  /** @param {string} centre */
  #neighbours(centre) {
    const near = new Set([centre]);
    for (const { source, target } of this.drawn) if (source === centre || target === centre) near.add(source).add(target);
    return near;
  }

  /** @param {string} key @returns {string} `#rrggbb` */
  colourOf(key) {
    const node = this.graph.nodes.get(key);
    if (!node || key === POOL) return this.palette.none;
    const group = this.#groupOf(key, node);
    if (group !== null) return group < 0 ? this.palette.none : groupsOf(this.palette)[group];
    const { experience, imbalance } = shadesOf(this.palette);
    if (this.look.colour === "experience") return experience[Math.round(node.experience * SHADES)];
    return imbalance[Math.round(((node.imbalance ?? 0) + 1) * SHADES / 2)];
  }

  /** @param {string} key @param {NodeLook} node @returns {number | null} null where colours do not tell groups */
  #groupOf(key, { kind }) {
    if (this.look.colour === "community") return this.communityColours[this.communities.get(key) ?? -1] ?? -1;
    if (this.look.colour === "kind") return this.#kindColours.get(kind) ?? -1;
    return null;
  }

  /** What changed counts for more than what kind it is. @param {EdgeLook} edge @returns {string} `#rrggbb` */
  colourOfEdge({ kind, change }) {
    return change === "gained" || change === "lost" ? this.palette[change] : this.colourOfKind(kind);
  }

  /** @param {EdgeLook["kind"]} kind @returns {string} `#rrggbb` */
  colourOfKind(kind) {
    return this.palette[{ match: "match", quote_proximity: "proximity", pool: "none" }[kind]];
  }

  /** Whether an edge is in the background, since it is none of the agent's that is looked at. @param {EdgeLook} edge */
  isApart({ source, target }) {
    return this.near !== null && source !== this.centre && target !== this.centre;
  }
}
