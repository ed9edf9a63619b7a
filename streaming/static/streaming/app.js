/** Owns the page: joins the stream, the recording, the playhead and the views. Both doors, live and replay, lead here. */

import { AgentNames } from "./data/agent-names.js";
import { AgentSearch } from "./page/agent-search.js";
import { bindCommands, bindLinks, bindSpeed, showControls } from "./page/controls.js";
import { Entrance } from "./page/entrance.js";
import { countText, momentText } from "./page/format.js";
import { FrameFeed } from "./data/frame-feed.js";
import { FrameView } from "./graph/frame-view.js";
import { MarketEventList } from "./page/market-event-list.js";
import { MarketEvents } from "./state/market-events.js";
import { Retry } from "./data/retry.js";
import { Backfill } from "./data/past-metrics.js";
import { firstFrameT, tellsOf } from "./data/messages.js";
import { cover, gapText, remark, showConnection, whyNoFrame, wordsOf, write } from "./page/notice.js";
import { painted, painter, unhurried } from "./page/paint.js";
import { Patience } from "./data/slow-answer.js";
import { Past } from "./data/recording.js";
import { PlaceKeeper } from "./page/place-keeper.js";
import { Playhead } from "./state/playhead.js";
import { showFirstLook } from "./page/first-look.js";
import { Store } from "./state/store.js";
import { Study } from "./page/study.js";
import { Navigation } from "./state/navigation.js";
import { LiveStream } from "./data/stream.js";
import { text } from "./state/texts.js";
import { SPAN, TimeViews } from "./charts/time-views.js";
import { askWhileSeen } from "./data/poll-while-visible.js";

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

const past = new Past(symbol, (recording) => (stream.enter(recording), beginAnew()));
const store = new Store(SPAN);
const head = new Playhead();
const marketEvents = new MarketEvents();
const entrance = new Entrance();
let [happened, connection] = [false, ""];

/** @param {Error} error that `heal` may mend */
const miss = (error) => (tell(error), retry.failed());

const time = new TimeViews({
  symbol, past, store, head, marketEvents, turn: framed, draw: () => draw(), drawLater: () => drawLater(), onError: miss,
  onSeek: leapTo,
  onLoop: (span) => navigation.loop(span),
});
const names = new AgentNames(symbol);
const view = new FrameView(element("graph"), element("card"), { onPick: pin, onLook: () => draw(), frameAt: (t) => past.frame(t), names, agentUrl: data.agentUrl ?? "", features: (agent, fromT, toT) => past.features(agent, fromT, toT), onError: miss, onMiss: () => retry.failed() });
const feed = new FrameFeed(findFrame, showFound, frameMissed);
const backfill = new Backfill({ past, store, span: SPAN });
const list = new MarketEventList(element("happenings"), element("no-happenings"), (t) => place.addressOf(t));
const navigation = new Navigation({ head, feed, chartFeed: time.feed, timeline: time.timeline, marketEvents, stride, draw: () => draw(), onLeap: () => place.leap() });
const stream = new LiveStream(symbol, store, { onMessage: receive, onState: follow, onFilled: (count) => remark("connection", text("filled", { count: countText(count) })), onSkipped: saySkipped, onAnew: beginAnew });
const place = new PlaceKeeper({ symbol, door: data.door === "live" ? "live" : "replay", head, past, navigation, timeline: time.timeline, marks: () => ({ agent: view.pinned, from: study.from }), mark: ({ agent, from }) => (pin(agent), study.compareWith(from)) });
const study = new Study({ symbol, past, stretch: () => time.timeline.zoomedTo, view, charts: time.charts, onError: tell, onMissed: miss, draw: () => draw() });
const search = new AgentSearch(names, { has: (agent) => view.graph.has(agent), pick: find, onError: tell });
const retry = new Retry(heal);
const patience = new Patience(SLOW_MS, () => draw());
const recorded = new Patience(RECORDED_MS, () => (feed.forget(), draw()));

/** @param {Error} error that leaves the page as it is, but for what was asked */
function tell(error) {
  remark("error", wordsOf(error));
}

function frameMissed() {
  patience.end();
  retry.failed();
  draw();
}

/** Asks anew for what could not be read; a manifest that was behind may have been the reason. */
async function heal() {
  await past.refresh().catch(() => retry.failed());
  const healed = [feed, time.feed, view, study].map((part) => part.heal());
  if (healed.some(Boolean)) draw();
}

/** The stretch of t that there is. */
function whole() {
  return { from: head.firstT, to: Math.max(head.lastT, head.firstT + 1) };
}

function measure() {
  const lastT = Math.max(past.lastT, store.position ?? 0);
  Object.assign(head, { firstT: past.firstT, lastT, gaps: time.gaps });
}

/** @param {number} t @returns {Promise<import("./data/frame-feed.js").Found>} */
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

/** A late answer shows how far the way has come; what is to be seen at last follows it. @param {import("./data/frame-feed.js").Found} found @param {number} askedT */
function showFound({ frame, nextT }, askedT) {
  patience.end();
  retry.succeeded();
  if (head.growing && nextT === null && !(frame && tellsOf(frame, askedT))) recorded.begin();
  const t = Math.floor(head.at(performance.now()));
  if (!head.following && !feed.covers(t) && frame && tellsOf(frame, askedT)) showFrame(frame);
  draw();
}

/** @param {import("./data/messages.js").Frame | null} frame */
function showFrame(frame) {
  if (!view.show(frame)) return;
  happened = marketEvents.take(frame) || happened;
  search.expectNames();
}

const draw = painter((nowMs) => {
  if (!entrance.open) return;
  measure();
  const t = Math.floor(head.at(nowMs));
  if (head.following) drawLive(t);
  else drawPast(t);
  explain(t);
  study.show(view.shown);
  drawMoment(t, nowMs);
  place.keep(t);
  if (head.playing) draw();
});

const drawLater = unhurried(draw);

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

/** @param {number} t */
function drawLive(t) {
  showFrame(store.presentFrame);
  write("ts", store.tick ? momentText(store.tick.ts) : "–");
  // While no stream comes the recording goes on; both are of one tick.
  write("t", countText(store.tick?.t ?? t));
}

/** @param {number} t */
function drawPast(t) {
  feed.want(t);
  const { frame = null } = feed.found ?? {};
  if (feed.covers(t)) showFrame(frame && tellsOf(frame, t) ? frame : null);
  write("t", countText(t));
  const ts = time.tsAt(t) ?? (frame && tellsOf(frame, t) ? frame.ts : null);
  write("ts", ts === null ? "–" : momentText(ts));
}

/** @param {number} t @param {number} nowMs */
function drawMoment(t, nowMs) {
  if (happened) time.redraw();
  happened = false;
  time.show(t, whole(), nowMs);
  list.show(marketEvents.all(), time.overview.eventsKnown);
  list.mark(view.shown?.t ?? null);
  const { empty } = factsAt(t);
  showFirstLook(empty, connection === "no-market");
  if (empty) write("t", "–");
  showControls({ running: head.running && !empty, following: head.following, loops: head.loop !== null, growing: head.growing });
}

/** @param {string | null} agent */
function pin(agent) {
  view.pin(agent);
  draw();
}

/** Picks an agent that was looked for, and brings it to the middle. @param {string} agent */
function find(agent) {
  pin(agent);
  view.graph.centre(agent);
}

/** @param {any} message */
function receive(message) {
  if (message.type === "gap") remark(`gap ${message.kind}`, gapText(message));
  if (message.type === "metric" && store.metrics.length === 1) fillCharts(message.t);
  if (message.type === "frame") happened = marketEvents.take(message) || happened;
  drawLater();
}

/** @param {number} beforeT */
function fillCharts(beforeT) {
  retry.attempt("backfill", async () => {
    if (!(await backfill.fill(beforeT))) return;
    if (head.following) time.feed.forget();
    draw();
  }, tell);
}

/** @param {import("./data/stream.js").StreamState} state @param {import("./data/socket.js").Refusal} refusal */
function follow(state, refusal) {
  if (state === "live") {
    if (connection === state) return; // each tick says so
    retry.now();
    // Of a market that had not begun nothing told the prices.
    if (!past.prices.length) past.refresh().then(draw, () => {});
  }
  connection = state;
  head.growing = state === "live" || (head.growing && state === "reconnecting");
  showConnection(state, refusal);
  draw();
}

function saySkipped() {
  time.feed.forget();
  remark("connection", text("skipped"));
}

/** The market is another one: what was shown belongs to the old. */
function beginAnew() {
  for (const part of [feed, time, past, backfill, view, study]) part.forget();
  marketEvents.clear();
  const look = async () => {
    await past.refresh();
    measure();
    // Where it stood there may be nothing now.
    if (!head.following) navigation.seek(head.at(performance.now()));
  };
  retry.attempt("manifests", look, tell);
  draw();
}

/** To a moment that was pointed at, playing on if it played. @param {number} t */
function leapTo(t) {
  place.leap();
  navigation.seek(t);
}

/** @param {string} command */
function obey(command) {
  if (study.run(command)) return;
  if (command === "unpin") pin(null);
  else if (command === "search") /** @type {HTMLInputElement} */ (element("agent")).select();
  else if (!view.run(command)) navigation.run(command);
}

function bind() {
  bindCommands((command) => entrance.once(() => obey(command)));
  head.speed = bindSpeed((speed) => head.setSpeed(speed, performance.now()));
  bindLinks("happenings", (link) => navigation.leapTo(Number(link.dataset.frameT)));
  bindLinks("doors", (link) => entrance.once(() => (link.id === "to-live" ? navigation.leapLive() : navigation.stop())));
}

function begin() {
  showConnection("connecting", { code: "", detail: "" });
  cover({ words: text("reading") });
  bind();
  stream.open();
  const start = async () => {
    await past.refresh();
    entrance.enter(() => (measure(), place.enter()));
    draw();
    askWhileSeen(() => past.refresh().then(draw, () => {}), REFRESH_MS);
  };
  retry.attempt("start", start, (error) => cover({ words: wordsOf(error), state: "error" }));
}

begin();
