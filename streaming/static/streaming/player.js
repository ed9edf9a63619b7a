/** Owns the clock of a replay: which t is shown at which moment. Reads no clock itself; moments come in as milliseconds. */
export class Player {
  #anchorT;
  #anchorMs = 0;

  /** @param {{firstT: number, lastT: number, ticksPerSecond?: number, speed?: number}} range */
  constructor({ firstT, lastT, ticksPerSecond = 10, speed = 1 }) {
    this.firstT = firstT;
    this.lastT = lastT;
    this.ticksPerSecond = ticksPerSecond;
    this.speed = speed;
    this.playing = false;
    this.#anchorT = firstT;
  }

  /** The t shown at `nowMs`, a fraction while playing; stops at the end. @param {number} nowMs */
  at(nowMs) {
    if (!this.playing) return this.#anchorT;
    const t = this.#anchorT + ((nowMs - this.#anchorMs) / 1000) * this.ticksPerSecond * this.speed;
    if (t < this.lastT) return t;
    this.pause(nowMs, this.lastT);
    return this.lastT;
  }

  /** Plays on from here, or from the start when it stands at the end. @param {number} nowMs */
  play(nowMs) {
    if (this.playing) return;
    if (this.#anchorT >= this.lastT) this.#anchorT = this.firstT;
    this.#anchorMs = nowMs;
    this.playing = true;
  }

  /** @param {number} nowMs @param {number} [t] */
  pause(nowMs, t = this.at(nowMs)) {
    this.#anchorT = t;
    this.playing = false;
  }

  /** Goes to a t, held within the range, and plays on from there if it played. @param {number} t @param {number} nowMs */
  seek(t, nowMs) {
    this.#anchorT = Math.min(Math.max(t, this.firstT), this.lastT);
    this.#anchorMs = nowMs;
  }

  /** @param {number} speed market seconds per second @param {number} nowMs */
  setSpeed(speed, nowMs) {
    this.seek(this.at(nowMs), nowMs);
    this.speed = speed;
  }
}
