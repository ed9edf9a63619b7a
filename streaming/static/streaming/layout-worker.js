/** Owns running the layout off the page's thread, in short rounds, so that a newer graph need not wait. */

import { Layout } from "./layout.js";

const STEPS_PER_ROUND = 30;

/** A graph that never settles must not keep a core busy: the next frame starts the count again. */
const ROUNDS_PER_GRAPH = 12;

const layout = new Layout();
let newest = 0;

/** @param {number} number @param {number} rounds */
function round(number, rounds) {
  if (number !== newest) return;
  const positions = layout.run(STEPS_PER_ROUND);
  self.postMessage({ number, positions }, { transfer: [positions.buffer] });
  if (!layout.calm && rounds > 1) setTimeout(round, 0, number, rounds - 1);
}

self.onmessage = ({ data }) => {
  newest = data.number;
  layout.take(data.task);
  round(newest, ROUNDS_PER_GRAPH);
};
