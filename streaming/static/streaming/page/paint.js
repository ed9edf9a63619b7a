/** Owns when a page draws: at most once per animation frame, and for what comes by itself more seldom. */

import { clock } from "./settling.js";

/** What a market tells is drawn ten times a second at most, however fast it goes: more is not seen, and costs. */
const UNASKED_MS = 100;

/** Waits until what this animation frame draws stands on the screen. @returns {Promise<void>} */
export function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

/** @param {(nowMs: number) => void} draw @returns {() => void} asks for one more drawing */
export function painter(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame((nowMs) => {
      asked = false;
      draw(nowMs);
    });
  };
}

/**
 * For drawings that nobody waits for: the first at once, each further one so long after the one before.
 * @param {() => void} draw @param {import("./settling.js").World} [world] replaced in tests @returns {() => void} asks for one more drawing
 */
export function unhurried(draw, { now, setTimeout } = clock()) {
  let [asked, dueMs] = [false, -Infinity];
  return () => {
    if (asked) return;
    asked = true;
    setTimeout(() => {
      [asked, dueMs] = [false, now() + UNASKED_MS];
      draw();
    }, Math.max(0, dueMs - now()));
  };
}
