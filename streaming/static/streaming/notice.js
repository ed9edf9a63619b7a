/** Owns what the page says in words: the connection's state, and why there is no frame to be seen. */

import { countText } from "./format.js";
import { text } from "./texts.js";

/** A remark about something that is over stays for so long. */
const REMARK_MS = 8000;

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} id @param {string} words */
export function write(id, words) {
  const target = element(id);
  // Setting the same text again would make a screen reader and the layout work for nothing.
  if (target.textContent !== words) target.textContent = words;
}

let remarkTimer = 0;

/** Says something in passing. @param {string} words */
export function remark(words) {
  clearTimeout(remarkTimer);
  write("remark", words);
  element("remark").hidden = words === "";
  if (words) remarkTimer = window.setTimeout(() => remark(""), REMARK_MS);
}

/** @param {import("./stream.js").StreamState} state @param {string} detail of the server */
export function showConnection(state, detail) {
  element("connection").dataset.state = state;
  write("connection-text", text(`connection_${state.replace("-", "_")}`));
  write("connection-detail", detail);
}

/** Covers the graph with words; none uncovers it. @param {string} words @param {string} [state] for the style */
export function cover(words, state = "") {
  const notice = element("waiting");
  notice.dataset.state = state;
  if (notice.textContent !== words) notice.textContent = words;
  notice.hidden = words === "";
}

/**
 * Why no frame can be seen at t.
 * @param {{t: number, firstFrameT: number, empty: boolean, gaps: import("./segments.js").Span[]}} facts `empty`: nothing is recorded and nothing came
 */
export function whyNoFrame({ t, firstFrameT, empty, gaps }) {
  if (empty) return text("nothing_recorded", { t: countText(firstFrameT) });
  const gap = gaps.find(({ from_t, to_t }) => t >= from_t && t <= to_t);
  if (gap) return text("gap_here", { from: countText(gap.from_t), to: countText(gap.to_t) });
  if (t < firstFrameT) return text("first_frame", { t: countText(firstFrameT), left: countText(firstFrameT - t) });
  return text("no_frame_here");
}
