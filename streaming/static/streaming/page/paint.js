/** Owns when a page draws: at most once per animation frame, however many messages came. */

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
