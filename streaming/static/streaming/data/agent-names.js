/** Owns the names of agents: those in the frame that is shown, and those of the market's register, which has all. */

import { getJSON, marketPath } from "./api.js";

/** @typedef {{id: string, name: string, here: boolean}} Found `here`: in the frame that is shown */

/** Letters as wide as two others: of Chinese, Japanese and Korean, and pictures. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Among the letters before these none is wide, and each is one unit of a string. */
const FAR = /[\u1100-\uffff]/;

/** How wide a name is written, in letters. @param {string} name */
export function lettersOf(name) {
  return FAR.test(name) ? [...name].reduce((sum, letter) => sum + (WIDE.test(letter) ? 2 : 1), 0) : name.length;
}

/** A name as far as there is room for it. @param {string} name @param {number} longest letters */
export function shortened(name, longest) {
  if (lettersOf(name) <= longest) return name;
  let kept = "";
  for (const letter of name) {
    if (lettersOf(kept + letter) > longest - 1) break;
    kept += letter;
  }
  return `${kept}…`;
}

/** Letters that are written from right to left. */
const LEFTWARD = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** A name as a part of a sentence: one that is written from right to left would take numbers and signs beside it along. @param {string} name */
export function apart(name) {
  return LEFTWARD.test(name) ? `\u2068${name}\u2069` : name;
}

export class AgentNames {
  /** Names by id, of the last frame with agents. @type {Map<string, string>} */ #inFrame = new Map();
  /** Names that the register told. @type {Map<string, string>} */ #told = new Map();
  #ask;
  /** Another number whenever another recording begins. */ #age = 0;

  /** @param {string} symbol @param {(path: string) => Promise<any>} [ask] */
  constructor(symbol, ask = getJSON) {
    this.symbol = symbol;
    this.#ask = ask;
  }

  /** Whether agents have names in the run that is shown. In one without, ids are not those of the register: a source that names nobody numbers from 0 as well. */
  get some() {
    return this.#inFrame.size > 0;
  }

  /** @param {import("./messages.js").Frame | null} frame the one shown; one without agents, as of a gap, changes nothing */
  take(frame) {
    if (!frame?.nodes.length) return;
    const named = frame.nodes.filter(({ name }) => name !== undefined);
    this.#inFrame = new Map(named.map(({ agent_id, name }) => [String(agent_id), /** @type {string} */ (name)]));
  }

  /** Another recording gives the ids to others. */
  forget() {
    [this.#inFrame, this.#told] = [new Map(), new Map()];
    this.#age += 1;
  }

  /** @param {string} id @returns {string | undefined} */
  nameOf(id) {
    return this.some ? (this.#inFrame.get(id) ?? this.#told.get(id)) : undefined;
  }

  /** The name of an agent who may not be in the frame. @param {string} id @returns {Promise<string | undefined>} */
  async lookUp(id) {
    if (!this.nameOf(id)) await this.#tell({ ids: id });
    return this.nameOf(id);
  }

  /** Agents in the frame whose names hold a text: the whole name first, then names that begin with it. @param {string} part @param {number} most @returns {Found[]} */
  inFrame(part, most) {
    const wanted = part.toLowerCase();
    const rank = (/** @type {string} */ name) => (name === part ? 0 : name.toLowerCase().startsWith(wanted) ? 1 : 2);
    return [...this.#inFrame]
      .filter(([, name]) => name.toLowerCase().includes(wanted))
      .sort(([, a], [, b]) => rank(a) - rank(b))
      .slice(0, most)
      .map(([id, name]) => ({ id, name, here: true }));
  }

  /** The same, and behind them those of the register. @param {string} part @param {number} most @returns {Promise<Found[]>} */
  async search(part, most) {
    const here = this.inFrame(part, most);
    const known = new Set(here.map(({ id }) => id));
    const told = here.length < most ? await this.#tell({ q: part, limit: most }) : [];
    return [...here, ...told.filter(({ id }) => !known.has(id))].slice(0, most);
  }

  /** @param {Record<string, string | number>} query @returns {Promise<Found[]>} */
  async #tell(query) {
    const age = this.#age;
    const { agents } = await this.#ask(marketPath("/agents", this.symbol, query));
    const found = agents.map((/** @type {{id: number, name: string}} */ { id, name }) => ({ id: String(id), name, here: this.#inFrame.has(String(id)) }));
    if (age !== this.#age || !this.some) return [];
    this.#told = new Map(found.map((/** @type {Found} */ { id, name }) => [id, name]));
    return found;
  }
}
