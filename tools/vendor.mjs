// Fetches the browser libraries again: `node tools/vendor.mjs`. Owns streaming/static/streaming/vendor/ and
// tests/pages/vendor/ and all that is in them.
//
// Each library comes by name and exact version through the npm client, is turned into one minified ES module by
// esbuild (browsers resolve no bare names inside a package), and is stored with its licence.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ESBUILD = "esbuild@0.28.2";

/**
 * `entry` is what the module exports, `includes` the packages that end up inside the file, `external` those that the
 * import map brings in.
 */
const LIBRARIES = [
  {
    name: "sigma",
    version: "3.0.3",
    what: "draws the graph (WebGL)",
    entry: `export { default } from "sigma"; export { EdgeProgram } from "sigma/rendering"; export { floatColor } from "sigma/utils";`,
    includes: ["events@3.3.0", "graphology-utils@2.5.2"],
  },
  {
    name: "graphology",
    version: "0.26.0",
    what: "holds the graph",
    entry: `export { default, UndirectedGraph, MultiUndirectedGraph } from "graphology";`,
    includes: ["events@3.3.0"],
  },
  {
    name: "graphology-layout-forceatlas2",
    version: "0.10.1",
    what: "lays the graph out; only its step function, so that our own worker can drive it",
    entry: `export { default as iterate } from "graphology-layout-forceatlas2/iterate.js";
      export { default as defaults } from "graphology-layout-forceatlas2/defaults.js";`,
    includes: [],
  },
  {
    name: "uplot",
    version: "1.6.32",
    what: "draws the charts (canvas)",
    entry: `export { default } from "uplot";`,
    includes: [],
    copies: ["dist/uPlot.min.css"],
  },
  {
    name: "fzstd",
    version: "0.1.1",
    what: "decompresses zstd in plain JavaScript: no WebAssembly, so no 'wasm-unsafe-eval' in the policy",
    entry: `export { Decompress } from "fzstd";`,
    includes: [],
  },
];

/** For the tests of the pages: checks what a screen reader and a keyboard find. */
const AXE = { name: "axe-core", version: "4.14.1" };

const vendorDir = join(dirname(fileURLToPath(import.meta.url)), "../streaming/static/streaming/vendor");

/** Installs every package into a scratch directory; nothing of it stays in the checkout. */
function install(scratch) {
  writeFileSync(join(scratch, "package.json"), `{"private": true}`);
  const packages = [...LIBRARIES, { ...AXE, includes: [] }].flatMap(({ name, version, includes }) => [`${name}@${version}`, ...includes]);
  const flags = ["--save-exact", "--no-audit", "--no-fund", "--ignore-scripts"];
  execFileSync("npm", ["install", ...flags, ESBUILD, ...new Set(packages)], { cwd: scratch, stdio: "inherit" });
}

function manifestOf(scratch, name) {
  return JSON.parse(readFileSync(join(scratch, "node_modules", name, "package.json"), "utf8"));
}

function header(library) {
  const inside = library.includes.length ? ` Inside: ${library.includes.join(", ")}.` : "";
  return `/*! ${library.name} ${library.version}, made into one ES module by ${ESBUILD} (tools/vendor.mjs).${inside} Licences beside this file. */`;
}

function bundle(scratch, library, target) {
  const entry = join(scratch, `${library.name}.entry.mjs`);
  writeFileSync(entry, library.entry);
  const flags = ["--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=none", "--log-level=warning"];
  const output = `--outfile=${join(target, `${library.name}.js`)}`;
  execFileSync(join(scratch, "node_modules/.bin/esbuild"), [entry, ...flags, `--banner:js=${header(library)}`, output]);
}

/** A licence of every package inside the file: `LICENSE` the library's own, `LICENSE-<name>` the others'. */
function copyLicences(scratch, library, target) {
  const inside = library.includes.map((spec) => spec.slice(0, spec.lastIndexOf("@")));
  for (const name of [library.name, ...inside]) {
    const from = join(scratch, "node_modules", name);
    const file = readdirSync(from).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} ships no licence file`);
    const suffix = name === library.name ? "" : `-${name.replace("@", "").replace("/", "-")}`;
    cpSync(join(from, file), join(target, `LICENSE${suffix}`));
  }
}

function readmeRow(scratch, library) {
  const { license } = manifestOf(scratch, library.name);
  const inside = library.includes.map((spec) => `${spec} (${manifestOf(scratch, spec.slice(0, spec.lastIndexOf("@"))).license})`);
  return `| ${library.name} | ${library.version} | ${license} | npm package \`${library.name}\` | ${inside.join(", ") || "–"} | ${library.what} |`;
}

function readme(scratch) {
  return [
    "# Vendored libraries",
    "Made by `node tools/vendor.mjs`; do not edit. The import map in `templates/base.html` names them; workers, which see no",
    "import map, import them by path.",
    "",
    "| library | version | licence | source | also inside the file | what for |",
    "|---|---|---|---|---|---|",
    ...LIBRARIES.map((library) => readmeRow(scratch, library)),
    "",
  ].join("\n");
}

function vendor(scratch) {
  install(scratch);
  rmSync(vendorDir, { recursive: true, force: true });
  for (const library of LIBRARIES) {
    const target = join(vendorDir, `${library.name}-${library.version}`);
    mkdirSync(target, { recursive: true });
    bundle(scratch, library, target);
    copyLicences(scratch, library, target);
    for (const path of library.copies ?? []) cpSync(join(scratch, "node_modules", library.name, path), join(target, path.split("/").pop()));
  }
  writeFileSync(join(vendorDir, "README.md"), readme(scratch));
}

/** Stored as it is, with its licence, beside the tests: no page of the product uses it. */
function vendorAxe(scratch) {
  const target = join(dirname(fileURLToPath(import.meta.url)), `../tests/pages/vendor/${AXE.name}-${AXE.version}`);
  rmSync(dirname(target), { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const file of ["axe.min.js", "LICENSE"]) cpSync(join(scratch, "node_modules", AXE.name, file), join(target, file));
}

const scratch = mkdtempSync(join(tmpdir(), "vendor-"));
try {
  vendor(scratch);
  vendorAxe(scratch);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
