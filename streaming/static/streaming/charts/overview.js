/** Owns what is known of the recording as a whole: its measures in buckets, coarse for all of it and finer where someone looks, its gaps, runs and events. */

import { BucketFeed } from "./bucket-feed.js";
import { continued, courseOf, courseOfAnswer, emptyCourse } from "./course.js";

/** Measures of the market in `/overview`. */
export const MARKET = ["price", "N", "avg_exp", "matches", "volatility", "liquidity", "imbalance"];

/** @typedef {import("./axis.js").Stretch} Stretch */
/** @typedef {import("./course.js").Course} Course */
/** @typedef {import("./bucket-feed.js").Answer} Answer */
/** @typedef {{t: number, source: string}} Run */

export class Overview {
  /** Where nothing was recorded, exactly; null while that is not known. @type {import("../data/segments.js").Span[] | null} */ gaps = null;
  /** Where what was recorded is in no bucket yet. @type {import("../data/segments.js").Span[]} */ unsummed = [];
  /** @type {Run[]} */ runs = [];
  /** First t of each run. @type {number[]} */ borders = [];
  /** Of the whole, and of a part that is looked at more closely. @type {{whole: Course, part: Course | null}} */ #courses = { whole: emptyCourse(), part: null };
  /** Whether a part is looked at more closely, and so is kept up to date. */ #closer = false;
  /** The course given last: it stays until there is more. @type {{course: Course, of: Course | null, until: number | undefined}} */ #joined = { course: emptyCourse(), of: null, until: undefined };

  /** @param {{ask: (stretch: Stretch, points: number) => Promise<Answer>, onAnswer: (answer: Answer, whole: boolean) => void, onError: (error: Error) => void}} parts `whole`: whether the answer is of the whole recording */
  constructor({ ask, onAnswer, onError }) {
    this.whole = new BucketFeed({ ask, onError, onAnswer: () => (this.#learn(), onAnswer(/** @type {Answer} */ (this.whole.held), true)) });
    this.part = new BucketFeed({ ask, onError, onAnswer: () => (this.#learnPart(), onAnswer(/** @type {Answer} */ (this.part.held), false)) });
  }

  /** Sees to it that the whole is known, and a part as finely as it can be seen. @param {Stretch} whole @param {Stretch} part */
  want(whole, part) {
    this.whole.want(whole, whole);
    this.#closer = part.to - part.from < (whole.to - whole.from) / 2;
    if (this.#closer) this.part.want(part, whole);
  }

  /** Lets the newest be asked for. */
  refresh() {
    this.whole.refresh();
    if (this.part.lacks) this.part.refresh();
  }

  /** Whether the events of the whole recording are known. */
  get eventsKnown() {
    return this.whole.held !== null && !this.whole.held.unsummed_events.length;
  }

  forget() {
    for (const feed of [this.whole, this.part]) feed.forget();
    [this.gaps, this.unsummed, this.runs, this.borders, this.#courses] = [null, [], [], [], { whole: emptyCourse(), part: null }];
  }

  /**
   * The best that is known of a stretch, and what the stream has brought since.
   * @param {Stretch} stretch @param {number | undefined} lastT of the stream
   * @param {(afterT: number) => {columns: Record<string, ArrayLike<number>> & {t: ArrayLike<number>}, step: number}} streamed its rows after a t, named as the measures
   * @returns {Course}
   */
  course(stretch, lastT, streamed) {
    const { part, whole } = this.#courses;
    const best = part !== null && this.#isFine(stretch) ? part : whole;
    const { course, of, until } = this.#joined;
    if (of === best && until === lastT) return course;
    const { columns, step } = streamed(best.to.at(-1) ?? -1);
    const joined = continued(best, courseOf(columns, MARKET, best.size, step, this.borders));
    this.#joined = { course: joined, of: best, until: lastT };
    return joined;
  }

  /** Whether the part tells of a stretch; of two answers to the same moment, the part's may come later. @param {Stretch} stretch */
  #isFine(stretch) {
    const [part, whole] = [this.part, this.whole].map(({ held }) => held?.t1 ?? -1);
    return this.part.tellsOf(stretch) && (this.#closer || part >= Math.min(stretch.to, whole));
  }

  #learn() {
    const answer = /** @type {Answer} */ (this.whole.held);
    [this.gaps, this.unsummed, this.runs, this.borders] = [answer.gaps, answer.unsummed, answer.runs, answer.runs.map((/** @type {Run} */ { t }) => t)];
    this.#courses.whole = courseOfAnswer(answer, MARKET, answer.t1);
  }

  #learnPart() {
    const answer = /** @type {Answer} */ (this.part.held);
    this.#courses.part = courseOfAnswer(answer, MARKET, answer.t1);
  }
}
