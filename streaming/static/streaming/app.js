/** Owns the page: joins the stream, the recording, the playhead and the views. Both doors, live and replay, lead here. */

import { addressOf, placeIn } from "./address.js";
import { AgentCard } from "./agent-card.js";
import { ChartFeed } from "./chart-feed.js";
import { Charts } from "./charts.js";
import { bindCommands, bindLinks, bindLook, bindSearch, bindSpeed, showControls } from "./controls.js";
import { countText, momentText } from "./format.js";
import { FrameFeed } from "./frame-feed.js";
import { GraphView } from "./graph.js";
import { showHappenings } from "./happening-list.js";
import { Happenings } from "./happenings.js";
import { metricRows } from "./history.js";
import { firstFrameT } from "./messages.js";
import { cover, remark, showConnection, whyNoFrame, write } from "./notice.js";
import { painter } from "./paint.js";
import { Past } from "./past.js";
import { Playhead } from "./playhead.js";
import { Store } from "./store.js";
import { Steering } from "./steering.js";
import { LiveStream } from "./stream.js";
import { text } from "./texts.js";
import { lastAtOrBefore } from "./timeline.js";
import { TimelineView } from "./timeline-view.js";

/** Ticks on the charts: two minutes at the usual ten a second. */
const SPAN = 1200;

/** A wish that takes longer than this is said. */
const SLOW_MS = 250;

/** Browsers allow a page some hundred changes of its address a minute. */
const REMEMBER_MS = 1000;

/** The segment that is being recorded grows, and is followed by another every few minutes. */
const REFRESH_MS = 20_000;

const data = document.body.dataset;
const symbol = /** @type {string} */ (data.symbol);
const stride = Number(data.stride);
const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

const past = new Past(symbol);
const store = new Store(SPAN);
const head = new Playhead();
const happenings = new Happenings();
/** @type {string | null} */ let pinned = null;
/** @type {import("./messages.js").Frame | null} */ let shown = null;
/** @type {Record<string, Float64Array> | null} */ let charted = null;
let [slowTimer, rememberedMs, happened, entered] = [0, 0, false, false];

const graph = new GraphView(element("graph"), { onPick: pin });
const charts = new Charts(element("charts"), { onPick: (t) => steering.seek(t) });
const card = new AgentCard(element("card"), (agent, fromT, toT) => past.features(agent, fromT, toT), fail);
const feed = new FrameFeed(findFrame, showFound, fail);
const chartFeed = new ChartFeed({ past, store, span: SPAN, onColumns: showColumns, onStretch: (stretch) => findHappenings(stretch).catch(tell), onError: fail });
const timeline = new TimelineView(element("timeline"), /** @type {HTMLCanvasElement} */ (element("track")), {
  onSeek: (t, done) => (steering.seek(t), done && remember()),
  onLoop: (span) => steering.loop(span),
});
const steering = new Steering({ head, feed, chartFeed, timeline, stride, draw: () => draw(), remember });
const stream = new LiveStream(symbol, store, { onMessage: receive, onState: follow, onFilled: (count) => remark(text("filled", { count: countText(count) })), onAnew: beginAnew });

/** @param {Error} error */
function fail(error) {
  clearTimeout(slowTimer);
  cover(error.message, "error");
}

/** @param {Error} error that leaves the page as it is, but for what was asked */
function tell(error) {
  remark(error.message);
}

/** The stretch of t that there is. */
function whole() {
  return { from: head.firstT, to: Math.max(head.lastT, head.firstT + 1) };
}

function measure() {
  const lastT = Math.max(past.lastT, store.position ?? 0);
  Object.assign(head, { firstT: past.firstT, lastT, gaps: past.gaps });
}

/** @param {number} t @returns {Promise<import("./frame-feed.js").Found>} */
async function findFrame(t) {
  // Beyond its last tick the stream may lack frames that the recording has already.
  const fresh = t <= (store.position ?? -1) ? store.frameAt(t) : null;
  if (fresh) return fresh;
  clearTimeout(slowTimer);
  slowTimer = window.setTimeout(() => cover(text("reading")), SLOW_MS);
  const found = await past.frame(t);
  measure();
  if (head.playing) past.readAhead(t);
  return found;
}

/** @param {import("./frame-feed.js").Found} found */
function showFound({ frame }) {
  clearTimeout(slowTimer);
  showFrame(frame && isOf(frame, Math.floor(head.at(performance.now()))) ? frame : null);
  draw();
}

/** Whether a frame tells of t: the next one is due a stride later. @param {import("./messages.js").Frame} frame @param {number} t */
function isOf(frame, t) {
  return t - frame.t < frame.window.stride;
}

/** @param {import("./messages.js").Frame | null} frame */
function showFrame(frame) {
  if (frame === shown) return;
  shown = frame;
  write("frame-t", frame ? countText(frame.t) : "–");
  element("graph").dataset.t = String(frame?.t ?? "");
  write("frame-facts", frame ? text("frame_facts", { agents: frame.nodes.length, edges: frame.edges.length, from: countText(frame.window.t0), to: countText(frame.window.t1) }) : "");
  if (!frame) return graph.clear();
  cover("");
  graph.show(frame);
  card.show(frame);
  happened = happenings.take(frame.events) || happened;
}

/** @param {Record<string, Float64Array>} columns @param {import("./axis.js").Stretch} stretch */
function showColumns(columns, stretch) {
  charted = columns;
  const { t, ts } = columns;
  const last = t.length - 1;
  if (last > 0 && ts[last] > ts[0]) head.ticksPerSecond = (t[last] - t[0]) / (ts[last] - ts[0]);
  charts.show(columns, stretch, happenings.within(stretch.from, stretch.to));
  listHappenings();
}

/** Reads what the recorded frames of a stretch tell of bursts and shocks. @param {import("./axis.js").Stretch} stretch */
async function findHappenings(stretch) {
  const found = await past.events(stretch.from, stretch.to);
  happened = found.map((events) => happenings.take(events)).some(Boolean) || happened;
  measure();
  draw();
}

function listHappenings() {
  const all = happenings.within(0, Infinity);
  const key = `${all.length}/${all.at(-1)?.t}/${all[0]?.t}`;
  if (element("happenings").dataset.key === key) return;
  element("happenings").dataset.key = key;
  showHappenings(element("happenings"), all, (t) => addressOf({ symbol, t, agent: pinned }));
  element("no-happenings").hidden = all.length > 0;
}

const draw = painter((nowMs) => {
  if (!entered) return;
  measure();
  const t = Math.floor(head.at(nowMs));
  if (head.following) drawLive(t, nowMs);
  else drawPast(t);
  if (!shown && !isLookedFor(t)) explain(t);
  charts.mark(head.following ? null : t);
  drawMoment(t);
  if (head.playing) {
    if (nowMs - rememberedMs > REMEMBER_MS) remember();
    draw();
  }
});

/** Whether the frame of t is still on its way. @param {number} t */
function isLookedFor(t) {
  return !head.following && !feed.covers(t);
}

/** Says why no frame can be seen. @param {number} t */
function explain(t) {
  if (!head.following && feed.failure) return fail(feed.failure);
  const first = past.segments.frames[0]?.start_t ?? firstFrameT(Number(data.window), stride, head.firstT);
  cover(whyNoFrame({ t, firstFrameT: first, empty: past.empty && !store.tick, gaps: head.gaps }));
}

/** @param {number} t @param {number} nowMs */
function drawLive(t, nowMs) {
  if (store.frame) showFrame(store.frame);
  else if (shown) showFrame(null);
  if (chartFeed.follow(whole(), nowMs)) draw();
  write("ts", store.tick ? momentText(store.tick.ts) : "–");
  write("t", countText(t));
}

/** @param {number} t */
function drawPast(t) {
  feed.want(t);
  const { frame = null } = feed.found ?? {};
  if (feed.covers(t)) showFrame(frame && isOf(frame, t) ? frame : null);
  chartFeed.show(t, whole());
  write("t", countText(t));
  const index = charted ? lastAtOrBefore(charted.t, t) : -1;
  if (charted && index >= 0) write("ts", momentText(charted.ts[index]));
}

/** @param {number} t */
function drawMoment(t) {
  const slider = element("timeline");
  const values = { "aria-valuemin": head.firstT, "aria-valuemax": head.lastT, "aria-valuenow": t };
  for (const [name, value] of Object.entries(values)) slider.setAttribute(name, String(value));
  slider.setAttribute("aria-valuetext", `t ${countText(t)}`);
  timeline.show({ whole: whole(), segments: past.segments.ticks, gaps: head.gaps, happenings: happenings.within(-Infinity, Infinity), loop: head.loop, charted: chartFeed.stretch, t });
  showControls({ running: head.running, following: head.following, loops: head.loop !== null, growing: head.growing });
  if (happened && charted && chartFeed.stretch) {
    happened = false;
    showColumns(charted, chartFeed.stretch);
  }
}

/** Keeps the moment in the address, so that a copied link opens it. */
function remember() {
  rememberedMs = performance.now();
  history.replaceState(null, "", addressOf({ symbol, t: head.following ? null : head.at(rememberedMs), agent: pinned }));
}

/** @param {string | null} agent */
function pin(agent) {
  pinned = agent;
  graph.pin(agent);
  card.pin(agent, shown);
  remember();
}

let backfills = 0;

/** Fills the live charts with what was recorded before the page was opened. @param {number} beforeT */
async function backfill(beforeT) {
  backfills += 1;
  const turn = backfills;
  const stretch = { from: Math.max(0, beforeT - SPAN), to: beforeT };
  const rows = await metricRows(past, stretch.from, stretch.to);
  // The stream may have begun anew meanwhile; then a later call brings the rows that belong to it.
  if (turn !== backfills) return;
  store.backfill(rows);
  if (head.following) chartFeed.forget();
  draw();
  await findHappenings(stretch);
}

/** @param {any} message */
function receive(message) {
  if (message.type === "gap") remark(text("gap_told", { from: countText(message.from_t), to: countText(message.to_t) }));
  if (message.type === "metric" && store.metrics.length === 1) backfill(message.t).catch(tell);
  if (message.type === "frame") happened = happenings.take(message.events) || happened;
  draw();
}

/** @param {import("./stream.js").StreamState} state @param {string} detail */
function follow(state, detail) {
  head.growing = state === "live" || (head.growing && state === "reconnecting");
  showConnection(state, detail);
  draw();
}

/** The market is another one: what was shown belongs to the old. */
function beginAnew() {
  for (const part of [feed, chartFeed]) part.forget();
  happenings.clear();
  past.refresh().catch(fail);
  draw();
}

/** Where the address leads, or the door: the end that moves, or the beginning of the newest segment. @param {import("./address.js").Place} place */
function enter(place) {
  entered = true;
  measure();
  if (place.t === null && data.door === "live") head.follow();
  else steering.seek(place.t ?? past.segments.frames.at(-1)?.start_t ?? head.firstT);
  if (place.agent !== null) pin(place.agent);
  draw();
}

async function begin() {
  showConnection("connecting", "");
  bindCommands((command) => {
    if (command === "unpin") pin(null);
    else if (command === "search") element("agent").focus();
    else steering.run(command);
  });
  head.speed = bindSpeed((speed) => head.setSpeed(speed, performance.now()));
  bindLook((look) => graph.dress(look));
  bindSearch((agent) => graph.has(agent) && (pin(agent), true));
  bindLinks("happenings", (link) => steering.stopAt(Number(link.dataset.t)));
  bindLinks("doors", (link) => (link.id === "to-live" ? steering.goLive() : steering.stop()));
  stream.open();
  await past.refresh();
  enter(placeIn(location.search, symbol));
  setInterval(() => past.refresh().then(draw, () => {}), REFRESH_MS);
}

begin().catch(fail);
