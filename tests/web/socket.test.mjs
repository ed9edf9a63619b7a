import assert from "node:assert/strict";
import { test } from "node:test";
import { delayMs } from "../../streaming/static/streaming/data/backoff.js";
import { StreamSocket } from "../../streaming/static/streaming/data/socket.js";

/** A world without a network and without waiting: sockets and timers are handed to the test. */
function world() {
  const sockets = [];
  const timers = new Map();
  let named = 0;
  class FakeSocket {
    constructor(url) {
      this.url = url;
      sockets.push(this);
    }
    close() {}
  }
  return {
    sockets,
    delays: () => [...timers.values()].map(({ delay }) => delay),
    fire(delay) {
      const [name, timer] = [...timers].find(([, candidate]) => candidate.delay === delay);
      timers.delete(name);
      timer.action();
    },
    WebSocket: FakeSocket,
    setTimeout: (action, delay) => timers.set(++named, { action, delay }) && named,
    clearTimeout: (name) => timers.delete(name),
    random: () => 1,
  };
}

function connected() {
  const outside = world();
  const seen = { messages: [], states: [], position: null };
  const socket = new StreamSocket({
    url: (since) => `ws://host/ws/stream?since=${since}`,
    position: () => seen.position,
    onMessage: (message) => seen.messages.push(message),
    onState: (state, { detail }) => seen.states.push(detail ? `${state}: ${detail}` : state),
    world: outside,
  });
  socket.open();
  return { socket, outside, seen };
}

test("connects, hands on messages and tells its state", () => {
  const { outside, seen } = connected();
  outside.sockets[0].onopen();
  outside.sockets[0].onmessage({ data: '{"type":"tick","t":1}' });
  assert.deepEqual(seen.states, ["connecting", "open"]);
  assert.deepEqual(seen.messages, [{ type: "tick", t: 1 }]);
});

test("after a loss it resumes after the last position", () => {
  const { outside, seen } = connected();
  outside.sockets[0].onopen();
  seen.position = 41;
  outside.sockets[0].onclose({ code: 1006 });
  outside.fire(500);
  assert.deepEqual(outside.sockets.map(({ url }) => url.split("=")[1]), ["null", "41"]);
  assert.deepEqual(seen.states, ["connecting", "open", "reconnecting", "reconnecting"]);
});

test("waits longer after each failure, and little again once messages came", () => {
  const { outside } = connected();
  for (const delay of [500, 1000, 2000]) {
    outside.sockets.at(-1).onclose({ code: 1006 });
    assert.deepEqual(outside.delays(), [delay]);
    outside.fire(delay);
  }
  outside.sockets.at(-1).onopen();
  outside.sockets.at(-1).onmessage({ data: '{"type":"pong"}' });
  outside.sockets.at(-1).onclose({ code: 1006 });
  assert.deepEqual(outside.delays(), [500]);
});

test("the wait is bounded and spread over its upper half", () => {
  assert.deepEqual([1, 2, 3, 6, 50].map((failures) => delayMs(failures, 1)), [500, 1000, 2000, 15_000, 15_000]);
  assert.equal(delayMs(3, 0), 1000);
});

test("takes a connection silent for 45 s as lost, even if closing hangs", () => {
  const { outside, seen } = connected();
  outside.sockets[0].onopen();
  outside.fire(45_000);
  assert.equal(seen.states.at(-1), "reconnecting");
  outside.sockets[0].onclose({ code: 1006 });
  assert.deepEqual(outside.delays(), [500]);
});

test("an unknown symbol is final and told in the server's words", () => {
  const { outside, seen } = connected();
  outside.sockets[0].onmessage({ data: '{"type":"error","error":"unknown_symbol","detail":"no market XYZ"}' });
  outside.sockets[0].onclose({ code: 4404 });
  assert.equal(seen.states.at(-1), "refused: no market XYZ");
  assert.deepEqual(outside.delays(), []);
});

test("over a limit it tries again, saying why", () => {
  const { outside, seen } = connected();
  outside.sockets[0].onmessage({ data: '{"type":"error","error":"too_many_connections","detail":"1000 clients"}' });
  outside.sockets[0].onclose({ code: 4429 });
  assert.equal(seen.states.at(-1), "reconnecting: 1000 clients");
  assert.equal(outside.delays().length, 1);
});

test("closed for good, it stays closed", () => {
  const { socket, outside, seen } = connected();
  socket.close();
  outside.sockets[0].onclose({ code: 1000 });
  assert.deepEqual([outside.delays(), seen.states], [[], ["connecting"]]);
});

test("closed while it waits to try again, it stays closed when the network is back", () => {
  const { socket, outside } = connected();
  outside.sockets[0].onclose({ code: 1006 });
  socket.close();
  socket.hurry();
  assert.deepEqual([outside.sockets.length, outside.delays()], [1, []]);
});

test("hurry tries at once, and does nothing while connected", () => {
  const { socket, outside } = connected();
  socket.hurry();
  assert.equal(outside.sockets.length, 1);
  outside.sockets[0].onclose({ code: 1006 });
  socket.hurry();
  assert.equal(outside.sockets.length, 2);
});

test("rejoins from the position as it is then, deaf to the connection it left", () => {
  const { socket, outside, seen } = connected();
  outside.sockets[0].onopen();
  seen.position = null;
  socket.rejoin();
  outside.sockets[0].onclose({ code: 1005 });
  outside.sockets[1].onopen();
  assert.equal(outside.sockets.length, 2);
  assert.deepEqual(seen.states, ["connecting", "open", "connecting", "open"]);
});

test("a connection known to be dead is left at once, and what it still brings is not heard", () => {
  const { socket, outside, seen } = connected();
  outside.sockets[0].onopen();
  socket.lose();
  socket.lose();
  outside.sockets[0].onmessage({ data: '{"type":"tick","t":1}' });
  assert.deepEqual([seen.states.at(-1), seen.messages, outside.delays()], ["reconnecting", [], [500]]);
  outside.fire(500);
  assert.equal(outside.sockets.length, 2);
});
