/** Owns the recording's worker: takes questions, answers them in the order in which they can be answered. */

import { Blocks } from "./blocks.js";
import { Reading } from "./reading.js";

const blocks = new Blocks(/** @type {string} */ (new URL(self.location.href).searchParams.get("symbol")));
const reading = new Reading(blocks);

self.onmessage = async ({ data: { id, question, wish } }) => {
  try {
    const answer = await /** @type {any} */ (reading)[question](wish);
    self.postMessage({ id, answer, fetched: blocks.fetched });
  } catch (error) {
    const { message, status, code } = /** @type {import("../data/api.js").ApiError} */ (error);
    self.postMessage({ id, error: { message, status, code } });
  }
};
