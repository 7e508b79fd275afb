/**
 * RegionTable: the regions of a container while it is made, as numbers, so that it can be used again for the next one: nothing is made
 * for a region.
 */
import { strict as assert } from 'node:assert';
import { bigintOf } from '#wire';
import { containerRegionsMax } from './engine-limits.js';

const WORD = { codec: 0, isDense: 1, chunks: 2, offset: 3, storedBytes: 4, rawBytes: 5, low: 6, high: 7 };
const words = 8;

export class RegionTable {
  readonly #words = new Uint32Array(containerRegionsMax * words);
  #count = 0;

  get count(): number {
    return this.#count;
  }
  clear(): void {
    this.#count = 0;
  }
  /** `checksumLow`, `checksumHigh`: the halves of its checksum. */
  add(
    codec: number,
    isDense: boolean,
    chunks: number,
    offset: number,
    storedBytes: number,
    rawBytes: number,
    checksumLow: number,
    checksumHigh: number,
  ): void {
    assert(this.#count < containerRegionsMax);
    const at = this.#count * words;
    this.#words[at + WORD.codec] = codec;
    this.#words[at + WORD.isDense] = isDense ? 1 : 0;
    this.#words[at + WORD.chunks] = chunks;
    this.#words[at + WORD.offset] = offset;
    this.#words[at + WORD.storedBytes] = storedBytes;
    this.#words[at + WORD.rawBytes] = rawBytes;
    this.#words[at + WORD.low] = checksumLow;
    this.#words[at + WORD.high] = checksumHigh;
    this.#count += 1;
  }
  #word(region: number, word: number): number {
    assert(region < this.#count);
    return this.#words[region * words + word] ?? 0;
  }
  codecOf(region: number): number {
    return this.#word(region, WORD.codec);
  }
  isDense(region: number): boolean {
    return this.#word(region, WORD.isDense) === 1;
  }
  chunksOf(region: number): number {
    return this.#word(region, WORD.chunks);
  }
  /** From the first of them. */
  offsetOf(region: number): number {
    return this.#word(region, WORD.offset);
  }
  storedBytesOf(region: number): number {
    return this.#word(region, WORD.storedBytes);
  }
  rawBytesOf(region: number): number {
    return this.#word(region, WORD.rawBytes);
  }
  checksumOf(region: number): bigint {
    return bigintOf(this.#word(region, WORD.low), this.#word(region, WORD.high));
  }
}
