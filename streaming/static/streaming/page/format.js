/** Owns how numbers and times are written for people, in the page's language. */

const language = globalThis.document?.documentElement.lang || "en";
const locale = language === "en" ? "en-GB" : language;

const price = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });

/** @param {number} value */
export const priceText = (value) => price.format(value);

/** @param {number} value */
export const countText = (value) => whole.format(value);

/** @param {number} value */
export const ratioText = (value) => value.toFixed(3);

/** The year 2200: what lies behind is of another unit than seconds. */
const END_TS = 7_258_118_400;

/** @param {number} ts Unix seconds; what is no time gives a dash */
export const momentText = (ts) => (Math.abs(ts) < END_TS ? `${moment.format(ts * 1000)} UTC` : "–");
