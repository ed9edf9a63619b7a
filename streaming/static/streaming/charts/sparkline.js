/** Owns small lines without axes. */

/**
 * @param {number[]} xs ascending @param {number[]} ys @param {{width: number, height: number}} size
 * @returns {string} a path for SVG; a flat line in the middle where nothing changes, nothing for fewer than two points
 */
export function pathOf(xs, ys, { width, height }) {
  if (xs.length < 2) return "";
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const [first, last] = [xs[0], xs[xs.length - 1]];
  return xs
    .map((x, i) => {
      const across = ((x - first) / (last - first)) * width;
      const down = high > low ? height - ((ys[i] - low) / (high - low)) * height : height / 2;
      return `${i ? "L" : "M"}${across.toFixed(1)} ${down.toFixed(1)}`;
    })
    .join("");
}
