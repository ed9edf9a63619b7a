/** Owns the page: joins the stream, the recording, the playhead and the views. Both doors, live and replay, lead here. */

import { addressOf, placeIn } from "./address.js";
import { AddressBar } from "./address-bar.js";
import { ChartFeed } from "./chart-feed.js";
import { Charts } from "./charts.js";
import { bindCommands, bindLinks, bindLook, bindSearch, bindSpeed, leadLanguages, showControls } from "./controls.js";
import { countText, momentText } from "./format.js";
import { FrameFeed } from "./frame-feed.js";
import { FrameView } from "./frame-view.js";
import { HappeningList } from "./happening-list.js";
import { Happenings } from "./happenings.js";
import { Healing } from "./healing.js";
import { Backfill } from "./history.js";
import { firstFrameT, tellsOf } from "./messages.js";
import { cover, gapText, remark, showConnection, whyNoFrame, wordsOf, write } from "./notice.js";
import { painted, painter } from "./paint.js";
import { Patience } from "./patience.js";
import { Past } from "./past.js";
import { Playhead } from "./playhead.js";
import { Store } from "./store.js";
import { Steering } from "./steering.js";
import { LiveStream } from "./stream.js";
import { text } from "./texts.js";
import { paceOf, recordedAt } from "./timeline.js";
import { TimelineView } from "./timeline-view.js";
import { askWhileSeen } from "./watching.js";

/** Ticks on the charts: two minutes at the usual ten a second. */
const SPAN = 1200;

/** A wish that takes longer than this is said. */
const SLOW_MS = 250;

/** What the stream has brought is on disk after about this time. */
const RECORDED_MS = 1000;

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
/** @type {Record<string, Float64Array> | null} */ let charted = null;
let [happened, entered, connection] = [false, false, ""];

const charts = new Charts(element("charts"), { onPick: (t) => steering.seek(t) });
const view = new FrameView(element("graph"), element("card"), { onPick: pin, features: (agent, fromT, toT) => past.features(agent, fromT, toT), onError: tell });
const feed = new FrameFeed(findFrame, showFound, frameMissed);
const chartFeed = new ChartFeed({ past, store, span: SPAN, turn: framed, onColumns: showColumns, onStretch: lookForHappenings, onError: (error) => (tell(error), healing.failed()) });
const backfill = new Backfill({ past, store, span: SPAN });
const list = new HappeningList(element("happenings"), element("no-happenings"), (t) => addressOf({ symbol, t, agent: view.pinned }));
const timeline = new TimelineView(element("timeline"), /** @type {HTMLCanvasElement} */ (element("track")), {
  onSeek: (t) => steering.seek(t),
  onLoop: (span) => steering.loop(span),
});
const steering = new Steering({ head, feed, chartFeed, timeline, stride, draw: () => draw() });
const stream = new LiveStream(symbol, store, { onMessage: receive, onState: follow, onFilled: sayFilled, onSkipped: saySkipped, onAnew: beginAnew });
const addressBar = new AddressBar(leadLanguages);
const healing = new Healing(heal);
const patience = new Patience(SLOW_MS, () => draw());
const recorded = new Patience(RECORDED_MS, () => (feed.forget(), draw()));

/** @param {Error} error that leaves the page as it is, but for what was asked */
function tell(error) {
  remark("error", wordsOf(error));
}

function frameMissed() {
  patience.end();
  healing.failed();
  draw();
}

/** Asks anew for what could not be read; a manifest that was behind may have been the reason. */
async function heal() {
  await past.refresh().catch(() => healing.failed());
  const healed = [feed, chartFeed].map((part) => part.heal());
  if (healed.some(Boolean)) draw();
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
  patience.begin();
  const found = await past.frame(t);
  measure();
  if (head.playing) past.readAhead(t);
  return found;
}

/** What the charts ask for would hold up the frame, which is taken up in one animation frame and drawn in the next. */
async function framed() {
  await feed.answered;
  await painted();
  await painted();
}

/** A late answer shows how far the way has come; what is to be seen at last follows it. @param {import("./frame-feed.js").Found} found @param {number} askedT */
function showFound({ frame, nextT }, askedT) {
  patience.end();
  healing.succeeded();
  if (head.growing && nextT === null && !(frame && tellsOf(frame, askedT))) recorded.begin();
  const t = Math.floor(head.at(performance.now()));
  if (!head.following && !feed.covers(t) && frame && tellsOf(frame, askedT)) showFrame(frame);
  draw();
}

/** @param {import("./messages.js").Frame | null} frame */
function showFrame(frame) {
  if (view.show(frame)) happened = happenings.take(frame?.events) || happened;
}

/** @param {Record<string, Float64Array>} columns @param {import("./axis.js").Stretch} stretch */
function showColumns(columns, stretch) {
  charted = columns;
  const pace = paceOf(columns.t, columns.ts);
  if (pace !== null) head.setPace(pace, performance.now());
  charts.show(columns, stretch, happenings.within(stretch.from, stretch.to));
  list.show(happenings.within(0, Infinity));
}

/** Reads what the recorded frames of a stretch tell of bursts and shocks. @param {import("./axis.js").Stretch} stretch */
function lookForHappenings(stretch) {
  healing.attempt("happenings", async () => {
    const found = await past.events(stretch.from, stretch.to);
    happened = found.map((events) => happenings.take(events)).some(Boolean) || happened;
    measure();
    draw();
  }, tell);
}

const draw = painter((nowMs) => {
  if (!entered) return;
  measure();
  const t = Math.floor(head.at(nowMs));
  if (head.following) drawLive(t, nowMs);
  else drawPast(t);
  explain(t);
  charts.mark(head.following ? null : t);
  drawMoment(t);
  addressBar.keep({ symbol, t: head.following ? null : t, agent: view.pinned });
  if (head.playing) draw();
});

/** Whether the frame of t is still on its way. @param {number} t */
function isLookedFor(t) {
  return !head.following && !feed.covers(t);
}

/** Says over the graph why no frame can be seen. @param {number} t */
function explain(t) {
  if (!head.following && feed.failure && feed.covers(t)) cover({ words: wordsOf(feed.failure), state: "error" });
  else if (isLookedFor(t) && patience.over) cover({ words: text("reading") });
  else if (view.shown) cover({ words: "" });
  else if (!isLookedFor(t)) cover(whyNoFrame(factsAt(t)));
}

/** @param {number} t */
function factsAt(t) {
  const first = past.firstOf("frames") ?? firstFrameT(Number(data.window), stride, head.firstT);
  return { t, firstFrameT: first, empty: past.empty && !store.tick, unheard: head.following && !store.tick, gaps: head.gaps };
}

/** @param {number} t @param {number} nowMs */
function drawLive(t, nowMs) {
  const { frame, position } = store;
  // Of a run that has just begun there is no frame yet, and that of the one before is over.
  showFrame(frame && tellsOf(frame, position ?? frame.t) ? frame : null);
  if (chartFeed.follow(whole(), nowMs)) draw();
  write("ts", store.tick ? momentText(store.tick.ts) : "–");
  write("t", countText(t));
}

/** @param {number} t */
function drawPast(t) {
  feed.want(t);
  const { frame = null } = feed.found ?? {};
  if (feed.covers(t)) showFrame(frame && tellsOf(frame, t) ? frame : null);
  chartFeed.show(t, whole());
  write("t", countText(t));
  const index = charted ? recordedAt(charted.t, t) : -1;
  write("ts", charted && index >= 0 ? momentText(charted.ts[index]) : "–");
}

/** @param {number} t */
function drawMoment(t) {
  if (head.running) timeline.follow(t);
  timeline.show({ whole: whole(), segments: past.segments("ticks"), unseen: past.unseen, gaps: head.gaps, happenings: happenings.within(-Infinity, Infinity), loop: head.loop, charted: chartFeed.stretch, t });
  showControls({ running: head.running, following: head.following, loops: head.loop !== null, growing: head.growing });
  if (happened && charted && chartFeed.stretch) {
    happened = false;
    showColumns(charted, chartFeed.stretch);
  }
}

/** @param {string | null} agent */
function pin(agent) {
  view.pin(agent);
  // A link to a moment opens it with the agent that is looked at.
  list.show(happenings.within(0, Infinity));
  draw();
}

/** @param {any} message */
function receive(message) {
  if (message.type === "gap") remark(`gap ${message.kind}`, gapText(message));
  if (message.type === "metric" && store.metrics.length === 1) fillCharts(message.t);
  if (message.type === "frame") happened = happenings.take(message.events) || happened;
  draw();
}

/** @param {number} beforeT */
function fillCharts(beforeT) {
  healing.attempt("backfill", async () => {
    const stretch = await backfill.fill(beforeT);
    if (stretch === null) return;
    if (head.following) chartFeed.forget();
    draw();
    lookForHappenings(stretch);
  }, tell);
}

/** @param {import("./stream.js").StreamState} state @param {import("./socket.js").Refusal} refusal */
function follow(state, refusal) {
  if (state === "live" && connection !== state) healing.now();
  connection = state;
  head.growing = state === "live" || (head.growing && state === "reconnecting");
  showConnection(state, refusal);
  draw();
}

/** @param {number} count */
function sayFilled(count) {
  remark("connection", text("filled", { count: countText(count) }));
}

function saySkipped() {
  chartFeed.forget();
  remark("connection", text("skipped"));
}

/** The market is another one: what was shown belongs to the old. */
function beginAnew() {
  for (const part of [feed, chartFeed, past, backfill]) part.forget();
  happenings.clear();
  const look = async () => {
    await past.refresh();
    measure();
    // Where it stood there may be nothing now.
    if (!head.following) steering.seek(head.at(performance.now()));
  };
  healing.attempt("manifests", look, tell);
  draw();
}

/** Where the address leads, or the door: the end that moves, or the beginning of the newest segment. @param {import("./address.js").Place} place */
function enter(place) {
  entered = true;
  measure();
  if (place.t === null && data.door === "live") head.follow();
  else steering.seek(place.t ?? past.segments("frames").at(-1)?.start_t ?? head.firstT);
  if (place.agent !== null) pin(place.agent);
  draw();
}

function bind() {
  bindCommands((command) => {
    if (!entered) return;
    if (command === "unpin") pin(null);
    else if (command === "search") /** @type {HTMLInputElement} */ (element("agent")).select();
    else steering.run(command);
  });
  head.speed = bindSpeed((speed) => head.setSpeed(speed, performance.now()));
  bindLook((look) => view.graph.dress(look));
  bindSearch((agent) => view.graph.has(agent) && (pin(agent), true));
  bindLinks("happenings", (link) => steering.stopAt(Number(link.dataset.t)));
  bindLinks("doors", (link) => (link.id === "to-live" ? steering.goLive() : steering.stop()));
}

function begin() {
  // The address tells where to go until it is written.
  const place = placeIn(location.search, symbol);
  showConnection("connecting", { code: "", detail: "" });
  cover({ words: text("reading") });
  bind();
  stream.open();
  const start = async () => {
    await past.refresh();
    enter(place);
    askWhileSeen(() => past.refresh().then(draw, () => {}), REFRESH_MS);
  };
  healing.attempt("start", start, (error) => cover({ words: wordsOf(error), state: "error" }));
}

begin();
