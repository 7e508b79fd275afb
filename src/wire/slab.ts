/**
 * Slabs: bytes in flight with one owner at a time, in memory that was allocated once.
 *
 * A pool is a fixed budget of equal, page-aligned blocks (fresh memory and unaligned copies are both dear: see
 * ARCHITECTURE.md, "Memory"). A slab is a run of bytes over one or more blocks. Whoever holds it releases it once, or
 * passes it on. P3: what peers announce costs nothing; memory is taken from the pool when there is room, else they wait.
 */
import { strict as assert } from 'node:assert';

/** Page-aligned zeroed memory. Only WebAssembly gives alignment; multiples of 64 KiB. */
export function alignedBuffer(length: number): Buffer {
  const pages = Math.ceil(length / 65536);
  return Buffer.from(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer, 0, length);
}

export interface Slab {
  readonly length: number;
  /** The bytes in order. Views: they are somebody else's after `release`. */
  readonly slices: readonly Buffer[];
  /** Gives the memory back. Exactly once. */
  release(): void;
}

class PooledSlab implements Slab {
  readonly length: number;
  readonly slices: readonly Buffer[];
  #blocks: Buffer[];
  readonly #pool: SlabPool;
  constructor(pool: SlabPool, blocks: Buffer[], length: number) {
    this.#pool = pool;
    this.#blocks = blocks;
    this.length = length;
    let left = length;
    this.slices = blocks.map((block) => {
      const part = block.subarray(0, Math.min(left, block.length));
      left -= part.length;
      return part;
    });
  }
  release(): void {
    const blocks = this.#blocks;
    assert(blocks.length > 0 || this.length === 0, 'a slab is released once');
    this.#blocks = [];
    this.#pool.giveBack(blocks);
  }
}

export class SlabPool {
  readonly blockBytes: number;
  readonly blocksMax: number;
  readonly #free: Buffer[] = [];
  #made = 0;
  #taken = 0;
  readonly #waiting: { readonly blocks: number; readonly ready: () => void }[] = [];

  constructor(options: { readonly blockBytes: number; readonly blocksMax: number }) {
    this.blockBytes = options.blockBytes;
    this.blocksMax = options.blocksMax;
  }

  get freeBytes(): number {
    return (this.blocksMax - this.#taken) * this.blockBytes;
  }

  /** A slab of `length` bytes with undefined content, or undefined when the pool has no room now. */
  take(length: number): Slab | undefined {
    const blocks = Math.ceil(length / this.blockBytes);
    assert(blocks <= this.blocksMax, 'a slab fits its pool');
    if (this.#taken + blocks > this.blocksMax || this.#waiting.length > 0) return undefined;
    return this.#make(blocks, length);
  }

  /** The same, but waits its turn for room. */
  async takeSoon(length: number): Promise<Slab> {
    const now = this.take(length);
    if (now !== undefined) return now;
    const blocks = Math.ceil(length / this.blockBytes);
    return await new Promise((resolve) => {
      this.#waiting.push({ blocks, ready: () => resolve(this.#make(blocks, length)) });
    });
  }

  #make(count: number, length: number): Slab {
    const blocks: Buffer[] = [];
    for (let i = 0; i < count; i++) blocks.push(this.#block());
    this.#taken += count;
    return new PooledSlab(this, blocks, length);
  }
  #block(): Buffer {
    const free = this.#free.pop(); // last in, first out: the warmest memory
    if (free !== undefined) return free;
    assert(this.#made < this.blocksMax);
    this.#made += 1;
    return alignedBuffer(this.blockBytes);
  }
  /** For slabs only. */
  giveBack(blocks: readonly Buffer[]): void {
    this.#taken -= blocks.length;
    this.#free.push(...blocks);
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#taken + next.blocks > this.blocksMax) return;
      this.#waiting.shift();
      next.ready();
    }
  }
}

/** Bytes that nobody needs back: small answers made for one command. */
export function ownedSlab(bytes: Buffer): Slab {
  return { length: bytes.length, slices: [bytes], release: () => undefined };
}

/** All bytes of a slab in one new Buffer. For parameter lists and tests, not for records. */
export const copyOf = (slab: Slab): Buffer => Buffer.concat(slab.slices, slab.length);
