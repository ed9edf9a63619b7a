/** Owns whether the page is at its place yet. Until then what is asked for waits, since going there would undo it. */

export class Entrance {
  open = false;
  #work = () => {};

  /** Does something now, or once the page has entered; of what waits, the last alone. @param {() => void} work */
  once(work) {
    if (this.open) work();
    else this.#work = work;
  }

  /** Goes to the place, then does what waits. @param {() => void} go */
  enter(go) {
    this.open = true;
    go();
    this.#work();
  }
}
