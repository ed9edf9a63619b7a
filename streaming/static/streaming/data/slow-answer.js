/** Owns noticing that an answer takes long. */

export class Patience {
  /** Whether what is waited for takes long. */
  over = false;
  #timer = 0;

  /** @param {number} ms @param {() => void} onOver */
  constructor(ms, onOver) {
    this.ms = ms;
    this.onOver = onOver;
  }

  begin() {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.over = true;
      this.onOver();
    }, this.ms);
  }

  end() {
    clearTimeout(this.#timer);
    this.over = false;
  }
}
