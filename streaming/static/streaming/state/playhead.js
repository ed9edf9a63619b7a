/**
 * Owns which t is shown at which moment: following the market, playing the past, or standing still. Reads no clock itself;
 * moments come in as milliseconds.
 */

/** @typedef {{from_t: number, to_t: number}} Span */

/** Slower than this nothing plays: wherever ts leaps, and whatever its unit is, the next tick comes within 5 s. */
const LEAST_TICKS_PER_SECOND = 0.2;

export class Playhead {
  #anchorT = 0;
  #anchorMs = 0;
  firstT = 0;
  lastT = 0;
  ticksPerSecond = 10;
  speed = 1;
  /** Whether it stands at the right end and goes with it. */
  following = false;
  playing = false;
  /** Whether the right end moves on: reaching it then means following. */
  growing = false;
  /** Played over and over. @type {Span | null} */ loop = null;
  /** Nothing is recorded there, so playing leaps over them. @type {Span[]} */ gaps = [];

  /** Whether the picture moves by itself. */
  get running() {
    return this.following || this.playing;
  }

  /** The t shown at `nowMs`, a fraction while playing. @param {number} nowMs */
  at(nowMs) {
    if (this.following) return this.lastT;
    if (!this.playing) return this.#anchorT;
    // The moment of a drawing may lie a little before that of a click it follows.
    const rate = Math.max(this.ticksPerSecond * this.speed, LEAST_TICKS_PER_SECOND);
    return this.#reached(this.#anchorT + (Math.max(nowMs - this.#anchorMs, 0) / 1000) * rate, nowMs);
  }

  /** Plays on from here; from the beginning when it stands at the end of what is finished. @param {number} nowMs */
  play(nowMs) {
    if (this.running) return;
    if (this.#anchorT >= this.lastT && this.growing && !this.loop) return this.follow();
    if (this.#anchorT >= this.lastT) this.#anchorT = this.loop?.from_t ?? this.firstT;
    this.#anchorMs = nowMs;
    this.playing = true;
  }

  /** @param {number} nowMs @param {number} [t] */
  pause(nowMs, t = this.at(nowMs)) {
    this.#anchorT = t;
    this.following = false;
    this.playing = false;
  }

  /** Goes to the right end and stays there. */
  follow() {
    this.following = true;
    this.playing = false;
    this.loop = null;
  }

  /** Goes to a t, held within the range, and plays on from there if it played. @param {number} t @param {number} nowMs */
  seek(t, nowMs) {
    this.following = false;
    this.#anchorT = Math.min(Math.max(t, this.firstT), Math.max(this.lastT, this.firstT));
    this.#anchorMs = nowMs;
  }

  /** @param {number} speed market seconds per second @param {number} nowMs */
  setSpeed(speed, nowMs) {
    this.#anchor(nowMs);
    this.speed = speed;
  }

  /** @param {number} ticksPerSecond of market time, as the recording has them here @param {number} nowMs */
  setPace(ticksPerSecond, nowMs) {
    if (ticksPerSecond === this.ticksPerSecond) return;
    this.#anchor(nowMs);
    this.ticksPerSecond = ticksPerSecond;
  }

  /** Goes on from where it is, so that what counts from now on does not count for the way behind it. @param {number} nowMs */
  #anchor(nowMs) {
    if (!this.playing) return;
    const t = this.at(nowMs);
    if (this.playing) this.#leap(t, nowMs);
  }

  /** @param {number} t @param {number} nowMs */
  #reached(t, nowMs) {
    if (this.loop && t >= this.loop.to_t) return this.#leap(this.loop.from_t, nowMs);
    const gap = this.gaps.find(({ from_t, to_t }) => t >= from_t && t <= to_t);
    if (gap && gap.to_t < this.lastT) return this.#leap(gap.to_t + 1, nowMs);
    if (t < this.lastT) return t;
    if (this.growing) this.follow();
    else this.pause(nowMs, this.lastT);
    return this.lastT;
  }

  /** @param {number} t @param {number} nowMs */
  #leap(t, nowMs) {
    this.#anchorT = t;
    this.#anchorMs = nowMs;
    return t;
  }
}
