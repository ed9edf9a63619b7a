/** Owns opened segments, off the page's thread: fetches, decompresses and holds their lines, and hands out what is asked for. */

import { get } from "./api.js";
import { LineSplitter } from "./ndjson.js";
import { Tape } from "./tape.js";
import { SegmentDecoder } from "./zstd.js";

/** @type {Map<number, Tape>} */
const tapes = new Map();

/** @param {ReadableStream<Uint8Array>} body @param {boolean} pending @param {(bytes: number) => void} onRead */
async function readTape(body, pending, onRead) {
  const tape = new Tape();
  const splitter = new LineSplitter();
  const decoder = new SegmentDecoder((bytes) => splitter.push(bytes).forEach((line) => tape.add(line)));
  const reader = body.getReader();
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    decoder.push(chunk.value);
    onRead(chunk.value.length);
  }
  if (!pending) decoder.end();
  return tape;
}

/** @type {Record<string, (task: any, id: number) => Promise<any> | any>} */
const answers = {
  async open({ segment, url, pending }, id) {
    // A pending file grows under the same name; a finished one never changes.
    const response = await get(url, { cache: pending ? "no-cache" : "default" });
    let read = 0;
    const tape = await readTape(/** @type {any} */ (response.body), pending, (bytes) => {
      read += bytes;
      self.postMessage({ id, progress: read });
    });
    tapes.set(segment, tape);
    return { ts: tape.ts(), gaps: tape.gaps };
  },
  message: ({ segment, index }) => tapes.get(segment)?.message(index),
  metricColumns: ({ segment }) => tapes.get(segment)?.metricColumns(),
  close: ({ segment }) => tapes.delete(segment),
};

self.onmessage = async ({ data: { id, kind, task } }) => {
  try {
    self.postMessage({ id, value: await answers[kind](task, id) });
  } catch (error) {
    const { message, status, code } = /** @type {import("./api.js").ApiError} */ (error);
    self.postMessage({ id, error: { message, status, code } });
  }
};
