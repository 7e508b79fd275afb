/**
 * RegionCache: regions of containers, read, verified and opened, in a fixed number of blocks. First goes what was read to its end,
 * the latest of it: who reads forward then goes round in a few blocks, which the processor still has at hand. Else the longest
 * unused goes. A block is pinned while somebody copies out of it.
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
  /** Bytes of the region that nobody has read yet, if each was read once. */
  unreadBytes: number;
}
const noKey = -1;
/** Below 2^53: container 32 bits, region 6, generation as much as is left. */
function keyOf({ id, generation }: Directory, region: number): number {
  assert(region < containerRegionsMax);
  return (id * containerRegionsMax + region) * 32_768 + (generation % 32_768);
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
  /** Read to their ends; some may be in use again. */
  readonly #spent: Block[] = [];
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
  /** Pinned, if it is at hand. */
  peek(directory: Directory, region: number): Block | undefined {
    const key = keyOf(directory, region);
    const block = this.#blocks.get(key);
    if (block === undefined || block.loading !== undefined) return undefined;
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
  }
  /** The latest that was read to its end and is not in use again. */
  #takeSpent(): Block | undefined {
    for (let block = this.#spent.pop(); block !== undefined; block = this.#spent.pop()) {
      if (block.pins > 0 || this.#blocks.get(block.key) !== block) continue;
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

  /** Pinned. StoreError 'corrupt' when it does not verify. */
  async get(directory: Directory, region: number): Promise<Block> {
    const key = keyOf(directory, region);
    for (;;) {
      const held = this.#blocks.get(key);
      if (held === undefined) break;
      if (held.loading === undefined) return this.peek(directory, region) ?? held;
      held.pins += 1; // or it might be taken for another before we come to it
      try {
        await held.loading;
        return held;
      } catch (error) {
        this.unpin(held);
        throw error;
      }
    }
    let block = this.#take(key);
    while (block === undefined) {
      await this.#change();
      if (this.#blocks.has(key)) return await this.get(directory, region); // another has begun to load it meanwhile
      block = this.#take(key);
    }
    // Nothing is waited for between taking it and this: whoever finds it would take what is in it for the region.
    try {
      await this.#begin(block, directory, region);
      return block;
    } catch (error) {
      this.unpin(block);
      throw error;
    }
  }
  /** Begins to load it, unless it is at hand or being loaded: whoever reads it is told how that ends. False when there is no room. */
  prepare(directory: Directory, region: number): boolean {
    const key = keyOf(directory, region);
    if (this.#blocks.has(key)) return true;
    const block = this.#take(key);
    if (block === undefined) return false;
    void this.#prepare(this.#begin(block, directory, region), block);
    return true;
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
  #begin(block: Block, directory: Directory, region: number): Promise<void> {
    const { key } = block;
    const loaded = async (): Promise<void> => {
      try {
        await this.loader.load(directory, region, block.memory);
        block.unreadBytes = directory.regions[region]?.rawBytes ?? 0;
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
