/** Owns working out communities and places off the page's thread. Of the graphs that wait only the newest is worked on. */

import { communitiesOf } from "./communities.js";
import { NOWHERE, placesOf, positionsOf } from "./layout.js";

/** @typedef {import("./layout.js").LayoutTask} LayoutTask */
/** `ties` are the edges that communities are found by; `anchor` comes once, and is kept for the tasks that name it. @typedef {{number: number, task: LayoutTask, ties: {ends: Uint32Array, weights: Float32Array}, anchorT: number | null, anchor: LayoutTask | null, arrange: boolean}} Wish */

/** @type {Wish | null} */ let waiting = null;
/** The places of the anchor that came last. @type {{t: number | null, places: import("./layout.js").Places}} */ let anchored = { t: null, places: NOWHERE };

/** @param {Wish} wish */
function work({ number, task, ties, anchorT, arrange }) {
  self.postMessage({ number, communities: communitiesOf(task.keys.length, ties.ends, ties.weights) });
  if (!arrange) return;
  // Without an anchor as yet the frame stands for one; the page asks again when it has come.
  const positions = positionsOf(task, anchorT !== null && anchorT === anchored.t ? anchored.places : placesOf(task));
  self.postMessage({ number, positions, settled: anchorT !== null }, { transfer: [positions.buffer] });
}

function next() {
  const wish = waiting;
  waiting = null;
  if (wish) work(wish);
}

self.onmessage = ({ data }) => {
  // An anchor counts whatever comes after it: it is not sent again.
  if (data.anchor) anchored = { t: data.anchorT, places: placesOf(data.anchor) };
  if (waiting === null) setTimeout(next, 0);
  waiting = data;
};
