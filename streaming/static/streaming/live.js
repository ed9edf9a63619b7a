/** Owns the live page: joins the stream, the store and the views. */

import { ApiError, getJSON, marketPath } from "./api.js";
import { Charts } from "./charts.js";
import { countText, momentText, priceText, ratioText } from "./format.js";
import { GraphView } from "./graph.js";
import { metricRows } from "./history.js";
import { firstFrameT, priceOf } from "./messages.js";
import { painter } from "./paint.js";
import { StreamSocket } from "./socket.js";
import { Store } from "./store.js";

/** Metrics on the charts: two minutes at the usual ten a second. */
const CHARTED = 1200;

/** With nothing new for this long, the page asks whether the market is running at all. */
const QUIET_MS = 3000;

const CONNECTION_TEXTS = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  "no-market": "No market running",
  refused: "Refused",
};

const page = document.body.dataset;
const symbol = /** @type {string} */ (page.symbol);
const firstT = firstFrameT(Number(page.window), Number(page.stride));

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const store = new Store(CHARTED);
const graph = new GraphView(element("graph"));
const charts = new Charts(element("charts"));
const shown = { frameT: -1, metricT: -1 };

/** @param {string} id @param {string} text */
function write(id, text) {
  const target = element(id);
  // Setting the same text again would make a screen reader and the layout work for nothing.
  if (target.textContent !== text) target.textContent = text;
}

function drawTick() {
  if (!store.tick) return;
  const { t, ts, s, matches } = store.tick;
  write("t", String(t));
  write("ts", momentText(ts));
  write("price", priceText(priceOf(s.price_norm)));
  write("liquidity", ratioText(s.liquidity));
  write("imbalance", ratioText(s.imbalance));
  write("matches", countText(matches?.length ?? 0));
}

function drawMetrics() {
  const { metrics } = store;
  const t = metrics.last("t");
  if (t === undefined || t === shown.metricT) return;
  shown.metricT = t;
  write("agents", countText(/** @type {number} */ (metrics.last("N"))));
  write("experience", ratioText(/** @type {number} */ (metrics.last("avg_exp"))));
  charts.show((name) => metrics.column(name));
}

function drawFrame() {
  const { frame, tick } = store;
  if (frame && frame.t !== shown.frameT) {
    shown.frameT = frame.t;
    graph.show(frame);
    write("frame-t", String(frame.t));
    write("frame-window", `${frame.window.t0} – ${frame.window.t1}`);
  }
  element("waiting").hidden = frame !== null;
  if (!frame && tick) write("waiting", waitingText(tick.t));
}

/** @param {number} t */
function waitingText(t) {
  const left = firstT - t;
  if (left <= 0) return "Waiting for the next structure frame.";
  return `The first structure frame comes at t = ${firstT}, ${left} to go.`;
}

const draw = painter(() => {
  drawTick();
  drawMetrics();
  drawFrame();
});

/** @param {keyof typeof CONNECTION_TEXTS} state @param {string} [detail] */
function showConnection(state, detail = "") {
  element("connection").dataset.state = state;
  write("connection-text", CONNECTION_TEXTS[state]);
  write("connection-detail", detail);
}

let quietTimer = 0;

/** A new tick proves that the market runs; silence proves nothing, so then the server is asked. */
function expectTicks() {
  clearTimeout(quietTimer);
  quietTimer = window.setTimeout(askHealth, QUIET_MS);
}

async function askHealth() {
  const running = await marketRuns();
  if (socketState !== "open") return;
  if (running) showConnection("live");
  else showConnection("no-market", "What was recorded can be replayed.");
  expectTicks();
}

/** A server that cannot answer is the socket's to notice; one that answers 503 has a market that fell silent. */
async function marketRuns() {
  try {
    return (await getJSON(marketPath("/health", symbol))).meta.running;
  } catch (error) {
    if (error instanceof ApiError) return error.status !== 503;
    throw error;
  }
}

let backfills = 0;

/** Fills the charts with what was recorded before the page was opened. @param {number} beforeT */
async function backfill(beforeT) {
  backfills += 1;
  const turn = backfills;
  const rows = await metricRows(symbol, Math.max(0, beforeT - CHARTED), beforeT);
  // The stream may have begun anew meanwhile; then a later call brings the rows that belong to it.
  if (turn !== backfills) return;
  store.backfill(rows);
  shown.metricT = -1;
  draw();
}

/** A market whose t lies behind the page's is another one, in a new store: nothing of the old one is kept. @param {number} t */
function beginAnew(t) {
  if (store.position === null || t >= store.position) return;
  store.clear();
  socket.rejoin();
}

/** @param {any} message */
function take(message) {
  if (message.type === "caught_up") return beginAnew(message.t);
  const resumed = store.tick !== null;
  if (!store.receive(message)) return;
  // The first tick a server sends may be an old one, of a market that has stopped.
  if (message.type === "tick" && resumed) {
    showConnection("live");
    expectTicks();
  }
  if (message.type === "metric" && store.metrics.length === 1) backfill(message.t).catch(showBackfillError);
  draw();
}

/** @param {Error} error */
function showBackfillError(error) {
  write("connection-detail", `The charts start now: ${error.message}`);
}

/** @type {import("./socket.js").ConnectionState} */
let socketState = "connecting";

/** @param {import("./socket.js").ConnectionState} state @param {string} detail */
function follow(state, detail) {
  socketState = state;
  if (state === "open") return expectTicks();
  clearTimeout(quietTimer);
  showConnection(state, detail);
}

/** Of a tick, the counters need the state and the matches: the agents would be most of the bytes. @param {number | null} since */
function streamUrl(since) {
  const path = marketPath("/ws/stream", symbol, { fields: "matches", ...(since === null ? {} : { since }) });
  return new URL(path, location.href.replace(/^http/, "ws")).href;
}

const socket = new StreamSocket({ url: streamUrl, position: () => store.position, onMessage: take, onState: follow });
window.addEventListener("online", () => socket.hurry());
socket.open();
