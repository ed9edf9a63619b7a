/** Owns the page's address: which market, which moment, which agent, which moment to compare with, which part of the timeline, and the picture's look. */

/**
 * `t` is null for live, `from` where nothing is compared; `zoom` is the part of the timeline that is seen, null for all of it, and
 * live, where it moves on, the number of its newest ticks; `look` has a value for each control that is not as it begins.
 * @typedef {{symbol: string, t: number | null, agent: string | null, from: number | null, zoom: Zoom, look: Record<string, string>}} Place
 */
/** @typedef {{from: number, to: number} | number | null} Zoom */
/** `wrong` parts have a value that cannot be, the names of `unknown` ones mean nothing here. @typedef {{place: Place, wrong: Part[], unknown: string[]}} Read */
/** @typedef {{name: string, value: string}} Part */

/** A t may have 16 digits; those beyond `MAX_SAFE_INTEGER` are none. */
const WHOLE = /^\d{1,16}$/;
const ZOOM = /^(?:(\d{1,16})-)?(\d{1,16})$/;

/** Names that no control may take. */
const OWN = ["symbol", "t", "agent", "from", "zoom", "lang"];

/** @param {string} search @param {string} symbol the market the page was made for @param {string[]} [lookNames] of the controls @returns {Read} */
export function placeIn(search, symbol, lookNames = []) {
  const query = new URLSearchParams(search);
  const parts = ["t", "agent", "from", "zoom"].flatMap((name) => [...partOf(query, name)]);
  const wrong = parts.filter(({ name, value }) => (name === "zoom" ? zoomIn(value) === null : !isWhole(value)));
  const right = Object.fromEntries(parts.filter((part) => !wrong.includes(part)).map(({ name, value }) => [name, value]));
  const look = Object.fromEntries(lookNames.flatMap((name) => partOf(query, name)).map(({ name, value }) => [name, value]));
  const unknown = [...new Set(query.keys())].filter((name) => !OWN.includes(name) && !lookNames.includes(name));
  return { place: { symbol, t: numberIn(right.t), agent: right.agent ?? null, from: numberIn(right.from), zoom: zoomIn(right.zoom), look }, wrong, unknown };
}

/** @param {URLSearchParams} query @param {string} name @returns {Part[]} one, or none */
function partOf(query, name) {
  const value = query.get(name);
  return value === null ? [] : [{ name, value }];
}

/** @param {string} value */
function isWhole(value) {
  return WHOLE.test(value) && Number.isSafeInteger(Number(value));
}

/** @param {string | undefined} digits */
function numberIn(digits) {
  return digits === undefined ? null : Number(digits);
}

/** `1000-3000`, or a number of ticks. @param {string | undefined} value @returns {Zoom} null for none, and for one that cannot be */
function zoomIn(value) {
  const [, from, to] = ZOOM.exec(value ?? "") ?? [];
  if (to === undefined || !isWhole(to) || Number(to) <= Number(from ?? 0)) return null;
  return from === undefined ? Number(to) : { from: Number(from), to: Number(to) };
}

/** @param {Place} place */
export function addressOf({ symbol, t, agent, from, zoom, look }) {
  const query = new URLSearchParams({ symbol });
  if (t !== null) query.set("t", String(Math.floor(t)));
  if (agent !== null) query.set("agent", agent);
  if (from !== null) query.set("from", String(from));
  if (zoom !== null) query.set("zoom", typeof zoom === "number" ? String(zoom) : `${zoom.from}-${zoom.to}`);
  for (const [name, value] of Object.entries(look)) query.set(name, value);
  return `${t === null ? "/live/" : "/replay/"}?${query}`;
}
