/** Owns the head of an agent's card: its name, which may lead to a page about it, and its number. */

import { text } from "../state/texts.js";

/** Where a template leads for a name. It is a stranger's text. @param {string} template with `{name}` @param {string} name */
export function addressFor(template, name) {
  return template.replaceAll("{name}", () => encodeURIComponent(name));
}

export class AgentTitle {
  /** @type {string | null} */ #agent = null;
  #named = false;
  /** Whether agents had names when it began. */ #some = false;
  #asked = false;
  /** Whether nobody told it: it is asked for again after `heal`. */ #missed = false;

  /** @param {HTMLElement} card @param {import("../data/agent-names.js").AgentNames} names @param {string} template of the pages about agents, "" for none @param {(error: Error) => void} onError */
  constructor(card, names, template, onError) {
    this.heading = /** @type {HTMLElement} */ (card.querySelector("h3"));
    this.number = /** @type {HTMLElement} */ (card.querySelector(".number"));
    this.names = names;
    this.template = template;
    this.onError = onError;
  }

  /** Called with each frame: its nodes may name the agent. @param {string | null} agent null for none */
  show(agent) {
    // In a run without names the agent is another one.
    if (agent !== this.#agent || this.names.some !== this.#some) this.#begin(agent);
    if (agent === null || this.#named) return;
    const name = this.names.nameOf(agent);
    if (name !== undefined) this.#write(agent, name);
    else if (this.names.some && !this.#asked) this.#lookUp(agent);
  }

  /** In another recording the agent has another name. */
  forget() {
    this.#begin(this.#agent);
  }

  /** @param {string | null} agent */
  #begin(agent) {
    [this.#agent, this.#some] = [agent, this.names.some];
    this.#named = this.#asked = this.#missed = false;
    this.heading.textContent = agent === null ? "" : text("agent", { id: agent });
    this.number.textContent = "";
  }

  /** Of an agent who is in no frame the register knows the name. @param {string} agent */
  async #lookUp(agent) {
    this.#asked = true;
    try {
      const name = await this.names.lookUp(agent);
      if (agent !== this.#agent) return;
      if (name === undefined) this.#missed = true;
      else this.#write(agent, name);
    } catch (error) {
      this.#missed = agent === this.#agent;
      this.onError(/** @type {Error} */ (error));
    }
  }

  /** Looks again for a name that nobody told. @returns {boolean} whether there was such */
  heal() {
    const missed = this.#missed && !this.#named;
    if (missed) this.#asked = this.#missed = false;
    if (missed) this.show(this.#agent);
    return missed;
  }

  /** @param {string} agent @param {string} name */
  #write(agent, name) {
    this.#named = true;
    this.number.textContent = text("agent", { id: agent });
    if (this.template) this.heading.replaceChildren(this.#link(name));
    else this.heading.textContent = name;
  }

  /** @param {string} name */
  #link(name) {
    const link = document.createElement("a");
    link.href = addressFor(this.template, name);
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    link.textContent = name;
    return link;
  }
}
