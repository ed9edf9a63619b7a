/** Owns the page's address: which market, which moment, which agent, which moment to compare with, and the picture's look. */

/**
 * `t` is null for live, `from` where nothing is compared; `look` has a value for each control that is not as it begins.
 * @typedef {{symbol: string, t: number | null, agent: string | null, from: number | null, look: Record<string, string>}} Place
 */
/** `wrong` parts have a value that cannot be, the names of `unknown` ones mean nothing here. @typedef {{place: Place, wrong: Part[], unknown: string[]}} Read */
/** @typedef {{name: string, value: string}} Part */

const WHOLE = /^\d{1,15}$/;

/** Names that no control may take. */
const OWN = ["symbol", "t", "agent", "from", "lang"];

/** @param {string} search @param {string} symbol the market the page was made for @param {string[]} [lookNames] of the controls @returns {Read} */
export function placeIn(search, symbol, lookNames = []) {
  const query = new URLSearchParams(search);
  const parts = ["t", "agent", "from"].flatMap((name) => [...partOf(query, name)]);
  const wrong = parts.filter(({ value }) => !WHOLE.test(value));
  const right = Object.fromEntries(parts.filter((part) => !wrong.includes(part)).map(({ name, value }) => [name, value]));
  const look = Object.fromEntries(lookNames.flatMap((name) => partOf(query, name)).map(({ name, value }) => [name, value]));
  const unknown = [...new Set(query.keys())].filter((name) => !OWN.includes(name) && !lookNames.includes(name));
  return { place: { symbol, t: numberIn(right.t), agent: right.agent ?? null, from: numberIn(right.from), look }, wrong, unknown };
}

/** @param {URLSearchParams} query @param {string} name @returns {Part[]} one, or none */
function partOf(query, name) {
  const value = query.get(name);
  return value === null ? [] : [{ name, value }];
}

/** @param {string | undefined} digits */
function numberIn(digits) {
  return digits === undefined ? null : Number(digits);
}

/** @param {Place} place */
export function addressOf({ symbol, t, agent, from, look }) {
  const query = new URLSearchParams({ symbol });
  if (t !== null) query.set("t", String(Math.floor(t)));
  if (agent !== null) query.set("agent", agent);
  if (from !== null) query.set("from", String(from));
  for (const [name, value] of Object.entries(look)) query.set(name, value);
  return `${t === null ? "/live/" : "/replay/"}?${query}`;
}
