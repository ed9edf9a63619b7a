/** Owns how long to wait before the next try to connect. */

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/**
 * Doubles from half a second to 15 s, each drawn from its upper half: after a restart of the server its pages must not
 * all come back in the same instant.
 * @param {number} failures tries that failed in a row, from 1 @param {number} random 0..1
 */
export function delayMs(failures, random) {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return full * (0.5 + 0.5 * random);
}
