/** Owns asking for frames no faster than they come: while one is under way, only the newest wish is kept. */
export class FrameFeed {
  #wanted = -1;
  #shown = -1;
  #asking = false;

  /**
   * @param {{message: (index: number) => Promise<any>}} source
   * @param {(frame: any) => void} onFrame
   * @param {(error: Error) => void} onError
   */
  constructor(source, onFrame, onError) {
    this.source = source;
    this.onFrame = onFrame;
    this.onError = onError;
  }

  /** @param {number} index of the frame that should be seen now */
  want(index) {
    this.#wanted = index;
    if (!this.#asking) this.#ask();
  }

  async #ask() {
    this.#asking = true;
    try {
      while (this.#wanted !== this.#shown) {
        const index = this.#wanted;
        this.onFrame(await this.source.message(index));
        this.#shown = index;
      }
    } catch (error) {
      this.#shown = this.#wanted;
      this.onError(/** @type {Error} */ (error));
    } finally {
      this.#asking = false;
    }
  }
}
