// Listens to a market and asks for what was before: node client.mjs http://localhost:8000
// (Node 22; with Node 20: node --experimental-websocket client.mjs). The same lines work in a browser.

const base = (process.argv[2] ?? 'http://localhost:8000').replace(/\/$/, '');

function listen(ticks) {
  const socket = new WebSocket(`${base.replace('http', 'ws')}/ws/stream`);
  return new Promise((resolve, reject) => {
    socket.onopen = () => socket.send('ping');
    socket.onerror = () => reject(new Error(`cannot connect to ${base}`));
    socket.onclose = () => reject(new Error('the server ended the stream'));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'frame') {
        console.log(`frame ${message.t}: ${message.nodes.length} nodes, ${message.edges.length} edges`);
      } else if (message.type === 'tick') {
        console.log(`tick ${message.t}: ${message.agents.length} agents, ${message.matches.length} matches`);
        ticks -= 1;
        if (ticks === 0) {
          resolve(message.t);
          socket.close();
        }
      } else {
        console.log(message.type);
      }
    };
  });
}

const t = await listen(10);
const before = await (await fetch(`${base}/incremental?from_t=${Math.max(-1, t - 5)}&limit=5`)).json();
console.log(`incremental: ${before.count} ticks, t = ${before.data.map((tick) => tick.t)}`);

const manifest = await (await fetch(`${base}/manifest/ticks`)).json();
const newest = manifest.filter((row) => row.lines > 0).at(-1);
const file = await fetch(`${base}/segment/${newest.path}?format=jsonl`);
const lines = (await file.text()).trimEnd().split('\n').map((line) => JSON.parse(line));
console.log(`segment ${newest.path}: ${lines.length} lines, the last is of t = ${lines.at(-1).t}`);
