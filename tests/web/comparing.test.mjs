import assert from "node:assert/strict";
import { test } from "node:test";

/** As much of a page as the panel of a comparison needs: every text is its own name. */
const named = ["title", "gained", "lost", "kept", "joined", "left", "no_frame"].map((name) => `compare_${name}`);
const counted = ["agents", "match_edges", "close_edges", "density"].map((name) => `measure_${name}`);
const texts = JSON.stringify(Object.fromEntries([...named, ...counted].map((name) => [name, name])));
const box = () => ({ addEventListener() {}, setAttribute() {}, replaceChildren() {}, append() {}, textContent: texts, hidden: false });
globalThis.document = { documentElement: { lang: "en" }, getElementById: box, createElement: box };
const { Comparing } = await import("../../streaming/static/streaming/compare/comparing.js");

const settle = () => new Promise((resolve) => setImmediate(resolve));
const frame = (t) => ({ t, window: { W: 100, stride: 10 }, nodes: [], edges: [] });

/** A comparison of a recording that may be away, and what it told. */
function comparing({ away = () => false, frameAt = (t) => frame(t) } = {}) {
  const [before, said, errors] = [[], [], []];
  const made = new Comparing({
    async frameAt(t) {
      if (away()) throw new Error("away");
      return { frame: frameAt(t) };
    },
    measuresAt: async () => ({ density: 1 }), onChange: (frame) => before.push(frame?.t ?? null), say: (words) => said.push(words), onError: ({ message }) => errors.push(message),
  });
  return { made, before, said, errors };
}

test("what could not be read is compared with once the page heals, and the address keeps it", async () => {
  let gone = true;
  const { made, before, errors } = comparing({ away: () => gone });
  await made.open(300);
  assert.deepEqual([made.from, errors, before.at(-1)], [300, ["away"], null]);
  gone = false;
  assert.equal(made.heal(), true);
  assert.equal(made.from, 300);
  await settle();
  assert.deepEqual([before.at(-1), made.heal()], [300, false]);
});

test("while it could not be read, the frame shown can be compared with instead", async () => {
  const { made, before } = comparing({ away: () => true });
  made.show(frame(500));
  await made.open(300);
  made.toggle();
  assert.deepEqual([made.from, before.at(-1), made.heal()], [500, 500, false]);
  made.toggle();
  assert.deepEqual([made.from, before.at(-1)], [null, null]);
});

test("where there is no frame nothing is compared, and that is said", async () => {
  const { made, said } = comparing({ frameAt: () => null });
  await made.open(300);
  assert.deepEqual([made.from, said.length, made.heal()], [null, 1, false]);
});

test("what was left before its answer came is neither shown nor told", async () => {
  const { made, before, errors } = comparing({ away: () => true });
  const opened = made.open(300);
  made.end();
  await opened;
  assert.deepEqual([made.from, before, errors], [null, [null], []]);
});
