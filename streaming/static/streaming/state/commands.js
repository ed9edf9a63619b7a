/** Owns what each key does. */

/** @type {Record<string, string>} */
const KEYS = {
  " ": "toggle",
  ArrowLeft: "back",
  ArrowRight: "forward",
  "shift+ArrowLeft": "far-back",
  "shift+ArrowRight": "far-forward",
  Home: "first",
  End: "last",
  l: "live",
  "[": "loop-from",
  "]": "loop-to",
  "\\": "loop-off",
  "+": "zoom-in",
  "=": "zoom-in",
  "-": "zoom-out",
  p: "previous-event",
  n: "next-event",
  Escape: "unpin",
  "/": "search",
  1: "view-force",
  2: "view-plane",
  3: "view-matrix",
  4: "view-ring",
  ",": "agent-previous",
  ".": "agent-next",
  f: "fit",
  c: "compare",
  s: "save",
  "?": "help",
};

/** Controls that use keys themselves. */
const TAKES_KEYS = "input, select, textarea, [contenteditable]";
const TAKES_SPACE = "button, a, summary";

/**
 * @param {{key: string, shiftKey: boolean, ctrlKey: boolean, metaKey: boolean, altKey: boolean, target: any}} event
 * @returns {string | null} the command, null where the key is none or belongs to the control that has the focus
 */
export function commandOf({ key, shiftKey, ctrlKey, metaKey, altKey, target }) {
  if (ctrlKey || metaKey || altKey) return null;
  // A dialog has the page's keys while it is open; the browser closes it by Escape.
  if (target?.closest?.("dialog")) return key === "?" ? "help" : null;
  if (target?.matches?.(TAKES_KEYS) && key !== "Escape") return null;
  if (key === " " && target?.matches?.(TAKES_SPACE)) return null;
  const plain = key.length === 1 ? key.toLowerCase() : key;
  return KEYS[shiftKey && key.startsWith("Arrow") ? `shift+${key}` : plain] ?? null;
}
