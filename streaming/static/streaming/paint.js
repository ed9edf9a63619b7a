/** Owns the rule that a page draws at most once per animation frame, however many messages came. */

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
