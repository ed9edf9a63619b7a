/** Owns everything that shows time: the timeline, the charts of market and structure, and what they know of the recording. */

import { charted } from "./axis.js";
import { ChartFeed } from "./chart-feed.js";
import { Charts } from "./charts.js";
import { lastAtOrBefore, paceOf, recordedAt, usualStep } from "./timeline.js";
import { marketColumns } from "./market-columns.js";
import { MeasureCharts } from "./measure-charts.js";
import { Overview } from "./overview.js";
import { TimelineView } from "./timeline-view.js";
import { fetchOverview, fetchStructure } from "../data/overview.js";
import { askWhileSeen } from "../data/poll-while-visible.js";
import { spanText } from "../page/format.js";
import { write } from "../page/notice.js";

/** Ticks on the charts where the timeline is not zoomed: two minutes at the usual ten a second. The stream's are kept for as long. */
export const SPAN = 1200;

/** Single ticks of the past are read for so long a stretch at most; a longer one is shown in buckets. */
const MOST_TICKS = 10_000;

/** The overview goes on at its end by the stream, so what is new need be asked for seldom. */
const REFRESH_MS = 20_000;

/** Measures of new frames come from the server: a frame is heard ten ticks after the one before, and nobody follows faster. */
const MEASURES_MS = 3000;

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @typedef {import("./axis.js").Stretch} Stretch */
/** @typedef {Record<string, Float64Array>} Columns */
/**
 * @typedef {object} Parts
 * @property {string} symbol @property {import("../data/recording.js").Past} past @property {import("../state/store.js").Store} store
 * @property {import("../state/playhead.js").Playhead} head @property {import("../state/market-events.js").MarketEvents} marketEvents
 * @property {(t: number) => void} onSeek @property {(span: import("../data/segments.js").Span) => void} onLoop
 * @property {() => Promise<void>} turn comes when the recording may be asked @property {() => void} draw asks for a drawing @property {() => void} drawLater for one that nobody waits for
 * @property {(error: Error) => void} onError
 */

export class TimeViews {
  /** Whether the charts show what the timeline shows. */ #along = false;
  /** @type {Columns | null} */ #rows = null;
  /** Whether the playhead ran when last seen: it stops somewhat beyond that, far beyond at a high speed. */ #ran = false;

  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
    const { symbol, past, store, onSeek, onLoop, turn, draw, onError } = parts;
    this.charts = new Charts(element("charts"), { onPick: onSeek, onRead: sayRead });
    this.feed = new ChartFeed({ past, store, turn, onColumns: (columns, stretch) => this.#show(columns, stretch), onError });
    this.overview = new Overview({ ask: (stretch, points) => fetchOverview(symbol, stretch, points), onAnswer: (answer) => this.#learn(answer), onError });
    this.measures = new MeasureCharts(element("measures"), /** @type {HTMLTemplateElement} */ (element("measure-chart")), {
      charts: this.charts, ask: (measures, stretch, points) => fetchStructure(symbol, measures, stretch, points), onChoice: draw, onAnswer: () => {}, onError,
    });
    this.timeline = new TimelineView(element("timeline"), /** @type {HTMLCanvasElement} */ (element("track")), { onSeek, onLoop, onView: () => this.#follow(true) });
    element("chart-span").addEventListener("change", () => this.#follow(/** @type {HTMLSelectElement} */ (element("chart-span")).value === "timeline"));
    askWhileSeen(() => this.#refresh(), REFRESH_MS);
    askWhileSeen(() => parts.head.following && (this.measures.feed.refresh(), draw()), MEASURES_MS);
  }

  /** Where nothing was recorded. */
  get gaps() {
    return this.overview.gaps ?? this.parts.past.gaps;
  }

  forget() {
    for (const part of [this.feed, this.overview, this.measures.feed]) part.forget();
    this.#rows = null;
  }

  /** Asks for the newest, and for what an earlier answer lacked, where the page stands still too. */
  #refresh() {
    this.overview.refresh();
    this.feed.refresh();
    if (this.measures.feed.lacks) this.measures.feed.refresh();
    this.parts.draw();
  }

  /** Draws what there is at t. @param {number} t @param {Stretch} whole @param {number} nowMs */
  show(t, whole, nowMs) {
    const { head, marketEvents, drawLater } = this.parts;
    if (head.running || this.#ran) this.timeline.follow(t);
    this.#ran = head.running;
    const view = this.timeline.zoomedTo ?? whole;
    this.overview.want(whole, view);
    if (this.#chart(t, whole, view, nowMs)) drawLater();
    const { stretch } = this.feed;
    if (stretch) this.measures.want(stretch, whole);
    this.charts.mark(head.following ? null : t);
    this.timeline.show({
      whole, t, course: this.#course(view), runs: this.overview.runs, gaps: this.gaps, unsummed: this.overview.unsummed, events: marketEvents.all(), loop: head.loop, charted: stretch, tsAt: (at) => this.#summedTs(at),
    });
  }

  /** Draws the charts once more, since more is known. */
  redraw() {
    this.feed.redraw();
  }

  /** Unix seconds of a t, as far as it is recorded tick by tick where the charts are. @param {number} t @returns {number | null} */
  tsAt(t) {
    const index = this.#rows ? recordedAt(this.#rows.t, t) : -1;
    return index >= 0 ? /** @type {Columns} */ (this.#rows).ts[index] : null;
  }

  /** @param {number} t @param {Stretch} whole @param {Stretch} view @param {number} nowMs @returns {boolean} whether the charts are behind */
  #chart(t, whole, view, nowMs) {
    const { head, store } = this.parts;
    const near = !this.#along;
    const live = head.following && (near || view.to >= whole.to);
    let stretch = charted({ shown: this.feed.stretch, view: near ? null : view, t, span: SPAN, whole });
    if (live && stretch.to - stretch.from <= SPAN) {
      const from = Math.max(whole.to - SPAN, Math.min(whole.from, store.metrics.first("t") ?? 0));
      stretch = { from, to: Math.max(whole.to, from + 50) };
    }
    const long = stretch.to - stretch.from;
    if (live) return this.feed.follow(stretch, nowMs, long > SPAN);
    if (long > MOST_TICKS) this.feed.showSummed(stretch);
    else this.feed.show(stretch);
    return false;
  }

  /** @param {Columns} columns none where the stretch is only known in buckets @param {Stretch} stretch */
  #show(columns, stretch) {
    const { past, head, marketEvents, store } = this.parts;
    const { gaps } = this;
    const { borders, unsummed, whole } = this.overview;
    this.#rows = columns.t.length ? columns : null;
    const part = head.following && !store.backfilled;
    const rows = this.#rows && { columns: /** @type {any} */ (marketColumns(columns, past.prices)), step: stepOf(columns.t), part };
    this.charts.show(rows, this.#course(stretch), stretch, { events: marketEvents.within(stretch.from, stretch.to), gaps, borders, unsummed });
    this.measures.show(stretch);
    const paced = this.#rows ?? whole.held;
    const pace = paced && paceOf(paced.t, paced.ts);
    if (pace !== null) head.setPace(pace, performance.now());
  }

  /** What is known of a stretch in buckets. @param {Stretch} stretch */
  #course(stretch) {
    const { store, past } = this.parts;
    return this.overview.course(stretch, store.metrics.last("t"), (afterT) => {
      const columns = store.columns();
      const start = lastAtOrBefore(columns.t, afterT) + 1;
      const newer = Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.subarray(start)]));
      return { columns: /** @type {any} */ (marketColumns(newer, past.prices)), step: stepOf(columns.t) };
    });
  }

  /** @param {import("./bucket-feed.js").Answer} answer */
  #learn(answer) {
    this.parts.marketEvents.takeSummed(answer.events);
    this.redraw();
    this.parts.draw();
  }

  /** Unix seconds of the bucket that holds t. @param {number} t @returns {number | null} */
  #summedTs(t) {
    const { held } = this.overview.whole;
    const index = held ? lastAtOrBefore(held.t, t) : -1;
    return held && index >= 0 && t < held.t[index] + held.bucket ? held.ts[index] : null;
  }

  /** @param {boolean} along */
  #follow(along) {
    this.#along = along;
    /** @type {HTMLSelectElement} */ (element("chart-span")).value = along ? "timeline" : "near";
    this.parts.draw();
  }
}

/** One row says nothing of the step: it counts as one tick. @param {ArrayLike<number>} ts */
function stepOf(ts) {
  const step = usualStep(ts);
  return Number.isFinite(step) ? step : 1;
}

/** Says of which t the readouts tell. @param {import("./charts.js").Told | null} told @param {boolean} hovered */
function sayRead(told, hovered) {
  write("read-t", told ? spanText(told.from, told.to) : "–");
  element("read").classList.toggle("hovered", hovered);
}
