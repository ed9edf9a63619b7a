import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../../streaming/static/streaming/state/store.js";
import { LiveStream } from "../../streaming/static/streaming/data/stream.js";

const [OLD, NEW] = ["a".repeat(32), "b".repeat(32)];
const STATE = { price_norm: 0.5, volatility: 0, liquidity: 1, imbalance: 0 };
const tick = (t) => ({ type: "tick", t, ts: 1000 + t, s: STATE });
const changed = (kind, t, store = NEW) => ({ type: "gap", kind, from_t: t, to_t: t, reason: "store_changed", store });
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A page's stream in a world without a network; its server has the recording `id`, null for one that names none. */
async function opened(id) {
  const [sockets, timers] = [[], []];
  globalThis.WebSocket = class {
    constructor(url) {
      this.query = Object.fromEntries(new URL(url).searchParams);
      sockets.push(this);
    }
    close() {}
    say(...messages) {
      for (const message of messages) this.onmessage({ data: JSON.stringify(message) });
    }
  };
  globalThis.window = { addEventListener() {}, setTimeout: () => 0 };
  globalThis.location = { href: "http://host/live/" };
  globalThis.setTimeout = (action) => timers.push(action);
  globalThis.clearTimeout = () => {};
  const server = { id };
  globalThis.fetch = async () => new Response(null, { headers: server.id ? { "Market-Camera-Store": server.id } : {} });
  const [store, seen] = [new Store(100), []];
  const stream = new LiveStream("A", store, {
    onMessage: (message) => seen.push(message.t ?? message.reason),
    onState: (state) => seen.push(state),
    onFilled: (count) => seen.push(`filled ${count}`),
    onSkipped: () => seen.push("skipped"),
    onAnew: () => seen.push("anew"),
  });
  await stream.open();
  await settle();
  sockets[0].onopen();
  return { stream, server, store, seen, sockets, timers };
}

/** The connection is lost and opened again. */
function reconnected(page) {
  page.sockets.at(-1).onclose({ code: 1006 });
  page.timers.at(-1)();
  page.sockets.at(-1).onopen();
  page.seen.length = 0;
  return page.sockets.at(-1);
}

test("resumes in the recording it has", async () => {
  const page = await opened(OLD);
  assert.equal(page.sockets[0].query.store, undefined, "without a position it says nothing");
  page.sockets[0].say(tick(200));
  const { query } = reconnected(page);
  assert.deepEqual([query.since, query.store], ["200", OLD]);
});

test("begins anew where the market has another recording, once for all kinds, and stays connected", async () => {
  const page = await opened(OLD);
  page.sockets[0].say(tick(200));
  page.seen.length = 0;
  page.sockets[0].say(changed("frame", 201), changed("metric", 201), changed("tick", 201), tick(0), tick(1));
  assert.deepEqual(page.seen, ["anew", 0, 1]);
  assert.equal(page.store.position, 1);
  page.sockets[0].say({ type: "caught_up", t: 1, store: NEW }, tick(2));
  assert.equal(page.sockets.length, 1);
  const { query } = reconnected(page);
  assert.deepEqual([query.since, query.store], ["2", NEW]);
});

test("of a new recording that is long by now it takes what is new", async () => {
  const page = await opened(OLD);
  page.sockets[0].say(tick(200), changed("tick", 201));
  page.seen.length = 0;
  for (let t = 0; t < 250 && page.sockets.length === 1; t++) page.sockets[0].say(tick(t));
  assert.equal(page.seen.at(-2), "skipped");
  assert.equal(page.sockets[1].query.since, undefined);
});

test("a server that is a little behind in the same recording is no other one", async () => {
  const page = await opened(OLD);
  page.sockets[0].say(tick(200));
  const socket = reconnected(page);
  socket.say({ type: "caught_up", t: 195, store: OLD }, tick(201));
  assert.deepEqual(page.seen, ["live", 201]);
  assert.equal(page.store.position, 201);
});

test("of a server that names no recording, one that is behind is another", async () => {
  const page = await opened(null);
  page.sockets[0].say(tick(200));
  const socket = reconnected(page);
  assert.equal(socket.query.store, undefined);
  socket.say({ type: "caught_up", t: 20 });
  assert.ok(page.seen.includes("anew"));
  assert.equal(page.sockets.at(-1).query.since, undefined);
});

test("a server that knows no ids is asked without", async () => {
  const page = await opened(OLD);
  page.sockets[0].say(tick(200));
  const socket = reconnected(page);
  socket.say({ type: "error", error: "bad_parameter", detail: "unknown parameter 'store'; known are symbol" });
  socket.onclose({ code: 4400 });
  const { query } = page.sockets.at(-1);
  assert.deepEqual([query.since, query.store], ["200", undefined]);
  assert.ok(!page.seen.includes("refused"));
});

/** A page whose stream brought something of the old recording, and which hears elsewhere that there is a new one. */
async function enteredElsewhere(leave) {
  const page = await opened(OLD);
  page.sockets[0].say(tick(200));
  leave(page);
  page.server.id = NEW;
  const entered = page.stream.enter(NEW);
  page.sockets[0].onmessage({ data: JSON.stringify(tick(201)) });
  await entered;
  return page;
}

test("where another recording is heard of elsewhere it begins as at first, connected or not", async () => {
  for (const leave of [() => {}, ({ sockets }) => sockets[0].onclose({ code: 1006 })]) {
    const page = await enteredElsewhere(leave);
    assert.deepEqual([page.store.position, page.sockets.length, page.sockets[1].query.since], [null, 2, undefined]);
    page.sockets[1].onopen();
    page.sockets[1].say(tick(3));
    assert.equal(page.seen.includes("anew"), false, "who told it knows");
    const { query } = reconnected(page);
    assert.deepEqual([query.since, query.store], ["3", NEW]);
  }
});

test("a recording that it is in already is not entered", async () => {
  const page = await opened(OLD);
  page.sockets[0].say(tick(200), changed("tick", 201), tick(0));
  await page.stream.enter(NEW);
  assert.deepEqual([page.store.position, page.sockets.length], [0, 1]);
});
