/** Owns the replay page: joins the recording, the player's clock and the views. */

import { Charts } from "./charts.js";
import { bytesText, countText, momentText } from "./format.js";
import { FrameFeed } from "./frame-feed.js";
import { GraphView } from "./graph.js";
import { firstFrameT } from "./messages.js";
import { painter } from "./paint.js";
import { Player } from "./player.js";
import { openRecording, ticksPerSecond } from "./recording.js";
import { markCurrent, showSegments } from "./segment-list.js";
import { SegmentReader, fetchManifest, nameOf, segmentAt } from "./segments.js";
import { lastAtOrBefore } from "./timeline.js";

/** @typedef {import("./segments.js").Segment} Segment */

const page = document.body.dataset;
const symbol = /** @type {string} */ (page.symbol);
const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const scrub = /** @type {HTMLInputElement} */ (element("scrub"));
const speed = /** @type {HTMLSelectElement} */ (element("speed"));
const playButton = /** @type {HTMLButtonElement} */ (element("play"));

const reader = new SegmentReader();
const graph = new GraphView(element("graph"));
const charts = new Charts(element("charts"), { onPick: (t) => seek(t) });

/** @type {Segment[]} */ let segments = [];
/** @type {import("./recording.js").Recording | null} */ let recording = null;
/** @type {Player | null} */ let player = null;
/** @type {FrameFeed | null} */ let feed = null;
let loads = 0;

/** @param {"loading" | "ready" | "empty" | "error"} state @param {string} text */
function showState(state, text) {
  element("state").dataset.state = state;
  element("state").textContent = text;
  const ready = state === "ready";
  for (const control of [scrub, speed, playButton]) control.disabled = !ready;
}

/** @param {Error} error */
function fail(error) {
  player?.pause(performance.now());
  showState("error", error.message);
}

/** @param {Segment | null} segment @param {number | null} t */
function addressOf(segment, t) {
  const query = new URLSearchParams({ symbol });
  if (segment) query.set("segment", nameOf(segment));
  if (t !== null) query.set("t", String(Math.round(t)));
  return `?${query}`;
}

/** Keeps the moment in the address, so that a copied link opens it. */
function remember() {
  if (!player || !recording) return;
  history.replaceState(null, "", addressOf(recording.segment, player.at(performance.now())));
}

async function listSegments() {
  segments = await fetchManifest("frames", symbol);
  showSegments(element("segments"), segments, (segment) => addressOf(segment, null));
  if (recording) markCurrent(element("segments"), recording.segment);
}

/** The t in the address; null where there is none or no number. @param {URLSearchParams} query */
function momentIn(query) {
  const text = query.get("t");
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

/** The segment the address asks for, by name or by t, else the newest. @param {URLSearchParams} query */
function chosen(query) {
  const name = query.get("segment");
  const t = momentIn(query);
  const named = segments.find((segment) => nameOf(segment) === name || nameOf(segment) === name?.replace("_pending", ""));
  return named ?? (t === null ? undefined : segmentAt(segments, t)) ?? segments.at(-1);
}

/** @param {Segment} segment @param {number | null} startT */
async function load(segment, startT) {
  loads += 1;
  const turn = loads;
  player?.pause(performance.now());
  showState("loading", "Loading the segment…");
  markCurrent(element("segments"), segment);
  const progress = (/** @type {number} */ bytes) => {
    if (turn === loads) showState("loading", `Loading the segment: ${bytesText(bytes)} of ${bytesText(segment.bytes)}`);
  };
  try {
    const opened = await openRecording(reader, symbol, segment, progress);
    // Another segment was chosen meanwhile.
    if (turn !== loads) return opened.frames.close();
    const previous = recording;
    enter(opened, startT);
    await previous?.frames.close();
  } catch (error) {
    if (turn === loads) fail(/** @type {Error} */ (error));
  }
}

/** @param {import("./recording.js").Recording} opened @param {number | null} startT */
function enter(opened, startT) {
  [recording, player, feed] = [opened, null, null];
  const { ts } = opened.frames;
  if (!ts.length) return showState("empty", "This segment holds no frame yet.");
  const lastT = ts[ts.length - 1];
  player = new Player({ firstT: ts[0], lastT, ticksPerSecond: ticksPerSecond(opened.metrics), speed: Number(speed.value) });
  feed = new FrameFeed(opened.frames, showFrame, fail);
  Object.assign(scrub, { min: String(ts[0]), max: String(lastT), step: page.stride });
  element("range").textContent = `${countText(ts[0])} – ${countText(lastT)}`;
  charts.show((name) => opened.metrics[name]);
  showState("ready", `${countText(ts.length)} frames`);
  seek(startT ?? ts[0]);
}

/** @param {import("./messages.js").Frame} frame */
function showFrame(frame) {
  graph.show(frame);
  element("frame-t").textContent = String(frame.t);
  element("frame-window").textContent = `${frame.window.t0} – ${frame.window.t1}`;
  element("ts").textContent = momentText(frame.ts);
}

const draw = painter((nowMs) => {
  if (!player || !recording) return;
  const wasPlaying = player.playing;
  const t = player.at(nowMs);
  scrub.value = String(t);
  scrub.setAttribute("aria-valuetext", `t ${Math.round(t)}`);
  charts.mark(t);
  feed?.want(Math.max(0, lastAtOrBefore(recording.frames.ts, t)));
  showPlaying(player.playing);
  if (player.playing) draw();
  else if (wasPlaying) remember();
});

/** @param {boolean} playing */
function showPlaying(playing) {
  playButton.dataset.playing = String(playing);
  playButton.setAttribute("aria-label", playing ? "Pause" : "Play");
}

/** @param {number} t */
function seek(t) {
  player?.seek(t, performance.now());
  draw();
}

playButton.addEventListener("click", () => {
  if (player?.playing) player.pause(performance.now());
  else player?.play(performance.now());
  remember();
  draw();
});
scrub.addEventListener("input", () => seek(Number(scrub.value)));
scrub.addEventListener("change", remember);
speed.addEventListener("change", () => player?.setSpeed(Number(speed.value), performance.now()));
element("refresh").addEventListener("click", () => listSegments().catch(fail));

element("segments").addEventListener("click", (event) => {
  const link = /** @type {HTMLElement} */ (event.target).closest("a");
  const segment = segments.find((candidate) => nameOf(candidate) === link?.dataset.segment);
  if (!segment || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  history.replaceState(null, "", addressOf(segment, null));
  load(segment, null);
});

async function begin() {
  showState("loading", "Looking for recordings…");
  await listSegments();
  const query = new URLSearchParams(location.search);
  const segment = chosen(query);
  const first = firstFrameT(Number(page.window), Number(page.stride));
  if (!segment) return showState("empty", `No recording yet. The first structure frame comes at t = ${first}.`);
  await load(segment, momentIn(query));
}

begin().catch(fail);
