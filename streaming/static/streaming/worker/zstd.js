/** Owns reading a segment's bytes: concatenated zstd frames, the last one perhaps still being written. */

// A worker sees no import map, so the library is named by its path here.
import { Decompress } from "../vendor/fzstd-0.1.1/fzstd.js";
import { Checksum } from "./xxh64.js";

export class SegmentError extends Error {}

const MAGIC = 0xfd2fb528;
const RLE = 1;

/**
 * The zstd frames in some bytes; the last may end with them before it ends itself.
 * @param {Uint8Array} bytes
 * @returns {{start: number, end: number, whole: boolean, checksum: number | null}[]}
 */
export function framesIn(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames = [];
  for (let start = 0; start < bytes.length; start = /** @type {{end: number}} */ (frames.at(-1)).end) frames.push(frameAt(view, start));
  return frames;
}

/** @param {DataView} view @param {number} start */
function frameAt(view, start) {
  const torn = { start, end: view.byteLength, whole: false, checksum: null };
  if (view.byteLength < start + 5) return torn;
  if (view.getUint32(start, true) !== MAGIC) throw new SegmentError(`no zstd frame begins at byte ${start}`);
  const descriptor = view.getUint8(start + 4);
  const [sizeFlag, isSingle, isChecked] = [descriptor >> 6, (descriptor >> 5) & 1, (descriptor >> 2) & 1];
  let at = start + 5 + (1 - isSingle) + [0, 1, 2, 4][descriptor & 3] + [isSingle, 2, 4, 8][sizeFlag];
  for (let last = 0; !last; ) {
    if (view.byteLength < at + 3) return torn;
    const head = view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16);
    last = head & 1;
    at += 3 + (((head >> 1) & 3) === RLE ? 1 : head >> 3);
  }
  const end = at + 4 * isChecked;
  return view.byteLength < end ? torn : { start, end, whole: true, checksum: isChecked ? view.getUint32(at, true) : null };
}

/**
 * The text of frames, in pieces, each frame's given once its checksum was found right; what is gone with one that is
 * cut short or false is told by SegmentError. The last may be `open`: it has no checksum yet.
 * @param {Uint8Array} bytes @param {boolean} open @returns {Generator<Uint8Array>}
 */
export function* checkedText(bytes, open) {
  for (const { start, end, whole, checksum } of framesIn(bytes)) {
    if (!whole && !open) throw new SegmentError("the segment is cut short");
    /** @type {Uint8Array[]} */
    const pieces = [];
    const sum = new Checksum();
    const decoder = new SegmentDecoder((piece) => {
      sum.update(piece);
      pieces.push(piece.slice());
    });
    decoder.push(bytes.subarray(start, end));
    if (whole) decoder.end();
    if (checksum !== null && sum.value !== checksum) throw new SegmentError(`the frame at byte ${start} is not what was written`);
    yield* pieces;
  }
}

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
