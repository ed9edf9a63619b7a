/** Owns the search for an agent: by number, by name or a part of one, with names to choose from while one is typed. */

import { text } from "../state/texts.js";

/** Names that are offered at once. */
const MOST = 20;

/** The register is asked once nothing was typed for this long. Milliseconds. */
const PAUSE_MS = 200;

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @typedef {import("../data/agent-names.js").AgentNames} AgentNames */
/** @typedef {import("../data/agent-names.js").Found} Found */

export class AgentSearch {
  #field = /** @type {HTMLInputElement} */ (element("agent"));
  #list = element("named-agents");
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #pause;
  /** Another number whenever something else is looked for: the register may answer late. */ #turn = 0;

  /** @param {AgentNames} names @param {{has: (agent: string) => boolean, pick: (agent: string) => void, onError: (error: Error) => void}} hooks `has` tells whether the picture shows an agent */
  constructor(names, { has, pick, onError }) {
    this.names = names;
    this.has = has;
    this.pick = pick;
    this.onError = onError;
    this.#field.addEventListener("input", () => this.#typed());
    element("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#guarded(() => this.#find());
    });
  }

  /** Names need letters, where a touch screen would show digits alone. */
  expectNames() {
    if (this.names.some) this.#field.inputMode = "text";
  }

  #typed() {
    this.#turn += 1;
    this.#field.setCustomValidity("");
    clearTimeout(this.#pause);
    const part = this.#field.value.trim();
    if (!part || !this.names.some) return this.#offer([]);
    this.#offer(this.names.inFrame(part, MOST));
    this.#pause = setTimeout(() => this.#guarded(() => this.#offerAll(part)), PAUSE_MS);
  }

  /** @param {string} part */
  async #offerAll(part) {
    const found = await this.names.search(part, MOST);
    if (this.#field.value.trim() === part) this.#offer(found);
  }

  /** @param {Found[]} found */
  #offer(found) {
    this.#list.replaceChildren(...found.map(({ id, name, here }) => {
      const option = document.createElement("option");
      option.value = name;
      option.label = here ? text("agent", { id }) : [text("agent", { id }), text("not_in_frame")].join(text("list_comma"));
      return option;
    }));
  }

  async #find() {
    const [wanted, turn] = [this.#field.value.trim(), ++this.#turn];
    if (!wanted) return;
    const agent = await this.#agentOf(wanted);
    if (turn !== this.#turn) return;
    this.#field.setCustomValidity(agent === null ? text("no_agent", { id: wanted }) : "");
    this.#field.reportValidity();
    if (agent !== null) this.pick(agent);
  }

  /** A whole name counts before a number, and that before a part of a name. @param {string} wanted @returns {Promise<string | null>} */
  async #agentOf(wanted) {
    const [best] = this.names.inFrame(wanted, 1);
    if (best?.name === wanted) return best.id;
    if (this.has(wanted)) return wanted;
    if (best || !this.names.some) return best?.id ?? null;
    return (await this.names.search(wanted, 1)).at(0)?.id ?? null;
  }

  /** @param {() => Promise<void>} work */
  #guarded(work) {
    work().catch(this.onError);
  }
}
