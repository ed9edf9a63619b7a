/** Owns text within XML: what XML 1.0 cannot hold is replaced, what would be markup is escaped. */

/** Control characters, halves of a pair, and the two that are no characters. */
const IMPOSSIBLE = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** @type {Record<string, string>} */
const ESCAPED = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;" };

/** @param {string | number} value @returns {string} for an attribute or between tags */
export function xmlText(value) {
  return String(value).replace(IMPOSSIBLE, "\uFFFD").replace(/[&<>"\t\n\r]/g, (character) => ESCAPED[character]);
}

/** @param {string} name @param {Record<string, string | number | undefined>} attributes those that are undefined are left out @param {string} [content] XML */
export function xmlElement(name, attributes, content) {
  const written = Object.entries(attributes).filter(([, value]) => value !== undefined).map(([key, value]) => ` ${key}="${xmlText(/** @type {string} */ (value))}"`).join("");
  return content === undefined ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
}
