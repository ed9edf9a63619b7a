/** Owns the colours of a scale: a row of stops and what lies between them. */

/**
 * A function that is asked for the same few again and again, at every drawing, and works each out once.
 * @template Given, Made @param {(given: Given) => Made} make @returns {(given: Given) => Made}
 */
export function remembered(make) {
  /** @type {Map<Given, Made>} */
  const known = new Map();
  return (given) => {
    const found = known.get(given) ?? make(given);
    known.set(given, found);
    return found;
  };
}

/** Red, green and blue of `#rrggbb`. */
const channels = remembered((/** @type {string} */ hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));

/** @param {string[]} stops `#rrggbb` from least to greatest @param {number} share 0..1 @returns {string} `#rrggbb` */
export function shade(stops, share) {
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const index = Math.min(Math.floor(place), stops.length - 2);
  const [low, high] = [channels(stops[index]), channels(stops[index + 1])];
  const mixed = low.map((value, i) => Math.round(value + (high[i] - value) * (place - index)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** @param {string} hex `#rrggbb` @param {number} alpha 0..1 */
export function withAlpha(hex, alpha) {
  return `rgba(${channels(hex).join(", ")}, ${alpha})`;
}

const premultipliedOf = remembered((/** @type {string} */ hex) => remembered((/** @type {number} */ alpha) =>
  `rgba(${channels(hex).map((value) => Math.round(value * alpha)).join(", ")}, ${alpha})`));

/**
 * WebGL blends premultiplied colours; sigma passes on what it is given.
 * @param {string} hex `#rrggbb` @param {number} alpha 0..1, one of few
 */
export function premultiplied(hex, alpha) {
  return premultipliedOf(hex)(alpha);
}

/** Black or white, whichever is read better on a colour `#rrggbb`: at least 4.58 to 1. */
export const inkOn = remembered((/** @type {string} */ hex) => {
  // Relative luminance and contrast ratio as WCAG 2.2 defines them; both inks are equal at sqrt(1.05 x 0.05) - 0.05.
  const [r, g, b] = channels(hex).map((value) => (value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000000" : "#ffffff";
});
