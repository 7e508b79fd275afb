/**
 * Lending: a read as views of regions that are at hand, which stay pinned until the slab is released: the shortest way from a region
 * to a socket. Where that cannot be (bytes that are not in a region yet, half of the cache lent already) they are copied.
 */
import { strict as assert } from 'node:assert';
import type { Slab } from '#wire';
import type { Filler } from './chunk-reader.js';
import type { Block, RegionCache } from './region-cache.js';

export class LendingFiller implements Filler {
  filled = 0;
  /** Some bytes could not be lent: this is no slab. */
  isRefused = false;
  readonly #regions: RegionCache;
  readonly #slices: Buffer[] = [];
  #lent: Block[] | undefined = [];
  #block: Block | undefined;
  #from = 0;
  #to = 0;

  constructor(regions: RegionCache) {
    this.#regions = regions;
  }
  put(_source: Buffer, from: number, to: number): void {
    this.filled += to - from;
    this.isRefused = true;
  }
  putOf(block: Block, from: number, to: number): void {
    this.filled += to - from;
    if (this.isRefused) return;
    if (this.#block === block && this.#to === from) {
      this.#to = to;
      return;
    }
    this.#endSlice();
    if (!this.#regions.lend(block)) {
      this.isRefused = true;
      return;
    }
    this.#lent?.push(block);
    this.#block = block;
    this.#from = from;
    this.#to = to;
  }
  #endSlice(): void {
    if (this.#block !== undefined) this.#slices.push(this.#block.memory.subarray(this.#from, this.#to));
    this.#block = undefined;
  }
  slab(): Slab {
    this.#endSlice();
    return { length: this.filled, slices: this.#slices, release: () => this.release() };
  }
  /** Gives back what was lent. Once. */
  release(): void {
    const lent = this.#lent;
    assert(lent !== undefined, 'a slab is released once');
    this.#lent = undefined;
    for (const block of lent) this.#regions.takeBack(block);
  }
}
