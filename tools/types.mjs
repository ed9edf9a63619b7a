// Checks the JSDoc types of the page's modules: `node tools/types.mjs`. Installs the compiler and the libraries' types, in
// exact versions, into a scratch directory that stays for the next time. Where they cannot be installed it says so and
// checks nothing.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGES = ["typescript@5.9.3", "sigma@3.0.3", "graphology@0.26.0", "graphology-types@0.24.8", "uplot@1.6.32"];

const pages = join(dirname(fileURLToPath(import.meta.url)), "../streaming/static/streaming");
const scratch = join(tmpdir(), `types-${PACKAGES.join("+").replaceAll(/[^a-z0-9]/g, "")}`);

const options = {
  allowJs: true, checkJs: true, noEmit: true, strict: true, skipLibCheck: true, types: [],
  target: "es2022", module: "esnext", moduleResolution: "bundler", lib: ["es2023", "dom", "dom.iterable"],
  paths: { "*": [join(scratch, "node_modules/*")] },
};

function install() {
  mkdirSync(scratch, { recursive: true });
  writeFileSync(join(scratch, "package.json"), `{"private": true}`);
  const flags = ["--save-exact", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "--fetch-timeout=20000"];
  execFileSync("npm", ["install", ...flags, ...PACKAGES], { cwd: scratch, stdio: ["ignore", "ignore", "pipe"] });
  writeFileSync(installed, "");
}

const installed = join(scratch, "installed");
try {
  if (!existsSync(installed)) install();
} catch {
  console.log("skipped: the page's types, since npm could not install what checks them");
  process.exit(0);
}
writeFileSync(join(scratch, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: [join(pages, "*.js"), join(pages, "*/*.js")] }));
const { stdout, status, error } = spawnSync(join(scratch, "node_modules/.bin/tsc"), ["-p", scratch, "--pretty", "false"], { encoding: "utf8" });
if (status === null) throw error ?? new Error("the compiler was killed");
// The vendored files are minified and not ours to type; lines that go on with an error are indented.
const ours = [];
let own = false;
for (const line of stdout.trimEnd().split("\n").filter(Boolean)) {
  if (!line.startsWith(" ")) own = !line.includes("/vendor/");
  if (own) ours.push(line);
}
if (ours.length) console.error(ours.join("\n"));
process.exit(ours.length ? 1 : 0);
