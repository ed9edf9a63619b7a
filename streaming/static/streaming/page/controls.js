/** Owns the page's controls: what a button, a key or a choice asks for, and how the controls look. */

import { commandOf } from "../state/commands.js";
import { text } from "../state/texts.js";

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const box = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (document.getElementById(id));

/** Buttons and what they ask for. */
const BUTTONS = { play: "toggle", back: "back", forward: "forward", loop: "loop-toggle", follow: "live", unpin: "unpin", "zoom-in": "zoom-in", "zoom-out": "zoom-out", "previous-event": "previous-event", "next-event": "next-event" };

/** @param {(command: string) => void} run */
export function bindCommands(run) {
  for (const [id, command] of Object.entries(BUTTONS)) element(id).addEventListener("click", () => run(command));
  document.addEventListener("keydown", (event) => {
    const command = commandOf(/** @type {any} */ (event));
    if (!command) return;
    event.preventDefault();
    run(command);
  });
}

/** @param {(speed: number) => void} changed */
export function bindSpeed(changed) {
  const speed = box("speed");
  speed.addEventListener("change", () => changed(Number(speed.value)));
  return Number(speed.value);
}

/**
 * Links that lead to a moment of this page, opened without loading it again.
 * @param {string} id of their container @param {(link: HTMLAnchorElement) => void} open
 */
export function bindLinks(id, open) {
  element(id).addEventListener("click", (event) => {
    const link = /** @type {HTMLElement} */ (event.target).closest("a");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    open(link);
  });
}

/** The other languages lead to the moment that the address holds. @param {string} address */
export function leadLanguages(address) {
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("a.language"))) link.href = `${address}&lang=${link.lang}`;
}

/** @param {{running: boolean, following: boolean, loops: boolean, growing: boolean}} state */
export function showControls({ running, following, loops, growing }) {
  const play = element("play");
  if (play.dataset.playing !== String(running)) {
    play.dataset.playing = String(running);
    play.setAttribute("aria-label", text(running ? "pause" : "play"));
  }
  element("loop").setAttribute("aria-pressed", String(loops));
  element("follow").setAttribute("aria-pressed", String(following));
  box("follow").disabled = !growing && !following;
  element("follow").classList.toggle("quiet", !growing);
  for (const [door, current] of [["live", following], ["replay", !following]]) {
    const link = element(`to-${door}`);
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
