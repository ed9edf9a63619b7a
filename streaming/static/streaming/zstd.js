/** Owns reading a segment's bytes: concatenated zstd frames, the last one perhaps still being written. */

// A worker sees no import map, so the library is named by its path here.
import { Decompress } from "./vendor/fzstd-0.1.1/fzstd.js";

export class SegmentError extends Error {}

export class SegmentDecoder {
  #stream;

  /** @param {(bytes: Uint8Array) => void} onBytes gets each block as soon as it is whole; the bytes are its to keep only until it returns */
  constructor(onBytes) {
    this.#stream = new Decompress(onBytes);
  }

  /** @param {Uint8Array} bytes */
  push(bytes) {
    if (bytes.length) this.#guarded(() => this.#stream.push(bytes));
  }

  /** Ends a finished segment; throws SegmentError when it was cut short. A pending one is not ended: it has no end yet. */
  end() {
    this.#guarded(() => this.#stream.push(new Uint8Array(0), true));
  }

  /** @param {() => void} step */
  #guarded(step) {
    try {
      step();
    } catch (error) {
      throw new SegmentError(`the segment cannot be decompressed: ${/** @type {Error} */ (error).message}`, { cause: error });
    }
  }
}
