// Follows a market in TypeScript, with types made of the server's own document:
//   npm install && npm run types && npm run build && npm start -- http://localhost:8000 20
// Node 20 or later. The same lines work in a browser.

import type { components, paths } from "./api.js";

declare const process: { argv: string[] };

type Tick = components["schemas"]["Tick"];
type Gap = { type: "gap"; kind: string; from_t: number; to_t: number; reason: string; store?: string };
type Control = { type: "caught_up" | "heartbeat" | "error"; t?: number; store?: string; detail?: string };
type Message = Tick | Gap | Control;

// The JSON and the query of a path, as the document has them.
type Json<P extends keyof paths> = paths[P] extends { get: { responses: { 200: { content: { "application/json": infer Body } } } } } ? Body : never;
type Query<P extends keyof paths> = paths[P] extends { get: { parameters: { query?: infer Given } } } ? Given : never;

const base = (process.argv[2] ?? "http://localhost:8000").replace(/\/$/, "");
const wanted = Number(process.argv[3] ?? 20);

async function get<P extends keyof paths>(path: P, query: Query<P>): Promise<Json<P>> {
  const given = new URLSearchParams(query as Record<string, string>);
  const answer = await fetch(`${base}${path}?${given}`);
  if (answer.ok) return (await answer.json()) as Json<P>;
  const { error } = (await answer.json()) as components["schemas"]["Error"];
  throw new Error(`${path}: ${error.code}, ${error.message}`);
}

// A position is a t in a recording. Whoever sends both misses nothing and gets nothing twice.
type Position = { t: number; store: string | null };

function listen(position: Position, take: (tick: Tick) => boolean): Promise<boolean> {
  const store = position.store === null ? "" : `&store=${position.store}`;
  const socket = new WebSocket(`${base.replace("http", "ws")}/ws/stream?types=tick&since=${position.t}${store}`);
  return new Promise((resolve) => {
    let isDone = false;
    socket.onclose = () => resolve(isDone);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data as string) as Message;
      if (isDone) return;
      if (message.type === "tick") {
        position.t = message.t;
        isDone = take(message);
        if (isDone) socket.close();
      } else if (message.type === "gap") {
        console.log(`gap ${message.from_t}-${message.to_t}: ${message.reason}`);
        if (message.store !== undefined) Object.assign(position, { t: -1, store: message.store });
      } else if (message.type === "error") {
        console.log(`error: ${message.detail}`);
      }
    };
  });
}

async function follow(position: Position, take: (tick: Tick) => boolean): Promise<void> {
  while (!(await listen(position, take))) {
    console.log(`connection lost, resuming after t = ${position.t}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const { meta } = await get("/health", {});
const page = await get("/incremental", { from_t: -1, limit: 5 });
console.log(`store ${meta.store}, history: ${page.data.map((tick) => tick.t)} of ${page.latest_t}`);
let left = wanted;
await follow({ t: page.data.at(-1)?.t ?? -1, store: page.store }, (tick) => {
  console.log(`tick ${tick.t}: ${tick.matches.length} matches`);
  left -= 1;
  return left === 0;
});
