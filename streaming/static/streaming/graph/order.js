/** Owns the order of agents in the matrix and on the ring: by community, the largest first, and within it by matches, then by how active they are. */

import { text } from "../state/texts.js";
import { lettersOf } from "../data/agent-names.js";
import { besides, squeezed } from "./groups.js";
import { POOL } from "./pool.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** Agents beside each other who are one community; `community` is null for those without one. @typedef {{community: number | null, from: number, to: number}} Run */

/** Those who have an edge, or joined or left; everyone where nobody does. @param {Pick<Scene, "everyone" | "graph" | "allLost">} scene @returns {Scene["everyone"]} */
export function tiedOf({ everyone, graph, allLost }) {
  const ends = new Set([...graph.edges.values(), ...allLost].flatMap(({ source, target }) => [source, target]));
  const tied = [...everyone].filter(([key, { change }]) => change || ends.has(key));
  return tied.length ? new Map(tied) : everyone;
}

/** @param {Pick<Scene, "everyone" | "communities">} scene @returns {{keys: string[], runs: Run[]}} `to` of a run is behind its last */
export function orderOf({ everyone, communities }) {
  const sizes = new Map();
  for (const community of communities.values()) sizes.set(community, (sizes.get(community) ?? 0) + 1);
  const rank = (/** @type {string} */ key) => {
    const community = communities.get(key) ?? Infinity;
    return sizes.get(community) > 1 ? community : key === POOL ? Infinity : Number.MAX_SAFE_INTEGER;
  };
  const keys = [...everyone].map(([key, { matches, size }]) => ({ key, matches, size, rank: rank(key) }))
    .sort((a, b) => (a.rank === b.rank ? b.matches - a.matches || b.size - a.size || Number(a.key) - Number(b.key) : a.rank - b.rank));
  /** @type {Run[]} */
  const runs = [];
  keys.forEach(({ rank: place }, i) => {
    if (i === 0 || keys[i - 1].rank !== place) runs.push({ community: place < Number.MAX_SAFE_INTEGER ? place : null, from: i, to: i });
    runs[runs.length - 1].to = i + 1;
  });
  return { keys: keys.map(({ key }) => key), runs };
}

/** An agent's name, else its number. @param {Scene} scene @param {string} key @param {number} longest characters */
export function wordsFor({ everyone }, key, longest) {
  if (key === POOL) return text("pool");
  return squeezed(everyone.get(key)?.name || key, longest);
}

const SIGNS = { joined: "+ ", left: "− " };

/** What is written beside an agent: its name, after a sign where it joined or left. @param {Scene} scene @param {string} key @param {number} longest characters of the name */
export function labelFor({ everyone }, key, longest = Infinity) {
  const { change, name } = everyone.get(key) ?? {};
  return `${change ? SIGNS[change] : ""}${key === POOL ? text("pool") : squeezed(besides(name || key), longest)}`;
}

/** Shorter a label says nothing. Letters. */
const SHORTEST = 4;

/** As much of a label as has room, and some of it in any case. @param {(longest: number) => string} write it in at most so many letters @param {(words: string) => number} widthOf words @param {number} room */
export function fitting(write, widthOf, room) {
  let words = write(Infinity);
  for (let longest = lettersOf(words) - 1; longest >= SHORTEST && widthOf(words) > room; longest--) words = write(longest);
  return words;
}

/** The colour of that. @param {Scene} scene @param {string} key */
export function inkFor({ everyone, centre, palette }, key) {
  const change = everyone.get(key)?.change;
  if (change) return change === "joined" ? palette.gained : palette.lost;
  return key === centre ? palette.ink : palette.muted;
}

/** Who is named first: the one that is looked at and those near it, who joined or left, then who has most matches. @param {Scene} scene @returns {(key: string) => number} */
export function weightsFor({ everyone, centre, near }) {
  return (key) => {
    const node = everyone.get(key);
    return (key === centre ? Infinity : 0) + (near?.has(key) ? 1e12 : 0) + (node?.change ? 1e9 : 0) + (node?.matches ?? 0);
  };
}

/**
 * Who gets a label where not all have room: who has most matches first, none nearer than `gap` to another, and nobody without
 * any while others have some.
 * @param {string[]} keys @param {(key: string) => number} weightOf @param {(i: number) => number} placeOf pixels along a line @param {number} gap pixels
 * @param {number} [around] the line's length, where its end meets its beginning
 * @returns {Set<string>}
 */
export function labelled(keys, weightOf, placeOf, gap, around = Infinity) {
  /** @type {Map<number, number>} */
  const taken = new Map();
  const chosen = new Set();
  const all = keys.map((key, i) => ({ key, place: placeOf(i), weight: weightOf(key) }));
  const weighty = all.filter(({ weight }) => weight > 0);
  const crowded = all.length > 1 && all[1].place - all[0].place < gap && weighty.length > 0;
  const byWeight = (crowded ? weighty : all).sort((a, b) => b.weight - a.weight || a.place - b.place);
  for (const { key, place } of byWeight) {
    const slot = Math.floor(place / gap);
    if ([slot - 1, slot, slot + 1].some((near) => Math.abs((taken.get(near) ?? Infinity) - place) < gap)) continue;
    for (const turn of [place, place + around, place - around]) taken.set(Math.floor(turn / gap), turn);
    chosen.add(key);
  }
  return chosen;
}
