/** Owns what a frame is shown in: the graph, its facts, and the card of the pinned agent. */

import { AgentCard } from "./agent-card.js";
import { AgentTitle } from "./agent-title.js";
import { showExperience } from "../page/controls.js";
import { countText } from "../page/format.js";
import { experienceRange } from "./graph-model.js";
import { GraphView } from "./graph.js";
import { write } from "../page/notice.js";
import { text } from "../state/texts.js";

/** @typedef {import("../data/messages.js").Frame} Frame */

export class FrameView {
  /** @type {Frame | null} */ shown = null;
  /** The agent whose card is open. @type {string | null} */ pinned = null;

  /**
   * @param {HTMLElement} container of the graph @param {HTMLElement} card
   * @param {{onPick: (agent: string | null) => void, names: import("../data/agent-names.js").AgentNames, agentUrl: string,
   *   features: import("./agent-card.js").FeatureSource, onError: (error: Error) => void}} hooks
   */
  constructor(container, card, { onPick, names, agentUrl, features, onError }) {
    this.container = container;
    this.names = names;
    this.graph = new GraphView(container, { onPick });
    this.card = new AgentCard(card, { features, onError, title: new AgentTitle(card, names, agentUrl, onError) });
  }

  /** @param {Frame | null} frame null for a moment that has none @returns {boolean} whether it is another one than before */
  show(frame) {
    if (frame === this.shown) return false;
    this.shown = frame;
    this.names.take(frame);
    this.container.dataset.t = String(frame?.t ?? "");
    write("frame-t", frame ? countText(frame.t) : "–");
    write("frame-facts", frame ? factsOf(frame) : "");
    this.card.show(frame);
    if (!frame) this.graph.clear();
    else this.graph.show(frame);
    if (frame) showExperience(experienceRange(frame));
    return true;
  }

  /** @param {string | null} agent */
  pin(agent) {
    this.pinned = agent;
    this.graph.pin(agent);
    this.card.pin(agent, this.shown);
  }
}

/** @param {Frame} frame */
function factsOf({ nodes, edges, window: { t0, t1 } }) {
  return text("frame_facts", { agents: nodes.length, edges: edges.length, from: countText(t0), to: countText(t1) });
}
