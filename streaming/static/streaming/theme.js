/** Owns the colours that scripts draw with: those of the style sheet, read again when dark and light change. */

const NAMES = ["ink", "muted", "line", "buy", "sell", "none", "node-ink", "match", "proximity", "price", "agents", "experience", "matches", "accent"];

/** @returns {Record<string, string>} colour by its name in `theme.css` */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** @param {() => void} changed */
export function onThemeChange(changed) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

export function calmMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** @param {string} hex `#rrggbb` @param {number} alpha 0..1 */
export function withAlpha(hex, alpha) {
  const [red, green, blue] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

/**
 * WebGL blends premultiplied colours; sigma passes on what it is given.
 * @param {string} hex `#rrggbb` @param {number} alpha 0..1
 */
export function premultiplied(hex, alpha) {
  const [red, green, blue] = [1, 3, 5].map((i) => Math.round(parseInt(hex.slice(i, i + 2), 16) * alpha));
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}
