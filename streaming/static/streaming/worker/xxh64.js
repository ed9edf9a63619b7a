/** Owns the checksum of a zstd frame: the lower half of XXH64 with seed 0, in halves of 32 bits, as 64 bits are slow here. */

/** The five primes, high and low half. */
const P1 = [0x9e3779b1, 0x85ebca87];
const P2 = [0xc2b2ae3d, 0x27d4eb4f];
const P3 = [0x165667b1, 0x9e3779f9];
const P4 = [0x85ebca77, 0xc2b2ae63];
const P5 = [0x27d4eb2f, 0x165667c5];

const STRIPE = 32;

/** A number of 64 bits that is changed in place. */
class Word {
  /** @param {number} high @param {number} low */
  constructor(high, low) {
    this.high = high >>> 0;
    this.low = low >>> 0;
  }

  /** @param {number} high @param {number} low */
  add(high, low) {
    const sum = this.low + (low >>> 0);
    this.low = sum >>> 0;
    this.high = (this.high + high + (sum > 0xffffffff ? 1 : 0)) >>> 0;
    return this;
  }

  /** @param {number[]} factor */
  multiply([high, low]) {
    const [a0, a1, b0, b1] = [this.low & 0xffff, this.low >>> 16, low & 0xffff, low >>> 16];
    const [low00, low01, low10] = [a0 * b0, a0 * b1, a1 * b0];
    const middle = (low00 >>> 16) + (low01 & 0xffff) + (low10 & 0xffff);
    const carried = a1 * b1 + (low01 >>> 16) + (low10 >>> 16) + (middle >>> 16);
    this.high = (carried + Math.imul(this.high, low) + Math.imul(this.low, high)) >>> 0;
    this.low = ((middle << 16) | (low00 & 0xffff)) >>> 0;
    return this;
  }

  /** @param {number} bits from 1 to 31 */
  rotate(bits) {
    const { high, low } = this;
    this.high = ((high << bits) | (low >>> (32 - bits))) >>> 0;
    this.low = ((low << bits) | (high >>> (32 - bits))) >>> 0;
    return this;
  }

  /** @param {number} high @param {number} low */
  xor(high, low) {
    this.high = (this.high ^ high) >>> 0;
    this.low = (this.low ^ low) >>> 0;
    return this;
  }

  /** Takes in 8 bytes of a lane. @param {number} high @param {number} low */
  round(high, low) {
    const input = new Word(high, low).multiply(P2);
    return this.add(input.high, input.low).rotate(31).multiply(P1);
  }
}

export class Checksum {
  #lanes = [new Word(P1[0], P1[1]).add(P2[0], P2[1]), new Word(P2[0], P2[1]), new Word(0, 0), new Word(~P1[0], ~P1[1]).add(0, 1)];
  #rest = new Uint8Array(STRIPE);
  #held = 0;
  #length = 0;

  /** @param {Uint8Array} bytes the next of the text */
  update(bytes) {
    this.#length += bytes.length;
    let at = 0;
    if (this.#held > 0) {
      at = Math.min(STRIPE - this.#held, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#held);
      this.#held += at;
      if (this.#held < STRIPE) return;
      this.#take(this.#rest, 0, STRIPE);
    }
    const end = bytes.length - ((bytes.length - at) % STRIPE);
    this.#take(bytes, at, end);
    this.#rest.set(bytes.subarray(end));
    this.#held = bytes.length - end;
  }

  /** @param {Uint8Array} bytes @param {number} from @param {number} to */
  #take(bytes, from, to) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = from; at < to; at += STRIPE) {
      for (let lane = 0; lane < 4; lane++) {
        const place = at + 8 * lane;
        this.#lanes[lane].round(view.getUint32(place + 4, true), view.getUint32(place, true));
      }
    }
  }

  /** The lower 32 bits of the hash of all that was taken. */
  get value() {
    const hash = this.#length >= STRIPE ? this.#merged() : new Word(P5[0], P5[1]);
    hash.add(Math.floor(this.#length / 2 ** 32), this.#length >>> 0);
    const view = new DataView(this.#rest.buffer, 0, this.#held);
    let at = 0;
    for (; at + 8 <= this.#held; at += 8) {
      const input = new Word(0, 0).round(view.getUint32(at + 4, true), view.getUint32(at, true));
      hash.xor(input.high, input.low).rotate(27).multiply(P1).add(P4[0], P4[1]);
    }
    for (; at + 4 <= this.#held; at += 4) {
      const input = new Word(0, view.getUint32(at, true)).multiply(P1);
      hash.xor(input.high, input.low).rotate(23).multiply(P2).add(P3[0], P3[1]);
    }
    for (; at < this.#held; at++) {
      const input = new Word(0, view.getUint8(at)).multiply(P5);
      hash.xor(input.high, input.low).rotate(11).multiply(P1);
    }
    hash.xor(0, hash.high >>> 1).multiply(P2);
    hash.xor(hash.high >>> 29, (hash.low >>> 29) | (hash.high << 3)).multiply(P3);
    return (hash.low ^ hash.high) >>> 0;
  }

  #merged() {
    const hash = new Word(0, 0);
    [1, 7, 12, 18].forEach((bits, i) => {
      const { high, low } = this.#lanes[i];
      const turned = new Word(high, low).rotate(bits);
      hash.add(turned.high, turned.low);
    });
    for (const { high, low } of this.#lanes) {
      const input = new Word(0, 0).round(high, low);
      hash.xor(input.high, input.low).multiply(P1).add(P4[0], P4[1]);
    }
    return hash;
  }
}
