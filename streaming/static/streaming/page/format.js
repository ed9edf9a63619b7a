/** Owns how numbers and times are written for people, in the page's language. */

const language = globalThis.document?.documentElement.lang || "en";
const locale = language === "en" ? "en-GB" : language;

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const oneTenth = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
/** Ratios are told in thousandths, and small ones in two digits; messages have six decimals. */
const [USUAL_DECIMALS, MOST_DECIMALS, LEAST_DIGITS] = [3, 6, 2];
const ratios = Array.from({ length: MOST_DECIMALS + 1 }, (_, most) => new Intl.NumberFormat(locale, { minimumFractionDigits: Math.min(most, USUAL_DECIMALS), maximumFractionDigits: most }));
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });

/** A number of at least so many digits, two of them behind the point or more. */
const PRICE_DIGITS = 6;

/** Cents where the price is a thousand or more, and finer steps the smaller it is. @param {number} value */
export function priceText(value) {
  const digits = value === 0 ? 2 : Math.min(Math.max(2, PRICE_DIGITS - 1 - Math.floor(Math.log10(Math.abs(value)))), 20);
  return value.toLocaleString(locale, { minimumFractionDigits: 2, maximumFractionDigits: digits });
}

/** The marks of an axis, all with the decimals that tell them apart. @param {number[]} values @param {number} step between two */
export function markTexts(values, step) {
  const digits = Math.min(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), 20);
  return values.map((value) => value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
}

/** @param {number} value */
export const countText = (value) => whole.format(value);

/** What may be a mean of whole numbers. @param {number} value */
export const numberText = (value) => tenth.format(value);

/** @param {number} value */
export const decimalText = (value) => oneTenth.format(value);

/** A share or a measure: what is small is not told as nothing. @param {number} value */
export function ratioText(value) {
  const decimals = value === 0 ? 0 : LEAST_DIGITS - 1 - Math.floor(Math.log10(Math.abs(value)));
  return ratios[Math.min(Math.max(decimals, USUAL_DECIMALS), MOST_DECIMALS) || USUAL_DECIMALS].format(value);
}

/** From one t to another, or that t alone. @param {number} fromT @param {number} toT */
export const spanText = (fromT, toT) => (fromT === toT ? countText(fromT) : `${countText(fromT)} – ${countText(toT)}`);

/** The year 2200: what lies behind is of another unit than seconds. */
const END_TS = 7_258_118_400;

/** @param {number} ts Unix seconds; what is no time gives a dash */
export const momentText = (ts) => (Math.abs(ts) < END_TS ? `${moment.format(ts * 1000)} UTC` : "–");
