/** Owns the page's words: the server gives them in the visitor's language, as JSON beside the page. */

/** @param {string} template with `{name}` where a value goes @param {Record<string, string | number>} values */
export function filled(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** @type {Record<string, string> | null} */
let words = null;

/** @param {string} name @returns {string | undefined} */
function templateOf(name) {
  words ??= JSON.parse(document.getElementById("texts")?.textContent ?? "{}");
  return words?.[name];
}

/** @param {string} name @param {Record<string, string | number>} [values] */
export function text(name, values = {}) {
  const template = templateOf(name);
  if (template === undefined) throw new Error(`there is no text named ${name}`);
  return filled(template, values);
}

/** What an error means, in the visitor's language; for a code without such words the server's own. @param {string | undefined} code @param {string} message */
export function errorText(code, message) {
  return templateOf(`error_${code}`) ?? message;
}
