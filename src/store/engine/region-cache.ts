/**
 * RegionCache: regions of containers, read, verified and opened, in a fixed number of blocks. First goes what was read as far as is
 * wanted, the latest of it: who reads forward then goes round in a few blocks, which the processor still has at hand. Else the longest
 * unused goes. A block is pinned while somebody copies out of it. What it holds never changes until it is given another region:
 * where the beginning of a region is not enough, another block gets all of it.
 */
import { strict as assert } from 'node:assert';
import { StoreError } from '../../errors.js';
import type { Directory } from './container.format.js';
import { containerRegionsMax, regionBytesMax } from './engine-limits.js';
import type { Means } from './means.js';
import { RegionLoader } from './region-loader.js';

export interface Block {
  readonly memory: Buffer;
  key: number;
  pins: number;
  loading: Promise<void> | undefined;
  /** So many of the region's first bytes are there. */
  readyBytes: number;
  /** Bytes of the region that are to be read, as far as is known. Infinity: none any more, or nobody knows. */
  unreadBytes: number;
}
const noKey = -1;
/** Below 2^53: container 32 bits, region 6, generation as much as is left. */
function keyOf({ id, generation }: Directory, region: number): number {
  assert(region < containerRegionsMax);
  return (id * containerRegionsMax + region) * 32_768 + (generation % 32_768);
}

function rawBytesOf({ regions }: Directory, region: number): number {
  return regions[region]?.rawBytes ?? 0;
}

export class RegionCache {
  readonly loader: RegionLoader;
  readonly #means: Means;
  readonly #blocksMax: number;
  /** The longest unused first. */
  readonly #blocks = new Map<number, Block>();
  /** The last of them, if it is there. */
  #latest = noKey;
  readonly #free: Block[] = [];
  /** Read as far as is wanted; some may be in use again. */
  #spent: Block[] = [];
  #made = 0;
  /** Pins of those who give back late. */
  #lent = 0;
  #waiting: (() => void)[] = [];

  constructor(means: Means, loader: RegionLoader, blocksMax: number) {
    assert(blocksMax >= 2 * RegionLoader.loadsMax);
    this.#means = means;
    this.loader = loader;
    this.#blocksMax = blocksMax;
  }
  /** Pinned, if its first `bytes` are at hand. */
  peek(directory: Directory, region: number, bytes: number): Block | undefined {
    const key = keyOf(directory, region);
    const block = this.#blocks.get(key);
    if (block === undefined || block.loading !== undefined || block.readyBytes < bytes) return undefined;
    if (key !== this.#latest) {
      this.#blocks.delete(key);
      this.#blocks.set(key, block);
      this.#latest = key;
    }
    block.pins += 1;
    return block;
  }
  /** Pins a block that is pinned already for whoever will give it back late. Half of the memory at most. */
  lend(block: Block): boolean {
    assert(block.pins > 0);
    if (this.#lent >= this.#blocksMax / 2) return false;
    this.#lent += 1;
    block.pins += 1;
    return true;
  }
  takeBack(block: Block): void {
    this.#lent -= 1;
    this.unpin(block);
  }
  unpin(block: Block): void {
    assert(block.pins > 0);
    block.pins -= 1;
    if (block.pins > 0) return;
    if (block.key === noKey)
      this.#free.push(block); // loading it has failed: the last who waited for it
    else if (block.unreadBytes <= 0) this.#spend(block);
    this.#wake();
  }
  #spend(block: Block): void {
    block.unreadBytes = Infinity; // once
    this.#spent.push(block);
    // Of what is wanted again and again nothing is taken: each is there once, where it came last.
    if (this.#spent.length > 4 * this.#blocksMax) this.#spent = [...new Set(this.#spent.reverse())].reverse();
  }
  /** The latest of which nothing more is wanted, and which is not in use again. */
  #takeSpent(): Block | undefined {
    for (let block = this.#spent.pop(); block !== undefined; block = this.#spent.pop()) {
      if (block.pins > 0 || block.unreadBytes !== Infinity || this.#blocks.get(block.key) !== block) continue;
      this.#blocks.delete(block.key);
      return block;
    }
    return undefined;
  }
  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Pinned: at least its first `bytes`. StoreError 'corrupt' when it does not verify. */
  async get(
    directory: Directory,
    region: number,
    bytes: number = rawBytesOf(directory, region),
  ): Promise<Block> {
    const key = keyOf(directory, region);
    for (;;) {
      const held = this.#blocks.get(key);
      if (held === undefined) break;
      if (held.loading === undefined) {
        const block = this.peek(directory, region, bytes);
        if (block !== undefined) return block;
        this.#forget(held);
        break;
      }
      held.pins += 1; // or it might be taken for another before we come to it
      try {
        await held.loading;
        if (held.readyBytes >= bytes) return held;
        this.unpin(held);
      } catch (error) {
        this.unpin(held);
        throw error;
      }
    }
    let block = this.#take(key);
    while (block === undefined) {
      await this.#change();
      if (this.#blocks.has(key)) return await this.get(directory, region, bytes); // another has begun to load it meanwhile
      block = this.#take(key);
    }
    // Nothing is waited for between taking it and this: whoever finds it would take what is in it for the region.
    try {
      block.unreadBytes = rawBytesOf(directory, region);
      await this.#begin(block, directory, region, rawBytesOf(directory, region));
      return block;
    } catch (error) {
      this.unpin(block);
      throw error;
    }
  }
  /**
   * Begins to load its first `bytes`, unless they are at hand or it is being loaded: whoever reads it is told how that ends. `uses`: so many
   * bytes of it will be read, beside those that were said before. False when there is no room.
   */
  prepare(directory: Directory, region: number, bytes: number, uses: number): boolean {
    const key = keyOf(directory, region);
    const held = this.#blocks.get(key);
    if (held !== undefined) {
      if (held.loading !== undefined || held.readyBytes >= bytes) {
        if (uses > 0) held.unreadBytes = uses + (held.unreadBytes === Infinity ? 0 : held.unreadBytes);
        return true;
      }
      this.#forget(held);
    }
    const block = this.#take(key);
    if (block === undefined) return false;
    // More was wanted than had been foreseen: it may happen again.
    block.unreadBytes = Math.max(uses, 1);
    const enough = held === undefined ? bytes : rawBytesOf(directory, region);
    void this.#prepare(this.#begin(block, directory, region, enough), block);
    return true;
  }
  /** Less of it is there than is needed. Who reads it goes on: nothing is written into bytes that somebody may be reading. */
  #forget(block: Block): void {
    this.#blocks.delete(block.key);
    block.key = noKey;
    if (block.pins === 0) this.#free.push(block);
  }
  async #prepare(loading: Promise<void>, block: Block): Promise<void> {
    try {
      await loading;
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
    } finally {
      this.unpin(block);
    }
  }
  /** A block that was taken for the region is being loaded. */
  #begin(block: Block, directory: Directory, region: number, enough: number): Promise<void> {
    const { key } = block;
    const loaded = async (): Promise<void> => {
      try {
        block.readyBytes = await this.loader.load(directory, region, block.memory, enough);
      } catch (error) {
        if (this.#blocks.get(key) === block) this.#blocks.delete(key);
        block.key = noKey;
        throw error;
      } finally {
        block.loading = undefined;
      }
    };
    block.loading = loaded();
    return block.loading;
  }
  #take(key: number): Block | undefined {
    const block = this.#free.pop() ?? this.#takeSpent() ?? this.#make() ?? this.#evicted();
    if (block === undefined) return undefined;
    block.key = key;
    block.pins = 1;
    block.readyBytes = 0;
    block.unreadBytes = Infinity;
    this.#blocks.set(key, block);
    this.#latest = key;
    return block;
  }
  #make(): Block | undefined {
    if (this.#made === this.#blocksMax) return undefined;
    this.#made += 1;
    return {
      memory: this.#means.arena.allocate(regionBytesMax),
      key: noKey,
      pins: 0,
      loading: undefined,
      readyBytes: 0,
      unreadBytes: 0,
    };
  }
  #evicted(): Block | undefined {
    for (const [key, block] of this.#blocks) {
      if (block.pins > 0 || block.loading !== undefined) continue;
      this.#blocks.delete(key);
      return block;
    }
    return undefined;
  }
}
