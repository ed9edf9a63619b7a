/** Owns cutting bytes into lines of NDJSON, however the bytes are cut on their way. */
export class LineSplitter {
  #decoder = new TextDecoder("utf-8", { fatal: true });
  #rest = "";

  /** @param {Uint8Array} bytes @returns {string[]} the lines that are whole now, without their line feeds */
  push(bytes) {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = /** @type {string} */ (lines.pop());
    return lines.filter((line) => line.length > 0);
  }

  /** What is left after the last line feed: empty in a finished file, a line in the making in a pending one. */
  get rest() {
    return this.#rest;
  }
}
