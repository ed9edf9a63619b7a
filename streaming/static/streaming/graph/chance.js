/** Owns how far a pair's matches lie beyond chance: what they would be if everybody met partners at random. */

/** @typedef {import("../data/messages.js").Frame} Frame */

/**
 * Mean and variance of the matches of a pair if the ends of all matches between agents were joined at random, each with the same
 * probability to each other: the configuration model (Newman, Networks, 2nd ed., 12.1). Of K ends a pair with a and b ends has
 * the mean a b / (K - 1), and the mean of X (X - 1) is a (a - 1) b (b - 1) / ((K - 1) (K - 3)).
 * @param {number} a matches of the one @param {number} b of the other @param {number} ends twice the matches of the window
 * @returns {{mean: number, variance: number}}
 */
export function byChance(a, b, ends) {
  if (ends < 4) return { mean: 0, variance: 0 };
  const mean = (a * b) / (ends - 1);
  const twice = (a * (a - 1) * b * (b - 1)) / ((ends - 1) * (ends - 3));
  return { mean, variance: mean + twice - mean ** 2 };
}

/**
 * For each edge of a frame the standard deviations by which its matches exceed chance; null for an edge that is no match, or
 * whose count chance could not change.
 * @param {Frame} frame @returns {(number | null)[] | null} in the order of the edges; null where the frame does not tell
 */
export function chanceScores(frame) {
  if (!frame.window.matches) return null; // filmed by an older version
  // Both are of the whole window, also of its agents that a frame has no room for, and neither counts matches with the pool.
  const ends = 2 * frame.window.matches.agents;
  const matched = new Map(frame.nodes.map(({ node_id, features }) => [node_id, features.match_count]));
  return frame.edges.map(({ src, dst, type, w }) => {
    if (type !== "match") return null;
    const { mean, variance } = byChance(matched.get(src) ?? 0, matched.get(dst) ?? 0, ends);
    return variance > 0 ? (Math.round(w * frame.window.W) - mean) / Math.sqrt(variance) : null;
  });
}
