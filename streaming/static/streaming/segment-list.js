/** Owns the list of recorded segments on the replay page. */

import { bytesText, countText, momentText } from "./format.js";
import { nameOf } from "./segments.js";

/** @typedef {import("./segments.js").Segment} Segment */

/** @param {string} tag @param {string} className @param {string} text */
function part(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** @param {Segment} segment @param {string} href */
function item(segment, href) {
  const link = document.createElement("a");
  link.href = href;
  link.dataset.segment = nameOf(segment);
  link.append(part("strong", "range", `t ${countText(segment.start_t)} – ${countText(segment.end_t)}`));
  if (segment.pending) link.append(part("span", "badge", "recording"));
  link.append(part("span", "facts", momentText(Date.parse(segment.created_at) / 1000)));
  link.append(part("span", "facts", `${countText(segment.lines)} frames, ${bytesText(segment.bytes)}`));
  const row = document.createElement("li");
  row.append(link);
  return row;
}

/**
 * Shows the segments, newest first.
 * @param {HTMLElement} list @param {Segment[]} segments @param {(segment: Segment) => string} hrefOf
 */
export function showSegments(list, segments, hrefOf) {
  list.replaceChildren(...segments.toReversed().map((segment) => item(segment, hrefOf(segment))));
}

/** @param {HTMLElement} list @param {Segment} segment */
export function markCurrent(list, segment) {
  for (const link of list.querySelectorAll("a")) {
    const current = link.dataset.segment === nameOf(segment);
    if (current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    if (current) reveal(list, link);
  }
}

/** Scrolls the list alone; `scrollIntoView` would move the page too. @param {HTMLElement} list @param {HTMLElement} link */
function reveal(list, link) {
  const [box, row] = [list.getBoundingClientRect(), link.getBoundingClientRect()];
  if (row.top < box.top) list.scrollTop -= box.top - row.top;
  else if (row.bottom > box.bottom) list.scrollTop += row.bottom - box.bottom;
}
