/** Filter: blocked Bloom filter of the fingerprints in one range: six bits in one block of 64 bytes each (FORMAT.md, "Index"). */
import { strict as assert } from 'node:assert';

const blockWords = 16;
const blockBits = blockWords * 32;

/** Of the first 32 bits of fingerprints; both ends are in it. */
export interface HiRange {
  readonly first: number;
  readonly last: number;
}
export const wholeRange: HiRange = { first: 0, last: 0xffff_ffff };

export class Filter {
  readonly words: Uint32Array;
  readonly #first: number;
  readonly #lastBlock: number;
  readonly #blocksPerHi: number;

  constructor(words: Uint32Array, range: HiRange) {
    assert(words.length > 0 && words.length % blockWords === 0);
    this.words = words;
    const blocks = words.length / blockWords;
    this.#first = range.first;
    this.#lastBlock = blocks - 1;
    this.#blocksPerHi = blocks / (range.last - range.first + 1);
  }
  static for(entries: number, range: HiRange, bitsPerEntry: number): Filter {
    const blocks = Math.max(1, Math.ceil((entries * bitsPerEntry) / blockBits));
    return new Filter(new Uint32Array(blocks * blockWords), range);
  }
  /** Fingerprints in order lie in order: filling it from a sorted run stays in the processor's cache. */
  #wordOf(hi: number): number {
    return Math.min(this.#lastBlock, Math.floor(((hi >>> 0) - this.#first) * this.#blocksPerHi)) * blockWords;
  }
  add(hi: number, lo: number): void {
    const at = this.#wordOf(hi);
    const mixed = Math.imul(lo, 0x9e3779b1) >>> 0;
    for (let i = 0; i < 3; i++) {
      this.#set(at, (lo >>> (9 * i)) & 511);
      this.#set(at, (mixed >>> (5 + 9 * i)) & 511);
    }
  }
  #set(at: number, bit: number): void {
    this.words[at + (bit >>> 5)] = (this.words[at + (bit >>> 5)] ?? 0) | (1 << (bit & 31));
  }
  mayHave(hi: number, lo: number): boolean {
    const at = this.#wordOf(hi);
    const mixed = Math.imul(lo, 0x9e3779b1) >>> 0;
    for (let i = 0; i < 3; i++) {
      if (!this.#has(at, (lo >>> (9 * i)) & 511) || !this.#has(at, (mixed >>> (5 + 9 * i)) & 511))
        return false;
    }
    return true;
  }
  #has(at: number, bit: number): boolean {
    return ((this.words[at + (bit >>> 5)] ?? 0) & (1 << (bit & 31))) !== 0;
  }
}
