/** Owns the list of those with whom the pinned agent matched, each a button that leads to it. */

import { countText } from "../page/format.js";
import { text } from "../state/texts.js";

/** @typedef {import("../data/messages.js").Frame} Frame */

/** Partners of an agent among the edges that a frame holds, most matches first. @param {Frame} frame @param {string} agent @returns {{agent: string, name: string, count: number}[]} */
export function partnersOf({ nodes, edges, window: { W } }, agent) {
  const nodeOf = new Map(nodes.map((node) => [node.node_id, node]));
  const own = nodes.find(({ agent_id }) => String(agent_id) === agent)?.node_id;
  const partners = edges.flatMap(({ src, dst, type, w }) => {
    const other = nodeOf.get(src === own ? dst : src);
    return type === "match" && (src === own || dst === own) && other ? [{ agent: String(other.agent_id), name: other.name ?? "", count: Math.round(w * W) }] : [];
  });
  return partners.sort((a, b) => b.count - a.count || Number(a.agent) - Number(b.agent));
}

export class Partners {
  #told = "";

  /** @param {HTMLElement} part of the card @param {(agent: string) => void} pick */
  constructor(part, pick) {
    this.part = part;
    this.heading = /** @type {HTMLElement} */ (part.querySelector("h4"));
    this.list = /** @type {HTMLElement} */ (part.querySelector("ul"));
    this.list.addEventListener("click", ({ target }) => {
      const agent = /** @type {HTMLElement} */ (target).closest("button")?.dataset.agent;
      if (agent !== undefined) pick(agent);
    });
  }

  /** @param {Frame | null} frame @param {string | null} agent */
  show(frame, agent) {
    const node = frame?.nodes.find(({ agent_id }) => String(agent_id) === agent);
    this.part.hidden = !node;
    if (!frame || !node || agent === null) return;
    const partners = partnersOf(frame, agent);
    // A frame leaves out the weakest edges, and tells of how many partners there were.
    const { degree = partners.length, pool_count: pool = 0 } = node.features;
    this.heading.textContent = text(degree > partners.length ? "partners_some" : "partners", { count: countText(partners.length), all: countText(degree) });
    this.#write(partners, pool);
  }

  /** Leaves buttons alone that stay the same: one of them may have the focus. @param {ReturnType<typeof partnersOf>} partners @param {number} pool matches with those outside */
  #write(partners, pool) {
    const told = JSON.stringify([partners, pool]);
    if (told === this.#told) return;
    this.#told = told;
    const focused = /** @type {HTMLElement | null} */ (this.list.querySelector(":focus"))?.dataset.agent;
    this.list.replaceChildren(...partners.map(({ agent, name, count }) => this.#item(name || agent, count, agent)), ...(pool ? [this.#item(text("pool"), pool, null)] : []));
    if (focused !== undefined) /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-agent="${focused}"]`))?.focus();
  }

  /** @param {string} words @param {number} count @param {string | null} agent null for one that cannot be picked */
  #item(words, count, agent) {
    const [item, label, number] = ["li", agent === null ? "span" : "button", "span"].map((tag) => document.createElement(tag));
    label.textContent = words;
    if (agent !== null) label.dataset.agent = agent;
    number.className = "count";
    number.textContent = text("times", { count: countText(count) });
    item.append(label, number);
    return item;
  }
}
