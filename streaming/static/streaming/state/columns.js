/** Owns a sliding table of numbers: typed columns whose last `capacity` rows lie in one piece, oldest first. */
export class Columns {
  /** @param {string[]} names @param {number} capacity rows */
  constructor(names, capacity) {
    this.names = names;
    this.capacity = capacity;
    // Twice the room, so that rows move down once per `capacity` pushes and a column is always one subarray.
    this.arrays = names.map(() => new Float64Array(2 * capacity));
    this.start = 0;
    this.end = 0;
  }

  get length() {
    return this.end - this.start;
  }

  /** @param {number[]} row one number per name; the oldest row goes when the table is full */
  push(row) {
    if (this.end === 2 * this.capacity) this.#moveDown();
    this.arrays.forEach((array, i) => (array[this.end] = row[i]));
    this.end += 1;
    if (this.length > this.capacity) this.start += 1;
  }

  /** Puts older rows before those held, as many as there is room for. @param {number[][]} rows oldest first */
  prepend(rows) {
    const held = this.rows();
    this.clear();
    for (const row of [...rows, ...held].slice(-this.capacity)) this.push(row);
  }

  /** @returns {number[][]} */
  rows() {
    return Array.from({ length: this.length }, (_, i) => this.arrays.map((array) => array[this.start + i]));
  }

  /** A view, valid until the next push. @param {string} name */
  column(name) {
    return this.arrays[this.names.indexOf(name)].subarray(this.start, this.end);
  }

  /** @param {string} name @returns {number | undefined} */
  last(name) {
    return this.length ? this.arrays[this.names.indexOf(name)][this.end - 1] : undefined;
  }

  /** @param {string} name @returns {number | undefined} */
  first(name) {
    return this.length ? this.arrays[this.names.indexOf(name)][this.start] : undefined;
  }

  clear() {
    this.start = 0;
    this.end = 0;
  }

  #moveDown() {
    for (const array of this.arrays) array.copyWithin(0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
  }
}
