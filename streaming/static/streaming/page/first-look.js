/** Owns what a page says that has nothing to show: what will be seen, and how a market is started. */

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {boolean} empty nothing is recorded and nothing came @param {boolean} silent no market runs, as far as the server knows */
export function showFirstLook(empty, silent) {
  // Charts and timeline of nothing would be invented.
  document.body.dataset.empty = String(empty);
  element("first-look").hidden = !empty;
  element("how-to-start").hidden = !silent;
}
