/** Owns the place that the page is at: opens what the address names, says what of it is wrong, and walks back and forth. */

import { addressOf, placeIn } from "../state/address.js";
import { AddressBar } from "./address-bar.js";
import { leadLanguages } from "./controls.js";
import { countText } from "./format.js";
import { LookControls } from "./look-controls.js";
import { remark } from "./notice.js";
import { text } from "../state/texts.js";

/** So much is shown of a part of the address that makes no sense. */
const SHOWN = 40;

/** @typedef {import("../state/address.js").Place} Place */

/**
 * @typedef {object} Parts
 * @property {string} symbol @property {"live" | "replay"} door that was opened
 * @property {import("../state/playhead.js").Playhead} head @property {import("../data/recording.js").Past} past
 * @property {import("../state/navigation.js").Navigation} navigation @property {import("../charts/timeline-view.js").TimelineView} timeline
 * @property {() => {agent: string | null, from: number | null}} marks the pinned agent, and the moment compared with
 * @property {(marks: {agent: string | null, from: number | null}) => void} mark
 */

export class PlaceKeeper {
  #bar = new AddressBar(leadLanguages);
  #controls = new LookControls(/** @type {any} */ (document.querySelectorAll("[data-look]")));
  /** The address tells where to go until it is written. */ #read;

  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
    this.#read = this.#readAddress();
  }

  /** Where the address leads, or the door: the end that moves, or the beginning of the newest segment. */
  enter() {
    const { place, wrong, unknown } = this.#read;
    this.#go(place, this.parts.door);
    for (const part of [...wrong, ...this.#controls.show(place.look)]) complain(part.name, text("address_wrong", { name: part.name, value: shortened(part.value) }));
    if (unknown.length) complain("unknown", text("address_unknown", { names: shortened(unknown.join(text("list_comma"))) }));
    this.#complainOf(place.t);
    window.addEventListener("popstate", () => this.#return());
  }

  /** Keeps the address at the moment shown. @param {number} t */
  keep(t) {
    this.#bar.keep(this.#placeAt(this.parts.head.following ? null : t));
  }

  /** Tells that the page leaves its place on purpose, before it does. */
  leap() {
    this.#bar.leap();
  }

  /** A link to a moment, seen as this one. @param {number} t */
  addressOf(t) {
    return addressOf(this.#placeAt(t));
  }

  /** @param {number | null} t @returns {Place} */
  #placeAt(t) {
    const { symbol, timeline, marks } = this.parts;
    return { symbol, t, ...marks(), zoom: t === null ? timeline.addressed.ticks : timeline.addressed.part, look: this.#controls.look };
  }

  #readAddress() {
    return placeIn(location.search, this.parts.symbol, this.#controls.names);
  }

  #return() {
    const { place } = this.#readAddress();
    this.#bar.arrive(location.pathname + location.search);
    this.#go(place, location.pathname.startsWith("/live") ? "live" : "replay");
    this.#controls.show(place.look);
  }

  /** @param {Place} place @param {"live" | "replay"} door */
  #go({ t, agent, from, zoom }, door) {
    const { head, past, navigation, timeline, mark } = this.parts;
    if (t === null && door === "live") navigation.goLive();
    else navigation.stopAt(t ?? past.segments("frames").at(-1)?.start_t ?? head.firstT);
    // Last: on its way there the timeline brings the moment into view, and whoever made the link may have looked elsewhere.
    timeline.zoomTo(zoom, { from: head.firstT, to: head.lastT });
    mark({ agent, from });
  }

  /** The playhead has been held within the recording. @param {number | null} t */
  #complainOf(t) {
    const { head, past } = this.parts;
    if (t === null || past.empty || (t >= head.firstT && t <= head.lastT)) return;
    complain("t", text("address_t_beyond", { t: countText(t), from: countText(head.firstT), to: countText(head.lastT) }));
  }
}

/** @param {string} about @param {string} words */
function complain(about, words) {
  remark(`address ${about}`, words);
}

/** @param {string} words */
function shortened(words) {
  return words.length > SHOWN ? `${words.slice(0, SHOWN)}…` : words;
}
