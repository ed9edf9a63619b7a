/** Owns the controls of the graph's look: what they ask for, and the legends beside them. */

import { apart } from "../data/agent-names.js";
import { countText, ratioText } from "../page/format.js";
import { GROUP_COLOURS, kindsIn } from "./groups.js";
import { experienceRange } from "./graph-model.js";
import { tellsOfPool } from "./pool.js";
import { text } from "../state/texts.js";

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const box = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (document.getElementById(id));
const views = () => /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll("input[name=view]")]);

/** Controls besides the views. */
const CONTROLS = ["colour", "height", "show-match", "show-proximity", "show-pool", "strength", "beyond"];

/** @typedef {import("./look.js").Look} Look */
/** @typedef {import("../data/messages.js").Frame} Frame */

/** What the controls ask for. @returns {Look} */
function lookAsked() {
  return {
    view: /** @type {Look["view"]} */ (views().find(({ checked }) => checked)?.value ?? "force"),
    colour: /** @type {Look["colour"]} */ (box("colour").value),
    height: /** @type {Look["height"]} */ (box("height").value),
    match: box("show-match").checked,
    close: box("show-proximity").checked,
    pool: box("show-pool").checked,
    weakest: Number(box("strength").value),
    beyond: Number(box("beyond").value),
  };
}

export class LookBar {
  #legend = "";

  /** @param {(look: Look) => void} changed */
  constructor(changed) {
    this.changed = changed;
    this.look = lookAsked();
    this.#write();
    for (const input of [...views(), ...CONTROLS.map(element)]) input.addEventListener("input", () => this.#read());
  }

  /** @param {string} view */
  choose(view) {
    for (const input of views()) input.checked = input.value === view;
    this.#read();
  }

  #read() {
    this.look = lookAsked();
    this.#write();
    this.changed(this.look);
  }

  /** Words and legends as the look has them. */
  #write() {
    const { view, colour, weakest, beyond } = this.look;
    for (const legend of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-legend]"))) legend.hidden = !legend.dataset.legend?.split(" ").includes(colour);
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-views]"))) part.hidden = !part.dataset.views?.split(" ").includes(view);
    box("strength").setAttribute("aria-valuetext", text("percent_hidden", { count: weakest }));
    box("beyond").setAttribute("aria-valuetext", beyond ? `${beyond} σ` : text("beyond_any"));
    element("least-strength").textContent = `${weakest} %`;
    element("least-beyond").textContent = beyond ? `${beyond} σ` : text("beyond_any");
  }

  /** What the frame tells of: legends have its range and groups, and controls that nothing comes of are not to be used. @param {Frame} frame @param {import("./scene.js").Scene} scene */
  tell(frame, scene) {
    const { low, high } = experienceRange(frame);
    element("least-experience").textContent = Number.isFinite(low) ? ratioText(low) : "";
    element("most-experience").textContent = Number.isFinite(low) ? ratioText(high) : "";
    const pool = tellsOfPool(frame);
    [box("show-pool").disabled, box("beyond").disabled] = [!pool, !pool];
    const kinds = kindsIn(scene.graph.nodes.values());
    for (const option of /** @type {NodeListOf<HTMLOptionElement>} */ (document.querySelectorAll("#colour [value=kind]"))) option.hidden = option.disabled = !kinds.length;
    this.#tellGroups(this.look.colour === "kind" ? kinds.map(({ kind, count }, i) => ({ words: kind, count, colour: i })) : communitiesOf(scene));
  }

  /** @param {{words: string, count: number, colour: number}[]} groups */
  #tellGroups(groups) {
    const told = JSON.stringify(groups);
    if (told === this.#legend) return;
    this.#legend = told;
    element("groups").replaceChildren(...groups.map(({ words, count, colour }) => {
      const [item, dot] = ["li", "span"].map((tag) => document.createElement(tag));
      dot.className = `dot ${colour < 0 ? "none" : `group-${colour}`}`;
      item.append(dot, `${apart(words)} ${countText(count)}`.trim());
      return item;
    }));
  }
}

/** The communities that have a colour, largest first, and how many agents are in none of them. @param {import("./scene.js").Scene} scene */
function communitiesOf({ communities, communityColours }) {
  const sizes = new Map();
  for (const community of communities.values()) sizes.set(community, (sizes.get(community) ?? 0) + 1);
  const groups = communityColours.slice(0, GROUP_COLOURS).flatMap((colour, i) => (colour < 0 ? [] : [{ words: "", count: sizes.get(i) ?? 0, colour }]));
  const others = communities.size - groups.reduce((sum, { count }) => sum + count, 0);
  return others ? [...groups, { words: text("in_none"), count: others, colour: -1 }] : groups;
}
