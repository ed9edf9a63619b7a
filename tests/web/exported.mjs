/** Writes what the page exports of the frame in a file, as JSON: `node exported.mjs FRAME SYMBOL`. */
import { readFileSync } from "node:fs";
import { csvOf } from "../../streaming/static/streaming/export/csv.js";
import { edgeRows, nodeRows } from "../../streaming/static/streaming/export/frame-rows.js";
import { graphmlOf } from "../../streaming/static/streaming/export/graphml.js";

const frame = JSON.parse(readFileSync(process.argv[2], "utf8"));
const table = (rows) => csvOf(rows, Object.keys(rows[0]));
console.log(JSON.stringify({ graphml: graphmlOf(frame, process.argv[3]), nodes: table(nodeRows(frame)), edges: table(edgeRows(frame)) }));
