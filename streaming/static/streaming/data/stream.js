/** Owns the live side of the page: the connection, what it brings, and whether the market is running at all. */

import { ApiError, getJSON, marketPath, recordingOf } from "./api.js";
import { StreamSocket } from "./socket.js";

/** With nothing new for this long, the page asks whether the market is running. */
const QUIET_MS = 3000;

/** An answer that takes longer will not come: packets into a dead network are not refused, they vanish. */
const ANSWER_MS = 5000;

/** Missed ticks that are filled in, in times of what the store holds; of more the charts keep nothing, and the page would only stand still. */
const FILLED_AT_MOST = 2;

/** @typedef {"connecting" | "live" | "reconnecting" | "no-market" | "refused"} StreamState */

/**
 * @typedef {object} StreamHooks
 * @property {(message: any) => void} onMessage each that was new to the store, and each gap
 * @property {(state: StreamState, refusal: import("./socket.js").Refusal) => void} onState
 * @property {(count: number) => void} onFilled told how many ticks a resumed connection brought to fill its hole
 * @property {() => void} onSkipped more was missed than is filled in; the stream goes on at the present
 * @property {() => void} onAnew the market is another one, in a new store
 */

export class LiveStream {
  #quietTimer = 0;
  #open = false;
  /** The recording of which the store holds messages; null where nothing tells. @type {string | null} */ #recording = null;
  /** Ticks since a resumed connection was opened; null when none is catching up. @type {number | null} */ #filling = null;
  #socket;

  /** @param {string} symbol @param {import("../state/store.js").Store} store @param {StreamHooks} hooks */
  constructor(symbol, store, hooks) {
    this.symbol = symbol;
    this.store = store;
    this.hooks = hooks;
    this.#socket = new StreamSocket({
      url: (since) => this.#url(since),
      position: () => store.position,
      onMessage: (message) => this.#take(message),
      onState: (state, refusal) => this.#follow(state, refusal),
    });
    window.addEventListener("online", () => this.#socket.hurry());
    window.addEventListener("offline", () => this.#socket.lose());
  }

  /** Asks for the recording's id first: should it be replaced before the socket is open, the next connection is told. */
  async open() {
    this.#recording = await recordingOf(this.symbol);
    this.#socket.rejoin();
  }

  /** Begins as at first where another recording was heard of elsewhere: what it brought, and may still bring, is of the old one. @param {string} recording */
  async enter(recording) {
    if (recording === this.#recording) return;
    this.store.clear();
    this.#socket.close();
    await this.open();
  }

  /**
   * Of a tick only its state is needed: agents, actions and matches would be most of the bytes. All types are asked for, since a
   * server may be set to send fewer to who does not. @param {number | null} since
   */
  #url(since) {
    /** @type {Record<string, string | number>} */
    const wanted = { types: "tick,metric,frame", fields: "", ...(since === null ? {} : { since }) };
    if (since !== null && this.#recording !== null) wanted.store = this.#recording;
    const path = marketPath("/ws/stream", this.symbol, wanted);
    return new URL(path, location.href.replace(/^http/, "ws")).href;
  }

  /** @param {any} message */
  #take(message) {
    if (message.type === "caught_up") return this.#caughtUp(message);
    if (message.reason === "store_changed") return this.#changeRecording(message.store);
    const resumed = this.store.tick !== null;
    if (!this.store.receive(message)) return;
    if (message.type === "tick") {
      if (this.#filling !== null) this.#filling += 1;
      // The first tick a server sends may be an old one, of a market that has stopped.
      else if (resumed) this.#runs();
    }
    if ((this.#filling ?? 0) > FILLED_AT_MOST * this.store.metrics.capacity) return this.#skip();
    this.hooks.onMessage(message);
  }

  /** After a night's sleep of the machine: the charts are filled from the recording, which has all the rest. */
  #skip() {
    this.store.clear();
    this.hooks.onSkipped();
    this.#socket.rejoin();
  }

  /** @param {{t: number, store?: string}} message */
  #caughtUp({ t, store = "" }) {
    const known = store !== "" && store === this.#recording;
    this.#recording ??= store || null;
    if (!known && this.store.position !== null && t < this.store.position) {
      this.#beginAnew();
      return this.#socket.rejoin();
    }
    if (this.#filling) this.hooks.onFilled(this.#filling);
    this.#filling = null;
  }

  /** What follows is of another recording, from its beginning; each kind of message is told so. @param {string} recording */
  #changeRecording(recording) {
    if (recording === this.#recording) return;
    [this.#recording, this.#filling] = [recording, 0];
    this.#beginAnew();
  }

  /** A market in a new store, as is one whose t lies behind the page's: nothing of the old one is kept. */
  #beginAnew() {
    this.store.clear();
    this.hooks.onAnew();
  }

  /** @param {import("./socket.js").ConnectionState} state @param {import("./socket.js").Refusal} refusal */
  #follow(state, refusal) {
    this.#open = state === "open";
    if (state === "open") {
      this.#filling = this.store.position === null ? null : 0;
      return this.#expectTicks();
    }
    clearTimeout(this.#quietTimer);
    if (state === "refused" && refusal.detail.startsWith("unknown parameter 'store'")) return this.#comeWithoutId();
    this.hooks.onState(state, refusal);
  }

  /** A server of the version before, as one behind the same address may be during an update. */
  #comeWithoutId() {
    this.#recording = null;
    this.#socket.open();
  }

  #runs() {
    this.#tell("live");
    this.#expectTicks();
  }

  /** @param {"live" | "no-market"} state */
  #tell(state) {
    this.hooks.onState(state, { code: "", detail: "" });
  }

  /** A new tick proves that the market runs; silence proves nothing, so then the server is asked. */
  #expectTicks() {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = window.setTimeout(() => this.#askHealth(), QUIET_MS);
  }

  async #askHealth() {
    const market = await this.#market();
    if (!this.#open) return;
    if (market === "running") return this.#runs();
    if (market === "unreachable") return this.#socket.lose();
    this.#tell("no-market");
    this.#expectTicks();
  }

  /** One that answers 503 has a market that fell silent; one that does not answer is lost, whatever the socket believes. */
  async #market() {
    try {
      const { meta } = await getJSON(marketPath("/health", this.symbol), { signal: AbortSignal.timeout(ANSWER_MS) });
      return meta.running ? "running" : "silent";
    } catch (error) {
      if (!(error instanceof ApiError)) return "unreachable";
      if (error.status === 0) return "unreachable";
      return error.status === 503 ? "silent" : "running";
    }
  }
}
