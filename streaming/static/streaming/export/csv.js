/** Owns tables as CSV (RFC 4180), which a spreadsheet opens without running what a name says. */

/** A spreadsheet takes what begins so for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** Without this mark some spreadsheets take the text for another encoding than UTF-8. */
const BYTE_ORDER_MARK = "\uFEFF";

/** @param {string | number} value text that looks like a formula becomes text by an apostrophe; numbers stay numbers */
function cell(value) {
  const written = typeof value === "string" && FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\r\n']/.test(written) ? `"${written.replaceAll('"', '""')}"` : written;
}

/** @param {import("./frame-rows.js").Row[]} rows @param {string[]} columns written in this order, and first in a line of names */
export function csvOf(rows, columns) {
  const lines = [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ""))];
  return BYTE_ORDER_MARK + lines.map((line) => `${line.map(cell).join(",")}\r\n`).join("");
}
