/** Owns what the page says in words: the connection's state, and why there is no frame to be seen. */

import { countText, spanText } from "./format.js";
import { errorText, text } from "../state/texts.js";

/** A remark about something that is over stays for so long. */
const REMARK_MS = 8000;

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} id @param {string} words */
export function write(id, words) {
  const target = element(id);
  // Setting the same text again would make a screen reader and the layout work for nothing.
  if (target.textContent !== words) target.textContent = words;
}

/** Remarks that are to be seen, by what they are about. @type {Map<string, {line: HTMLElement, timer: number}>} */
const remarks = new Map();

/** Says something in passing; a newer remark about the same thing takes its place, others stay. @param {string} about @param {string} words */
export function remark(about, words) {
  unsay(about);
  const line = document.createElement("p");
  line.textContent = words;
  element("remarks").append(line);
  remarks.set(about, { line, timer: window.setTimeout(() => unsay(about), REMARK_MS) });
}

/** @param {string} about what is no longer so */
export function unsay(about) {
  const said = remarks.get(about);
  clearTimeout(said?.timer);
  said?.line.remove();
  remarks.delete(about);
}

/** @param {Error & {code?: string}} error @returns {string} in the visitor's language, as far as it is a known one */
export const wordsOf = (error) => errorText(error.code, error.message);

/** @param {import("../data/stream.js").StreamState} state @param {import("../data/socket.js").Refusal} refusal of the server */
export function showConnection(state, { code, detail }) {
  for (const id of ["connection", "to-live"]) element(id).dataset.state = state;
  write("connection-text", text(`connection_${state.replace("-", "_")}`));
  write("connection-detail", errorText(code, detail));
}

/** What a told loss is: of which messages, and where they still are. @param {import("../data/messages.js").Gap} gap */
export function gapText({ kind, from_t, to_t, reason }) {
  return text(reason === "slow" ? "gap_slow" : "gap_told", { what: text(`kind_${kind}`), span: spanText(from_t, to_t) });
}

/** @typedef {{words: string, spoken?: string, state?: string}} Notice `spoken` where a screen reader is to hear something else; `state` for the style */

/** Covers the graph with words; none uncovers it. @param {Notice} notice */
export function cover({ words, spoken = words, state = "" }) {
  const notice = element("waiting");
  if (notice.dataset.state !== state) notice.dataset.state = state;
  write("waiting", words);
  write("announced", spoken);
  notice.hidden = words === "";
}

/**
 * Why no frame can be seen at t. `empty`: nothing is recorded and nothing came; `unheard`: the present is to be seen, and has not been heard of.
 * @param {{t: number, firstFrameT: number, empty: boolean, unheard: boolean, gaps: import("../data/segments.js").Span[]}} facts
 * @returns {Notice}
 */
export function whyNoFrame({ t, firstFrameT, empty, unheard, gaps }) {
  if (empty) return { words: "", spoken: text("nothing_recorded", { t: countText(firstFrameT) }) };
  if (unheard) return { words: text("nothing_heard") };
  const gap = gaps.find(({ from_t, to_t }) => t >= from_t && t <= to_t);
  if (gap) return { words: text("gap_here", { from: countText(gap.from_t), to: countText(gap.to_t) }) };
  if (t >= firstFrameT) return { words: text("no_frame_here") };
  // Counting down is for the eyes: ten times a second nobody listens.
  const first = countText(firstFrameT);
  return { words: text("first_frame", { t: first, left: countText(firstFrameT - t) }), spoken: text("first_frame_soon", { t: first }) };
}
