/** Owns the colours that scripts draw with: those of the style sheet, read again when dark and light change. */

const NAMES = [
  "ink", "muted", "line", "panel", "raised", "buy", "sell", "even", "none", "match", "proximity", "price", "agents", "experience",
  "matches", "liquidity", "imbalance", "accent", "burst", "shock", "gained", "lost", "scale-0", "scale-1", "scale-2", "scale-3",
  ...Array.from({ length: 8 }, (_, i) => `group-${i}`),
];

const dark = matchMedia("(prefers-color-scheme: dark)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
/** @type {Record<string, string> | null} */
let read = null;
dark.addEventListener("change", () => (read = null));

/** @returns {Record<string, string>} colour by its name in `theme.css` */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  read ??= Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return read;
}

/** The scale of experience, from least to greatest. @param {Record<string, string>} palette */
export const scaleOf = (palette) => [0, 1, 2, 3].map((i) => palette[`scale-${i}`]);

/** The scale of net imbalance, from all sells to all buys. @param {Record<string, string>} palette */
export const divergingOf = (palette) => [palette.sell, palette.even, palette.buy];

/** @param {() => void} changed */
export function onThemeChange(changed) {
  dark.addEventListener("change", changed);
}

export function calmMotion() {
  return calm.matches;
}
