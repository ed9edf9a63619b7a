/** Owns the panel that says in numbers what differs between the two frames that are compared. */

import { countText, ratioText } from "../page/format.js";
import { text } from "../state/texts.js";

/** So many agents are named; of more, their number says enough. */
const NAMED = 12;

/** Measures that count something; others are shares. */
const WHOLE = /^(agents|matches|pool_matches|communities|core|.*_edges|.*_pairs)$/;

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @typedef {import("../data/messages.js").Frame} Frame */
/** @typedef {import("./comparison.js").Comparison} Comparison */
/** @typedef {import("./comparison.js").Pair} Pair */

export class ComparisonPanel {
  #panel = element("comparison");
  #button = element("compare");

  /** @param {() => void} end asks to compare no more */
  constructor(end) {
    element("end-comparison").addEventListener("click", () => {
      end();
      this.#button.focus();
    });
  }

  /** @param {Frame | null} before @param {Frame | null} now @param {Comparison | null} comparison null where one of them is missing */
  show(before, now, comparison) {
    this.#panel.hidden = before === null;
    this.#button.setAttribute("aria-pressed", String(before !== null));
    if (!before) return;
    element("comparison-title").textContent = text("compare_title", { from: countText(before.t), to: now ? countText(now.t) : "–" });
    element("changes").replaceChildren(...(comparison ? changesOf(comparison) : []));
    fill("comparison-counts", comparison?.counts ?? []);
    if (!comparison) fill("comparison-measures", []);
  }

  /** @param {Pair[]} pairs */
  measure(pairs) {
    fill("comparison-measures", pairs);
  }
}

/** @param {Comparison} comparison */
function changesOf({ joined, left, stayed, edges }) {
  const { match, quote_proximity } = edges;
  return [
    item("gained", text("compare_gained", { matches: countText(match.gained), close: countText(quote_proximity.gained) })),
    item("lost", text("compare_lost", { matches: countText(match.lost), close: countText(quote_proximity.lost) })),
    item("kept", text("compare_kept", { matches: countText(match.kept), close: countText(quote_proximity.kept) })),
    item("joined", `${text("compare_joined", { count: countText(joined.length) })}${named(joined)}`),
    item("left", `${text("compare_left", { count: countText(left.length), stayed: countText(stayed) })}${named(left)}`),
  ];
}

/** @param {string[]} agents */
function named(agents) {
  if (!agents.length || agents.length > NAMED) return "";
  return text("compare_named", { ids: agents.join(text("list_comma")) });
}

/** @param {string} change @param {string} words */
function item(change, words) {
  const [line, mark] = ["li", "span"].map((tag) => document.createElement(tag));
  mark.className = `change ${change}`;
  line.append(mark, words);
  return line;
}

/** @param {string} id of the table's body @param {Pair[]} pairs */
function fill(id, pairs) {
  element(id).replaceChildren(...pairs.map(({ name, before, now }) => {
    const write = WHOLE.test(name) ? countText : ratioText;
    const difference = before === null || now === null ? "–" : signed(now - before, write);
    return row(text(`measure_${name}`), [before === null ? "–" : write(before), now === null ? "–" : write(now), difference]);
  }));
}

/** @param {number} value @param {(value: number) => string} write */
function signed(value, write) {
  if (write(Math.abs(value)) === write(0)) return write(0);
  return `${value > 0 ? "+" : "−"}${write(Math.abs(value))}`;
}

/** @param {string} name @param {string[]} cells */
function row(name, cells) {
  const [line, head] = ["tr", "th"].map((tag) => document.createElement(tag));
  /** @type {HTMLTableCellElement} */ (head).scope = "row";
  head.textContent = name;
  line.append(head, ...cells.map((words) => Object.assign(document.createElement("td"), { textContent: words })));
  return line;
}
