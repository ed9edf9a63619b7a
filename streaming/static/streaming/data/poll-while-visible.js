/** Owns when a page asks again by itself: now and then while somebody can see it, and at once when it is seen again. */

/** @param {() => void} ask @param {number} everyMs @param {Document} [page] */
export function askWhileSeen(ask, everyMs, page = document) {
  const askIfSeen = () => page.visibilityState === "visible" && ask();
  setInterval(askIfSeen, everyMs);
  page.addEventListener("visibilitychange", askIfSeen);
}
