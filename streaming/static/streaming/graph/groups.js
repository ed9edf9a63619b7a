/** Owns groups of agents, by the kind that their names tell or by the communities they form, and which colour is whose. */

import { lettersOf, shortened } from "../data/agent-names.js";

/** Colours there are for groups; those beyond share the colour of none. */
export const GROUP_COLOURS = 8;

/** Those colours. @param {Record<string, string>} palette */
export const groupsOf = (palette) => Array.from({ length: GROUP_COLOURS }, (_, i) => palette[`group-${i}`]);

/** A name's end that counts its bearers, as in `maker-12`. */
const COUNT = /[\s_:#.-]*\d+$/;

/** What kind of agent a name tells of: the part before its number. @param {string} name @returns {string} "" for a name that tells of none */
export function kindOf(name) {
  return COUNT.test(name) && !/^0x/i.test(name) ? name.replace(COUNT, "") : "";
}

/** A name in at most so many letters: of one that ends in a number, the number stays. @param {string} name @param {number} longest */
export function squeezed(name, longest) {
  const end = COUNT.exec(name)?.[0] ?? "";
  if (lettersOf(name) <= longest || end.length > longest / 2) return shortened(name, longest);
  return shortened(name.slice(0, -end.length || undefined), longest - end.length) + end;
}

/** What is written beside an agent is no longer, and of an address still less: nobody reads its middle. Characters. */
const LONGEST = { name: 18, address: 14 };

/** What is written beside an agent. @param {string} name or number */
export function besides(name) {
  return squeezed(name, /^0x/i.test(name) ? LONGEST.address : LONGEST.name);
}

/**
 * The kinds there are, largest first. @param {Iterable<{kind: string}>} nodes
 * @returns {{kind: string, count: number}[]} none where names tell of no kinds: less than two, or more than there are colours for
 */
export function kindsIn(nodes) {
  const counts = new Map();
  for (const { kind } of nodes) if (kind) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  if (counts.size < 2 || counts.size > GROUP_COLOURS) return [];
  return [...counts].map(([kind, count]) => ({ kind, count })).sort((a, b) => b.count - a.count || (a.kind < b.kind ? -1 : 1));
}

/**
 * Which colour each community has: the one that its strongest member's id wishes, or the next that is free, the largest community
 * first. So it keeps its colour while that member leads it, and frame by frame the same agents look the same.
 * @param {string[]} keys agent ids @param {ArrayLike<number>} communities of each, 0 the largest @param {(key: string) => number} strengthOf
 * @returns {number[]} of each community a colour's number, -1 for that of none: those beyond the colours, and agents by themselves
 */
export function communityColours(keys, communities, strengthOf) {
  const { leaders, sizes } = leadersOf(keys, communities, strengthOf);
  const free = new Set(Array.from({ length: GROUP_COLOURS }, (_, i) => i));
  return leaders.map((leader, i) => {
    if (!free.size || sizes[i] < 2) return -1;
    let wish = Number(leader) % GROUP_COLOURS;
    while (!free.has(wish)) wish = (wish + 1) % GROUP_COLOURS;
    free.delete(wish);
    return wish;
  });
}

/** @param {string[]} keys @param {ArrayLike<number>} communities @param {(key: string) => number} strengthOf */
function leadersOf(keys, communities, strengthOf) {
  /** @type {string[]} */ const leaders = [];
  /** @type {number[]} */ const sizes = [];
  keys.forEach((key, i) => {
    const community = communities[i];
    sizes[community] = (sizes[community] ?? 0) + 1;
    if (leaders[community] === undefined || strengthOf(key) > strengthOf(leaders[community])) leaders[community] = key;
  });
  return { leaders, sizes };
}
