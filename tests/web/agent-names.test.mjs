import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentNames, shortened } from "../../streaming/static/streaming/data/agent-names.js";
import { addressFor } from "../../streaming/static/streaming/graph/agent-title.js";

const frame = (...names) => ({ nodes: names.map((name, agent_id) => ({ agent_id, name })) });

/** Names, and what they ask a register that holds `agents`. */
function names(agents = []) {
  const asked = [];
  return { asked, made: new AgentNames("IG-USD", async (path) => (asked.push(path), { agents, more: false })) };
}

test("whole names come first, then those that begin with the text, in any case", () => {
  const { made } = names();
  made.take(frame("a beef", "BEEFY", "beef", "other"));
  assert.deepEqual(made.inFrame("beef", 9).map(({ name }) => name), ["beef", "BEEFY", "a beef"]);
  assert.deepEqual(made.inFrame("beef", 1), [{ id: "2", name: "beef", here: true }]);
});

test("a market without names has none, and asks nobody", () => {
  const { made, asked } = names();
  made.take(frame(undefined, undefined));
  made.take(null);
  assert.deepEqual([made.some, made.nameOf("0"), made.inFrame("", 9), asked], [false, undefined, [], []]);
});

test("a frame without names, as of a gap, forgets none", () => {
  const { made } = names();
  made.take(frame("ann"));
  made.take(null);
  assert.deepEqual([made.some, made.nameOf("0")], [true, "ann"]);
});

test("in a run without names the agents have none of those of another run, whose ids begin at 0 as well", async () => {
  const { made, asked } = names([{ id: 1, name: "anna" }]);
  made.take(frame("ann", "bob"));
  made.take(frame(undefined, undefined));
  made.take(null);
  assert.deepEqual([made.some, made.nameOf("0"), made.inFrame("", 9), await made.search("an", 9)], [false, undefined, [], []]);
  made.take(frame("ann", undefined));
  assert.deepEqual([made.some, made.nameOf("0"), made.nameOf("1"), asked.length], [true, "ann", undefined, 1]);
});

test("what the register told counts in runs with names, and nothing that was under way where one without began", async () => {
  let answer;
  const made = new AgentNames("IG-USD", () => new Promise((resolve) => (answer = resolve)));
  const told = async (names) => {
    const looked = made.lookUp("7");
    names.forEach((name) => made.take(frame(name)));
    answer({ agents: [{ id: 7, name: "grace" }] });
    return [await looked, made.nameOf("7")];
  };
  made.take(frame("ann"));
  assert.deepEqual(await told([undefined]), [undefined, undefined]);
  made.take(frame("ann"));
  assert.deepEqual([made.nameOf("7"), ...(await told([]))], [undefined, "grace", "grace"]);
  made.take(frame(undefined));
  assert.equal(made.nameOf("7"), undefined);
});

test("those of the register follow those of the frame, each once", async () => {
  const { made, asked } = names([{ id: 0, name: "ann" }, { id: 70, name: "anna & co" }]);
  made.take(frame("ann"));
  assert.deepEqual(await made.search("an&n", 5), [{ id: "0", name: "ann", here: true }, { id: "70", name: "anna & co", here: false }]);
  assert.deepEqual(asked, ["/agents?q=an%26n&limit=5&symbol=IG-USD"]);
  assert.equal(made.nameOf("70"), "anna & co");
});

test("an agent in no frame is looked up once", async () => {
  const { made, asked } = names([{ id: 70, name: "zoe" }]);
  made.take(frame("ann"));
  assert.deepEqual([await made.lookUp("0"), await made.lookUp("70"), await made.lookUp("70")], ["ann", "zoe", "zoe"]);
  assert.deepEqual(asked, ["/agents?ids=70&symbol=IG-USD"]);
});

test("a stranger's name leads nowhere but behind the template's host", () => {
  const evil = 'x"><script>alert(1)</script>/../?a=b&$&#@evil.example';
  const address = addressFor("https://scan.example/a/{name}?n={name}#top", evil);
  assert.equal(new URL(address).host, "scan.example");
  assert.equal(new URL(address).searchParams.get("n"), evil);
  assert.equal(new URL(address).hash, "#top");
});

test("a long name is cut between letters", () => {
  assert.equal(shortened("𝓜".repeat(41), 40), `${"𝓜".repeat(39)}…`);
  assert.equal(shortened("𝓜".repeat(40), 40), "𝓜".repeat(40));
  assert.equal(shortened("😀".repeat(21), 40), `${"😀".repeat(19)}…`);
  assert.equal(shortened("😀".repeat(20), 40), "😀".repeat(20));
});

test("wide letters take the room of two, so that a name is no wider than another", () => {
  assert.equal(shortened("株式会社市場カメラ研究所", 12), "株式会社市…");
  assert.equal(shortened("做市商-12", 9), "做市商-12");
  assert.equal(shortened("做市商-12", 8), "做市商-…");
});

test("of another recording no name holds, nor one that is still under way", async () => {
  let answer;
  const made = new AgentNames("IG-USD", () => new Promise((resolve) => (answer = resolve)));
  made.take(frame("ann"));
  const looked = made.lookUp("7");
  made.forget();
  answer({ agents: [{ id: 7, name: "grace" }] });
  assert.deepEqual([await looked, made.nameOf("0"), made.nameOf("7"), made.some], [undefined, undefined, undefined, false]);
});
