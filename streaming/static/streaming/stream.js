/** Owns the live side of the page: the connection, what it brings, and whether the market is running at all. */

import { ApiError, getJSON, marketPath } from "./api.js";
import { StreamSocket } from "./socket.js";

/** With nothing new for this long, the page asks whether the market is running. */
const QUIET_MS = 3000;

/** @typedef {"connecting" | "live" | "reconnecting" | "no-market" | "refused"} StreamState */

/**
 * @typedef {object} StreamHooks
 * @property {(message: any) => void} onMessage each that was new to the store, and each gap
 * @property {(state: StreamState, detail: string) => void} onState
 * @property {(count: number) => void} onFilled told how many ticks a resumed connection brought to fill its hole
 * @property {() => void} onAnew the market is another one, in a new store
 */

export class LiveStream {
  #quietTimer = 0;
  #open = false;
  /** Ticks since a resumed connection was opened; null when none is catching up. @type {number | null} */ #filling = null;
  #socket;

  /** @param {string} symbol @param {import("./store.js").Store} store @param {StreamHooks} hooks */
  constructor(symbol, store, hooks) {
    this.symbol = symbol;
    this.store = store;
    this.hooks = hooks;
    this.#socket = new StreamSocket({
      url: (since) => this.#url(since),
      position: () => store.position,
      onMessage: (message) => this.#take(message),
      onState: (state, detail) => this.#follow(state, detail),
    });
    window.addEventListener("online", () => this.#socket.hurry());
  }

  open() {
    this.#socket.open();
  }

  /** Of a tick only its state is needed: agents, actions and matches would be most of the bytes. @param {number | null} since */
  #url(since) {
    const path = marketPath("/ws/stream", this.symbol, { fields: "", ...(since === null ? {} : { since }) });
    return new URL(path, location.href.replace(/^http/, "ws")).href;
  }

  /** @param {any} message */
  #take(message) {
    if (message.type === "caught_up") return this.#caughtUp(message.t);
    const resumed = this.store.tick !== null;
    if (!this.store.receive(message)) return;
    if (message.type === "tick") {
      if (this.#filling !== null) this.#filling += 1;
      // The first tick a server sends may be an old one, of a market that has stopped.
      else if (resumed) this.#runs();
    }
    this.hooks.onMessage(message);
  }

  /** @param {number} t */
  #caughtUp(t) {
    if (this.store.position !== null && t < this.store.position) return this.#beginAnew();
    if (this.#filling) this.hooks.onFilled(this.#filling);
    this.#filling = null;
  }

  /** A market whose t lies behind the page's is another one, in a new store: nothing of the old one is kept. */
  #beginAnew() {
    this.store.clear();
    this.hooks.onAnew();
    this.#socket.rejoin();
  }

  /** @param {import("./socket.js").ConnectionState} state @param {string} detail */
  #follow(state, detail) {
    this.#open = state === "open";
    if (state === "open") {
      this.#filling = this.store.position === null ? null : 0;
      return this.#expectTicks();
    }
    clearTimeout(this.#quietTimer);
    this.hooks.onState(state, detail);
  }

  #runs() {
    this.hooks.onState("live", "");
    this.#expectTicks();
  }

  /** A new tick proves that the market runs; silence proves nothing, so then the server is asked. */
  #expectTicks() {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = window.setTimeout(() => this.#askHealth(), QUIET_MS);
  }

  async #askHealth() {
    const running = await this.#marketRuns();
    if (!this.#open) return;
    if (running) this.#runs();
    else {
      this.hooks.onState("no-market", "");
      this.#expectTicks();
    }
  }

  /** A server that cannot answer is the socket's to notice; one that answers 503 has a market that fell silent. */
  async #marketRuns() {
    try {
      return (await getJSON(marketPath("/health", this.symbol))).meta.running;
    } catch (error) {
      if (error instanceof ApiError) return error.status !== 503;
      throw error;
    }
  }
}
