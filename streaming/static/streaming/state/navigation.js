/** Owns going from one moment to another: what commands do to the playhead. */

/** Frames that a far leap passes. */
const FAR = 10;

/** How much less one step of zooming shows. */
const ZOOM = 0.6;

/**
 * @typedef {object} Parts
 * @property {import("./playhead.js").Playhead} head @property {import("../data/frame-feed.js").FrameFeed} feed
 * @property {import("../charts/chart-feed.js").ChartFeed} chartFeed @property {import("../charts/timeline-view.js").TimelineView} timeline
 * @property {import("./market-events.js").MarketEvents} marketEvents
 * @property {number} stride ticks between frames @property {() => void} draw asks for a drawing
 * @property {() => void} onLeap told before a place is left on purpose, and not by playing or by a step
 */

export class Navigation {
  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
    /** @type {Record<string, () => void>} */
    this.commands = {
      toggle: () => this.toggle(),
      back: () => this.step(-1),
      forward: () => this.step(1),
      "far-back": () => this.leapTo(this.#now - FAR * parts.stride),
      "far-forward": () => this.leapTo(this.#now + FAR * parts.stride),
      first: () => this.leapTo(parts.head.firstT),
      last: () => this.leapTo(parts.head.lastT),
      live: () => parts.head.growing && this.leapLive(),
      "loop-from": () => this.loopEnd("from_t"),
      "loop-to": () => this.loopEnd("to_t"),
      "loop-off": () => this.loop(null),
      "loop-toggle": () => this.loop(parts.head.loop ? null : this.#chartedSpan()),
      "next-event": () => this.goToEvent(1),
      "previous-event": () => this.goToEvent(-1),
      "zoom-in": () => parts.timeline.zoom(ZOOM),
      "zoom-out": () => parts.timeline.zoom(1 / ZOOM),
    };
  }

  /** @param {string} command */
  run(command) {
    this.commands[command]();
  }

  get #now() {
    return Math.floor(this.parts.head.at(performance.now()));
  }

  /** Goes to t, playing on if it played. @param {number} t */
  seek(t) {
    const { head, timeline, draw } = this.parts;
    head.seek(t, performance.now());
    timeline.reveal(t);
    draw();
  }

  /** @param {number} t */
  stopAt(t) {
    this.parts.head.pause(performance.now());
    this.seek(t);
  }

  /** Goes to t and stands still there; the browser's Back returns. @param {number} t */
  leapTo(t) {
    this.parts.onLeap();
    this.stopAt(t);
  }

  /** Stands still here. */
  stop() {
    this.leapTo(this.#now);
  }

  leapLive() {
    this.parts.onLeap();
    this.goLive();
  }

  goLive() {
    const { head, timeline, chartFeed, draw } = this.parts;
    head.follow();
    timeline.reveal(head.lastT);
    chartFeed.forget();
    draw();
  }

  toggle() {
    const { head, draw, onLeap } = this.parts;
    const now = performance.now();
    if (head.following) onLeap();
    if (head.running) head.pause(now);
    else head.play(now);
    draw();
  }

  /** To the frame before or after, where it is known, else by a stride. @param {number} way -1 or 1 */
  step(way) {
    const { feed, head, onLeap, stride } = this.parts;
    if (head.following) onLeap();
    const t = this.#now;
    const { previousT = null, nextT = null, frame = null } = feed.covers(t) ? (feed.found ?? {}) : {};
    const here = frame ? frame.t : Math.floor(t / stride) * stride;
    // In a gap the frame found lies far behind, and one stride from it is still behind.
    const due = Math.floor(t / stride) * stride + stride;
    if (way > 0) this.stopAt(nextT !== null && nextT > t ? nextT : Math.max(here + stride, due));
    else this.stopAt(t > here ? here : (previousT ?? here - stride));
  }

  /** To the frame that tells of the next burst or shock, or of the one before. @param {number} way 1 or -1 */
  goToEvent(way) {
    const event = this.parts.marketEvents.beside(this.#now, way);
    if (event) this.leapTo(event.frameT);
  }

  /** Plays a span over and over; null for none. @param {import("../data/segments.js").Span | null} span */
  loop(span) {
    const { head, draw } = this.parts;
    head.loop = span;
    const outside = span && (this.#now > span.to_t || this.#now < span.from_t);
    if (span && (head.following || outside)) head.seek(span.from_t, performance.now());
    draw();
  }

  /** Puts one end of the loop at the present t. @param {"from_t" | "to_t"} end */
  loopEnd(end) {
    const { head } = this.parts;
    const span = { from_t: head.firstT, to_t: head.lastT, ...head.loop, [end]: this.#now };
    if (span.to_t > span.from_t) this.loop(span);
  }

  /** What the charts show, as far as it is recorded. */
  #chartedSpan() {
    const { head, chartFeed } = this.parts;
    const { from, to } = chartFeed.stretch ?? { from: head.firstT, to: head.lastT };
    return { from_t: from, to_t: Math.min(to, head.lastT) };
  }
}
