/** Owns what a frame is shown in: the graph, its facts, and the card of the pinned agent. */

import { AgentCard } from "./agent-card.js";
import { AgentTitle } from "./agent-title.js";
import { factsOf } from "./facts.js";
import { LookBar } from "./look-bar.js";
import { Partners } from "./partners.js";
import { StructureView } from "./structure-view.js";
import { countText } from "../page/format.js";
import { write } from "../page/notice.js";

/** @typedef {import("../data/messages.js").Frame} Frame */

export class FrameView {
  /** @type {Frame | null} */ shown = null;
  /** The agent whose card is open. @type {string | null} */ pinned = null;

  /**
   * @param {HTMLElement} container of the graph @param {HTMLElement} card
   * @param {{onPick: (agent: string | null) => void, onLook: () => void, names: import("../data/agent-names.js").AgentNames, agentUrl: string,
   *   frameAt: (t: number) => Promise<import("../data/frame-feed.js").Found>, features: import("./agent-card.js").FeatureSource, onError: (error: Error) => void, onMiss: () => void}} hooks
   *   `onError` and `onMiss` are told, the one with words, of what is asked for again after `heal`
   */
  constructor(container, card, { onPick, onLook, names, agentUrl, frameAt, features, onError, onMiss }) {
    this.container = container;
    this.onPick = onPick;
    this.names = names;
    const tip = /** @type {HTMLElement} */ (document.getElementById("tip"));
    this.graph = new StructureView(container, tip, { onPick, frameAt, onMiss, onChange: () => this.#tell() });
    this.card = new AgentCard(card, { features, onError, title: new AgentTitle(card, names, agentUrl, onError) });
    this.partners = new Partners(/** @type {HTMLElement} */ (card.querySelector(".partners")), onPick);
    this.bar = new LookBar((look) => (this.graph.dress(look), onLook()));
    this.graph.dress(this.bar.look);
    document.getElementById("fit")?.addEventListener("click", () => this.graph.fit());
  }

  /** @param {Frame | null} frame null for a moment that has none @returns {boolean} whether it is another one than before */
  show(frame) {
    if (frame === this.shown) return false;
    this.shown = frame;
    this.names.take(frame);
    this.container.dataset.t = String(frame?.t ?? "");
    write("frame-t", frame ? countText(frame.t) : "–");
    this.card.show(frame);
    this.partners.show(frame, this.pinned);
    this.graph.show(frame);
    return true;
  }

  /** What was told of agents belongs to another recording; who is pinned stays so, by number. */
  forget() {
    for (const part of [this.names, this.graph, this.card]) part.forget();
  }

  /** Asks again for what could not be read. @returns {boolean} whether there was such */
  heal() {
    return [this.card, this.graph.anchors].map((part) => part.heal()).some(Boolean);
  }

  /** Says what is shown, of how much. */
  #tell() {
    const facts = this.shown ? factsOf(this.shown, this.graph.scene) : "";
    write("frame-facts", facts);
    /** @type {HTMLElement} */ (document.getElementById("frame-facts")).title = facts;
    if (this.shown) this.bar.tell(this.shown, this.graph.scene);
  }

  /** @param {string | null} agent */
  pin(agent) {
    this.pinned = agent;
    this.graph.pin(agent);
    this.card.pin(agent, this.shown);
    this.partners.show(this.shown, agent);
  }

  /** What a key asks of the graph. @param {string} command @returns {boolean} whether it was the graph's */
  run(command) {
    const agent = command.startsWith("agent-") ? this.graph.beside(command === "agent-next" ? 1 : -1) : null;
    if (agent !== null) this.onPick(agent);
    else if (command === "fit") this.graph.fit();
    else if (command.startsWith("view-")) this.bar.choose(command.slice("view-".length));
    return /^(agent|view)-|^fit$/.test(command);
  }
}
