/** Owns handing a file to the person: text, or a picture made of an SVG; nothing goes to the server. */

/** Pixels of a saved picture for each of the page: it may be printed. */
const SCALE = 2;

/** The browser reads a file for a moment after the click. Milliseconds. */
const KEPT_MS = 60_000;

/** @param {string} name @param {Blob} blob */
function hand(name, blob) {
  const link = document.createElement("a");
  link.download = name;
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

/** @param {string} name @param {string} type of the content @param {string} content */
export function saveText(name, type, content) {
  hand(name, new Blob([content], { type: `${type};charset=utf-8` }));
}

/** The page lets in pictures as data alone. @param {string} name @param {import("./svg-context.js").SvgContext} svg */
export async function savePng(name, svg) {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg.toString())}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [svg.size.width * SCALE, svg.size.height * SCALE];
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  hand(name, await new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large for this browser"))), "image/png")));
}
