/** Owns asking the server for measures summed up in buckets: one question at a time, the newest wish next, one answer kept. */

/** @typedef {import("./axis.js").Stretch} Stretch */
/** What the server tells of a stretch. @typedef {{t0: number, t1: number, bucket: number, t: number[], [name: string]: any}} Answer */

/** Buckets of a stretch: one for each pixel or two of a screen. */
export const POINTS = 600;

/** An answer also tells of what lies on either side of the stretch, by this share of it: panning a little needs no other. */
const BESIDE = 0.3;

/** Looking closer by this much needs other buckets; each level of them is twice as fine as the one above. */
const CLOSER = 2;

export class BucketFeed {
  /** What is known by now. @type {Answer | null} */ held = null;
  /** @type {Stretch | null} */ #wanted = null;
  /** What was asked for last, how far that was recorded then, and how many ticks a bucket of it may have. @type {Stretch & {end: number, fine: number} | null} */ #asked = null;
  /** So far what is held tells of all, but for what was added at the end since it was asked for. */ #reach = -Infinity;
  /** @type {Stretch} */ #whole = { from: 0, to: 1 };
  #asking = false;
  #failed = false;
  #age = 0;

  /** @param {{ask: (stretch: Stretch, points: number) => Promise<Answer>, onAnswer: () => void, onError: (error: Error) => void}} parts */
  constructor(parts) {
    this.parts = parts;
  }

  /**
   * Sees to it that a stretch is known, as finely as it can be seen.
   * @param {Stretch} stretch @param {Stretch} whole what there is: what is added at its end meanwhile comes with a refresh
   * @returns {Promise<void>} once nothing is under way
   */
  async want(stretch, whole) {
    [this.#wanted, this.#whole] = [stretch, whole];
    if (this.#asking || this.#suffices(stretch)) return;
    this.#asking = true;
    try {
      while (this.#wanted && !this.#suffices(this.#wanted)) await this.#ask(this.#wanted, this.#whole);
    } catch (error) {
      this.#failed = true;
      this.parts.onError(/** @type {Error} */ (error));
    } finally {
      this.#asking = false;
    }
  }

  /** Whether a later answer may tell more: the last did not come, more is recorded of what is wanted, or some of it was not summed up yet. */
  get lacks() {
    return this.#failed || this.#grown || (this.held?.unsummed ?? []).length > 0;
  }

  get #grown() {
    return this.held !== null && this.#wanted !== null && Math.min(this.#wanted.to, this.#whole.to) > this.held.t1;
  }

  /** Whether what is held tells of a stretch, but for what was added at its end since. @param {Stretch} stretch */
  tellsOf({ from, to }) {
    return this.held !== null && this.held.t0 <= from && from <= this.held.t1 && to <= this.#reach;
  }

  /** Lets what is wanted next be asked anew; what is held stays until the answer is there. */
  refresh() {
    this.#asked = null;
  }

  forget() {
    [this.held, this.#wanted, this.#asked, this.#failed] = [null, null, null, false];
    this.#age += 1;
  }

  /** What fails is asked again after the next refresh, not with the next drawing. @param {Stretch} stretch @param {Stretch} whole */
  async #ask(stretch, whole) {
    const age = this.#age;
    const span = Math.max(stretch.to - stretch.from, 1);
    const beside = Math.ceil(span * BESIDE);
    const [from, to] = [Math.min(stretch.from, Math.max(whole.from, stretch.from - beside)), stretch.to + beside];
    const end = Math.max(Math.min(to, whole.to), from + 1);
    // What reaches over the end of all goes with it as that moves on.
    const reach = to >= whole.to ? Infinity : to;
    this.#asked = { from, to: reach, end, fine: span / POINTS };
    const answer = await this.parts.ask({ from, to: end }, Math.max(1, Math.ceil((POINTS * (end - from)) / span)));
    if (age !== this.#age) return;
    [this.held, this.#reach, this.#failed] = [answer, Math.max(reach, answer.t1), false];
    this.parts.onAnswer();
  }

  /** @param {Stretch} stretch */
  #suffices({ from, to }) {
    const asked = this.#asked;
    if (!asked || from < asked.from || to > asked.to || from > asked.end) return false;
    // Buckets much longer than was asked for are the finest that there are.
    const finest = this.held !== null && this.held.bucket > asked.fine * CLOSER;
    return finest || asked.fine <= (CLOSER * (to - from)) / POINTS;
  }
}
