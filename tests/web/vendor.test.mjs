import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const root = new URL("../../", import.meta.url);
const staticDir = new URL("streaming/static/streaming/", root);
const read = (path) => readFileSync(new URL(path, root), "utf8");
const libraries = readdirSync(new URL("vendor/", staticDir)).filter((name) => name !== "README.md");

test("every vendored library has its licence and its row in the README", () => {
  const readme = read("streaming/static/streaming/vendor/README.md");
  assert.ok(libraries.length > 0);
  for (const library of libraries) {
    const [, name, version] = /** @type {RegExpExecArray} */ (/^(.*)-(\d+\.\d+\.\d+)$/.exec(library));
    assert.ok(existsSync(new URL(`vendor/${library}/LICENSE`, staticDir)), library);
    assert.match(readme, new RegExp(`\\| ${name} \\| ${version} \\| MIT \\|`));
  }
});

test("every vendored file that a template or a module names is there", () => {
  const sources = readdirSync(staticDir, { recursive: true }).map(String).filter((name) => name.endsWith(".js") && !name.startsWith("vendor")).map((name) => `streaming/static/streaming/${name}`);
  const named = ["templates/base.html", ...sources].flatMap((path) => read(path).match(/vendor\/[\w./-]+\.(?:js|css)/g) ?? []);
  assert.ok(named.length >= 6);
  for (const path of named) assert.ok(existsSync(new URL(path, staticDir)), path);
});

test("the libraries neither evaluate text nor reach for another server", () => {
  for (const library of libraries) {
    for (const file of readdirSync(new URL(`vendor/${library}/`, staticDir)).filter((name) => name.endsWith(".js"))) {
      const code = read(`streaming/static/streaming/vendor/${library}/${file}`);
      assert.doesNotMatch(code, /\beval\(|new Function\(|\bfetch\(|XMLHttpRequest|importScripts/, file);
    }
  }
});
