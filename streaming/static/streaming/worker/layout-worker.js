/** Owns running the layout off the page's thread, in short rounds, so that a newer graph need not wait. */

import { Layout } from "./layout.js";

const STEPS_PER_ROUND = 30;

/** With the same agents as before only the edges changed a little: a few steps follow them, and everybody can still be found. */
const STEPS_AMONG_KNOWN = 4;

/** A graph that never settles must not keep a core busy: the next frame starts the count again. */
const ROUNDS_PER_GRAPH = 12;

const layout = new Layout();
let newest = 0;

/** @param {number} number @param {number} steps @param {number} rounds */
function round(number, steps, rounds) {
  if (number !== newest) return;
  const positions = layout.run(steps);
  self.postMessage({ number, positions }, { transfer: [positions.buffer] });
  if (!layout.calm && rounds > 1) setTimeout(round, 0, number, steps, rounds - 1);
}

self.onmessage = ({ data }) => {
  newest = data.number;
  if (layout.take(data.task)) round(newest, STEPS_AMONG_KNOWN, 1);
  else round(newest, STEPS_PER_ROUND, ROUNDS_PER_GRAPH);
};
