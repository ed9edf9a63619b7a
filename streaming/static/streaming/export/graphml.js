/** Owns a frame as GraphML, as Gephi and networkx read it. */

import { edgeRows, nodeRows } from "./frame-rows.js";
import { xmlElement, xmlText } from "./xml.js";

/** @typedef {import("./frame-rows.js").Row} Row */
/** @typedef {"node" | "edge" | "graph"} Owner */

/** @param {string} name @param {Row[]} rows @returns {"string" | "long" | "double"} counts are whole whatever their values */
function typeOf(name, rows) {
  if (rows.some((row) => typeof row[name] === "string")) return "string";
  return /(^|_)(count|degree|t|t0|t1|W|stride)$/.test(name) ? "long" : "double";
}

/** @param {Owner} owner @param {Row[]} rows @param {string[]} names */
function keysOf(owner, rows, names) {
  return names.map((name) => xmlElement("key", { id: `${owner}_${name}`, for: owner, "attr.name": name, "attr.type": typeOf(name, rows) }));
}

/** @param {Owner} owner @param {Row} row @param {string[]} names */
function dataOf(owner, row, names) {
  return names.filter((name) => row[name] !== undefined).map((name) => xmlElement("data", { key: `${owner}_${name}` }, xmlText(row[name]))).join("");
}

/** Names of the columns but for those that have a place of their own. @param {Row[]} rows @param {string[]} own */
function namesOf(rows, own) {
  return Object.keys(rows[0] ?? {}).filter((name) => !own.includes(name));
}

/** @param {import("../data/messages.js").Frame} frame @param {string} symbol @returns {string} a document with one undirected graph */
export function graphmlOf(frame, symbol) {
  const [nodes, edges] = [nodeRows(frame), edgeRows(frame)];
  const graph = { symbol, t: frame.t, ts: frame.ts, t0: frame.window.t0, t1: frame.window.t1, W: frame.window.W };
  const [ofGraph, ofNodes, ofEdges] = [Object.keys(graph), namesOf(nodes, ["id"]), namesOf(edges, ["source", "target"])];
  const content = [
    dataOf("graph", graph, ofGraph),
    ...nodes.map((row) => xmlElement("node", { id: row.id }, dataOf("node", row, ofNodes))),
    ...edges.map((row, i) => xmlElement("edge", { id: `e${i}`, source: row.source, target: row.target }, dataOf("edge", row, ofEdges))),
  ];
  const keys = [...keysOf("graph", [graph], ofGraph), ...keysOf("node", nodes, ofNodes), ...keysOf("edge", edges, ofEdges)];
  const body = [...keys, xmlElement("graph", { id: `t${frame.t}`, edgedefault: "undirected" }, `\n${content.join("\n")}\n`)].join("\n");
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xmlElement("graphml", { xmlns: "http://graphml.graphdrawing.org/xmlns" }, `\n${body}\n`)}\n`;
}
