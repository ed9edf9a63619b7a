/** Reads all that a server has recorded of a kind as the page's worker does; prints messages and gaps. */

import { get } from "../../streaming/static/streaming/data/api.js";
import { Blocks } from "../../streaming/static/streaming/worker/blocks.js";

const [base, symbol, kind, toT] = process.argv.slice(2);
const asked = (path, options) => get(base + path, options);
const blocks = new Blocks(symbol, { fetch: asked });
const segments = await (await asked(`/manifest/${kind}`)).json();
for (const segment of segments.filter(({ start_t: t }) => t <= Number(toT))) {
  for await (const { tape } of blocks.over(kind, [segment], 0, Number(toT))) {
    tape.ts.forEach((_, i) => console.log(JSON.stringify(tape.message(i))));
    tape.gaps.forEach((gap) => console.log(JSON.stringify(gap)));
  }
}
