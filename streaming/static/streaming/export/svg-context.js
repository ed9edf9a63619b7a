/**
 * Owns drawing as SVG: a context that takes the calls of a canvas which the page's pictures use, and keeps each as an
 * element. So a picture has one way of being drawn, whether it is seen or saved.
 */

import { xmlElement, xmlText } from "./xml.js";

/** @type {Record<string, string>} */
const ANCHORS = { left: "start", start: "start", center: "middle", right: "end", end: "end" };
/** @type {Record<string, string>} */
const BASELINES = { middle: "central", top: "hanging", hanging: "hanging", bottom: "text-after-edge", alphabetic: "alphabetic" };

/** Hundredths of a pixel are not seen. @param {number} value */
const short = (value) => String(Math.round(value * 100) / 100);

export class SvgContext {
  fillStyle = "#000000";
  strokeStyle = "#000000";
  lineWidth = 1;
  globalAlpha = 1;
  font = "10px sans-serif";
  /** @type {CanvasLineJoin} */ lineJoin = "miter";
  /** @type {CanvasTextAlign} */ textAlign = "start";
  /** @type {CanvasTextBaseline} */ textBaseline = "alphabetic";
  /** @type {string[]} */ #elements = [];
  /** @type {string[]} */ #path = [];
  /** @type {number[]} */ #dash = [];
  #transform = "";
  /** The part that may be drawn on, as an attribute refers to it. @type {string | undefined} */ #clip;
  #clips = 0;
  /** @type {object[]} */ #saved = [];

  /** @param {number} width @param {number} height @param {string} ground colour behind everything @param {string} title */
  constructor(width, height, ground, title) {
    this.size = { width, height };
    this.title = title;
    this.#elements.push(xmlElement("rect", { width, height, fill: ground }));
  }

  beginPath() {
    this.#path = [];
  }

  /** @param {number} x @param {number} y */
  moveTo(x, y) {
    this.#path.push(`M${short(x)} ${short(y)}`);
  }

  /** @param {number} x @param {number} y */
  lineTo(x, y) {
    this.#path.push(`L${short(x)} ${short(y)}`);
  }

  /** @param {number} cx @param {number} cy @param {number} x @param {number} y */
  quadraticCurveTo(cx, cy, x, y) {
    this.#path.push(`Q${[cx, cy, x, y].map(short).join(" ")}`);
  }

  /** @param {number} ax @param {number} ay @param {number} bx @param {number} by @param {number} x @param {number} y */
  bezierCurveTo(ax, ay, bx, by, x, y) {
    this.#path.push(`C${[ax, ay, bx, by, x, y].map(short).join(" ")}`);
  }

  closePath() {
    this.#path.push("Z");
  }

  /** A whole circle is two halves: an arc of SVG cannot end where it begins. @param {number} x @param {number} y @param {number} radius @param {number} from @param {number} to clockwise from `from` */
  arc(x, y, radius, from, to) {
    const at = (/** @type {number} */ angle) => `${short(x + radius * Math.cos(angle))} ${short(y + radius * Math.sin(angle))}`;
    const r = short(radius);
    const turn = Math.min(to - from, 2 * Math.PI);
    this.#path.push(`${this.#path.length ? "L" : "M"}${at(from)}`);
    for (const part of [1, 2]) this.#path.push(`A${r} ${r} 0 0 1 ${at(from + (turn * part) / 2)}`);
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  rect(x, y, width, height) {
    this.#path.push(`M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}Z`);
  }

  fill() {
    this.#add("path", { d: this.#path.join(""), fill: this.fillStyle });
  }

  stroke() {
    this.#add("path", { d: this.#path.join(""), ...this.#line() });
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  fillRect(x, y, width, height) {
    this.#add("rect", { x: short(x), y: short(y), width: short(width), height: short(height), fill: this.fillStyle });
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height */
  strokeRect(x, y, width, height) {
    this.#add("rect", { x: short(x), y: short(y), width: short(width), height: short(height), ...this.#line() });
  }

  /** @param {string} words @param {number} x @param {number} y */
  fillText(words, x, y) {
    this.#write(words, x, y, { fill: this.fillStyle });
  }

  /** @param {string} words @param {number} x @param {number} y */
  strokeText(words, x, y) {
    this.#write(words, x, y, { ...this.#line(), "stroke-linejoin": this.lineJoin });
  }

  /** As a canvas does, which knows the fonts. @param {string} words */
  measureText(words) {
    const context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    context.font = this.font;
    return context.measureText(words);
  }

  /** @param {string} words @param {number} x @param {number} y @param {Record<string, string | undefined>} colours */
  #write(words, x, y, colours) {
    const [, size, family] = /** @type {RegExpExecArray} */ (/([\d.]+)px (.+)/.exec(this.font));
    const weight = /^\d+ /.exec(this.font)?.[0].trim();
    this.#add("text", {
      x: short(x), y: short(y), ...colours, "font-size": size, "font-family": family, "font-weight": weight,
      "text-anchor": ANCHORS[this.textAlign], "dominant-baseline": BASELINES[this.textBaseline],
    }, xmlText(words));
  }

  /** Pixels, as a picture within the picture; as on a canvas they go by the screen's pixels. @param {ImageData} pixels @param {number} x @param {number} y */
  putImageData(pixels, x, y) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [pixels.width, pixels.height];
    canvas.getContext("2d")?.putImageData(pixels, 0, 0);
    const [left, top, width, height] = [x, y, pixels.width, pixels.height].map((length) => short(length / devicePixelRatio));
    this.#add("image", { href: canvas.toDataURL("image/png"), x: left, y: top, width, height, style: "image-rendering: pixelated" });
  }

  /** What is drawn from now on is seen within the path alone. */
  clip() {
    this.#clips += 1;
    this.#elements.push(xmlElement("clipPath", { id: `clip${this.#clips}` }, xmlElement("path", { d: this.#path.join("") })));
    this.#clip = `url(#clip${this.#clips})`;
  }

  /** @param {number[]} lengths of strokes and of what lies between */
  setLineDash(lengths) {
    this.#dash = lengths;
  }

  save() {
    const { fillStyle, strokeStyle, lineWidth, globalAlpha, font, textAlign, textBaseline } = this;
    this.#saved.push({ own: { fillStyle, strokeStyle, lineWidth, globalAlpha, font, textAlign, textBaseline }, transform: this.#transform, dash: this.#dash, clip: this.#clip });
  }

  restore() {
    const { own, transform, dash, clip } = /** @type {any} */ (this.#saved.pop());
    Object.assign(this, own);
    [this.#transform, this.#dash, this.#clip] = [transform, dash, clip];
  }

  /** @param {number} x @param {number} y */
  translate(x, y) {
    this.#transform += `translate(${short(x)} ${short(y)})`;
  }

  /** @param {number} angle */
  rotate(angle) {
    this.#transform += `rotate(${short((angle * 180) / Math.PI)})`;
  }

  toString() {
    const { width, height } = this.size;
    const body = [xmlElement("title", {}, xmlText(this.title)), ...this.#elements].join("\n");
    return `<?xml version="1.0" encoding="UTF-8"?>\n${xmlElement("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` }, `\n${body}\n`)}\n`;
  }

  #line() {
    return { fill: "none", stroke: this.strokeStyle, "stroke-width": short(this.lineWidth), "stroke-dasharray": this.#dash.length ? this.#dash.map(short).join(" ") : undefined };
  }

  /** @param {string} name @param {Record<string, string | number | undefined>} attributes @param {string} [content] */
  #add(name, attributes, content) {
    const opacity = this.globalAlpha < 1 ? short(this.globalAlpha) : undefined;
    this.#elements.push(xmlElement(name, { ...attributes, opacity, transform: this.#transform || undefined, "clip-path": this.#clip }, content));
  }
}
