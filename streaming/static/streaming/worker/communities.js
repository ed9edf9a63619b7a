/**
 * Owns finding communities among agents: groups that deal more with each other than chance would have it. Louvain's method
 * (Blondel et al. 2008) over the edges it is given, visiting agents in the order of the list, so that equal graphs give equal
 * communities. It knows the edges that a frame holds; `modularity` of `/structure` is of all pairs of the window.
 */

/** Less gain of modularity than this is rounding. */
const LEAST_GAIN = 1e-9;

/** Visits of every agent in one level; more move hardly anyone. */
const MOST_PASSES = 20;

/** A weighted graph as lists of neighbours. @typedef {{neighbours: Map<number, number>[], strengths: Float64Array, total: number}} Web */

/** @param {number} count @param {Iterable<[number, number, number]>} edges each pair once; a loop counts for both its ends @returns {Web} */
function webOf(count, edges) {
  const neighbours = Array.from({ length: count }, () => /** @type {Map<number, number>} */ (new Map()));
  const strengths = new Float64Array(count);
  const add = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ weight) => {
    neighbours[from].set(to, (neighbours[from].get(to) ?? 0) + weight);
    strengths[from] += weight;
  };
  for (const [a, b, weight] of edges) {
    add(a, b, weight);
    add(b, a, weight);
  }
  return { neighbours, strengths, total: strengths.reduce((sum, strength) => sum + strength, 0) };
}

/** Moves each node to the neighbouring community that gains most, until none gains. @param {Web} web */
function settle({ neighbours, strengths, total }) {
  const homes = Int32Array.from(neighbours, (_, i) => i);
  const weights = strengths.slice();
  const visit = (/** @type {number} */ node) => {
    const links = linksTo(neighbours[node], node, homes);
    weights[homes[node]] -= strengths[node];
    const gain = (/** @type {number} */ home) => (links.get(home) ?? 0) - (strengths[node] * weights[home]) / total;
    let best = homes[node];
    for (const home of links.keys()) if (gain(home) > gain(best) + LEAST_GAIN) best = home;
    weights[best] += strengths[node];
    const moved = best !== homes[node];
    homes[node] = best;
    return moved;
  };
  for (let pass = 0, moved = true; moved && pass < MOST_PASSES; pass++) {
    moved = false;
    for (let node = 0; node < homes.length; node++) if (visit(node)) moved = true;
  }
  return homes;
}

/** What ties a node to each community. @param {Map<number, number>} neighbours @param {number} node @param {Int32Array} homes */
function linksTo(neighbours, node, homes) {
  const links = new Map();
  for (const [other, weight] of neighbours) if (other !== node) links.set(homes[other], (links.get(homes[other]) ?? 0) + weight);
  return links;
}

/** The graph whose nodes are communities. @param {Web} web @param {Int32Array} homes numbered from 0 @param {number} count */
function joined({ neighbours }, homes, count) {
  /** @type {[number, number, number][]} */
  const edges = [];
  neighbours.forEach((others, a) => others.forEach((weight, b) => edges.push([homes[a], homes[b], weight / 2])));
  return webOf(count, edges);
}

/** Numbers 0, 1, … instead of any, in the order in which they come. @param {Int32Array} homes */
function renumbered(homes) {
  const numbers = new Map();
  for (const home of homes) if (!numbers.has(home)) numbers.set(home, numbers.size);
  return { homes: homes.map((home) => numbers.get(home)), count: numbers.size };
}

/**
 * @param {number} count of agents @param {Uint32Array} ends two of each edge @param {ArrayLike<number>} weights of the edges
 * @returns {Int32Array} the community of each agent, 0 the largest; who has no edge is alone
 */
export function communitiesOf(count, ends, weights) {
  let web = webOf(count, Array.from(weights, (weight, i) => [ends[2 * i], ends[2 * i + 1], weight]));
  let communities = Int32Array.from({ length: count }, (_, i) => i);
  for (;;) {
    const { homes, count: fewer } = renumbered(settle(web));
    communities = communities.map((community) => homes[community]);
    if (fewer === web.neighbours.length) return bySize(communities);
    web = joined(web, homes, fewer);
  }
}

/** Numbers communities by size, of equal ones the one with the first agent first. @param {Int32Array} communities */
function bySize(communities) {
  const sizes = new Map();
  for (const community of communities) sizes.set(community, (sizes.get(community) ?? 0) + 1);
  const order = [...sizes].sort((a, b) => b[1] - a[1]).map(([community]) => community);
  const numbers = new Map(order.map((community, i) => [community, i]));
  return communities.map((community) => numbers.get(community) ?? 0);
}
