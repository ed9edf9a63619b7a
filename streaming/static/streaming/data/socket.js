/** Owns the connection to `/ws/stream`: one socket at a time, opened again after a loss where the last one ended. */

import { delayMs } from "./backoff.js";

/** The server says something at least every 30 s (a heartbeat); a connection silent for longer is a dead one. */
const SILENCE_MS = 45_000;

/** Closings that another try cannot mend: a bad parameter, an unknown symbol. */
const FINAL_CODES = new Set([4400, 4404]);

/** @typedef {"connecting" | "open" | "reconnecting" | "refused"} ConnectionState */

/** @typedef {{code: string, detail: string}} Refusal an error's code and words; empty where there was none */

/**
 * @typedef {object} SocketOptions
 * @property {(since: number | null) => string} url address of a connection that resumes after `since`
 * @property {() => number | null} position the t of the last tick taken
 * @property {(message: any) => void} onMessage
 * @property {(state: ConnectionState, refusal: Refusal) => void} onState
 * @property {{WebSocket: any, setTimeout: Function, clearTimeout: Function, random: () => number}} [world] replaced in tests
 */

export class StreamSocket {
  #failures = 0;
  /** The server's words for what it does not take. */
  #refusal = { code: "", detail: "" };
  /** @type {any} */ #socket = null;
  /** @type {any} */ #watchdog = null;
  /** @type {any} */ #retry = null;

  /** @param {SocketOptions} options */
  constructor(options) {
    this.options = options;
    this.world = options.world ?? {
      WebSocket,
      setTimeout: setTimeout.bind(globalThis),
      clearTimeout: clearTimeout.bind(globalThis),
      random: Math.random,
    };
  }

  open() {
    this.options.onState(this.#failures ? "reconnecting" : "connecting", this.#refusal);
    const socket = new this.world.WebSocket(this.options.url(this.options.position()));
    this.#socket = socket;
    socket.onopen = () => socket === this.#socket && this.#opened();
    // One that was left may still have messages on its way.
    socket.onmessage = (/** @type {MessageEvent} */ event) => socket === this.#socket && this.#received(event.data);
    socket.onclose = (/** @type {CloseEvent} */ event) => this.#closed(socket, event.code);
    this.#watch();
  }

  /** Ends it, until it is opened again. */
  close() {
    this.world.clearTimeout(this.#retry);
    this.#retry = null;
    this.world.clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** Leaves this connection for another, from the position as it is now. */
  rejoin() {
    this.close();
    this.open();
  }

  /** Takes this connection as lost, as when the server is known to be out of reach. */
  lose() {
    const socket = this.#socket;
    if (socket === null) return;
    // A dead network may leave close() waiting for an answer, so the loss is taken as closed now.
    socket.close();
    this.#closed(socket, 1006);
  }

  /** Tries at once instead of waiting out the delay, as when the network is back. */
  hurry() {
    if (this.#retry === null) return;
    this.world.clearTimeout(this.#retry);
    this.#retry = null;
    this.open();
  }

  #opened() {
    this.#refusal = { code: "", detail: "" };
    this.options.onState("open", this.#refusal);
    this.#watch();
  }

  /** @param {string} text */
  #received(text) {
    this.#watch();
    // Not at the opening: a server that takes a connection and drops it at once must not be asked without pause.
    this.#failures = 0;
    const message = JSON.parse(text);
    if (message.type === "error") this.#refusal = { code: message.error, detail: message.detail };
    this.options.onMessage(message);
  }

  /** @param {any} socket @param {number} code */
  #closed(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.world.clearTimeout(this.#watchdog);
    if (FINAL_CODES.has(code)) return this.options.onState("refused", this.#refusal);
    this.#failures += 1;
    this.options.onState("reconnecting", this.#refusal);
    this.#retry = this.world.setTimeout(() => {
      this.#retry = null;
      this.open();
    }, delayMs(this.#failures, this.world.random()));
  }

  #watch() {
    this.world.clearTimeout(this.#watchdog);
    this.#watchdog = this.world.setTimeout(() => this.lose(), SILENCE_MS);
  }
}
