/** Owns the page's address: which market, which moment, which agent. */

/** @typedef {{symbol: string, t: number | null, agent: string | null}} Place `t` is null for live */

const WHOLE = /^\d{1,15}$/;

/** @param {string} search @param {string} symbol the market the page was made for @returns {Place} */
export function placeIn(search, symbol) {
  const query = new URLSearchParams(search);
  const [t, agent] = [query.get("t"), query.get("agent")];
  return { symbol, t: t !== null && WHOLE.test(t) ? Number(t) : null, agent: agent !== null && WHOLE.test(agent) ? agent : null };
}

/** @param {Place} place */
export function addressOf({ symbol, t, agent }) {
  const query = new URLSearchParams({ symbol });
  if (t !== null) query.set("t", String(Math.floor(t)));
  if (agent !== null) query.set("agent", agent);
  return `${t === null ? "/live/" : "/replay/"}?${query}`;
}
