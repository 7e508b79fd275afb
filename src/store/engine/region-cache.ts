/**
 * RegionCache: regions of containers, read, verified and opened, in a fixed number of blocks; the longest unused goes first.
 * A block is pinned while somebody copies out of it.
 */
import { strict as assert } from 'node:assert';
import { xxh64 } from '#wire';
import { StoreError } from '../../errors.js';
import { type Directory, regionSeed } from './container.format.js';
import { containerRegionsMax, regionAlignBytes, regionBytesMax } from './engine-limits.js';
import { CODEC } from './kernels.js';
import type { Means } from './means.js';
import { damaged } from './open-container.js';
import { plainRegions, type RegionCipher } from './region-cipher.js';
import type { Mirrors } from './mirrors.js';
import type { Packs } from './packs.js';
import { OpenSlip, OUTCOME, slipBytes } from './slips.js';

export interface Block {
  readonly memory: Buffer;
  key: number;
  pins: number;
  loading: Promise<void> | undefined;
}
/** Memory for what is stored of a region, and the slip to have it opened with. */
interface Stored {
  readonly memory: Buffer;
  /** For what was sealed, when it is open; empty when nothing is. */
  readonly opened: Buffer;
  readonly slip: OpenSlip;
}
/** Regions that are being read from the disk at a time: each needs memory for what is stored. */
const readsMax = 8;
const noKey = -1;
/** Below 2^53: container 32 bits, region 6, generation as much as is left. */
function keyOf({ id, generation }: Directory, region: number): number {
  assert(region < containerRegionsMax);
  return (id * containerRegionsMax + region) * 32_768 + (generation % 32_768);
}

export class RegionCache {
  readonly #means: Means;
  readonly #packs: Packs;
  readonly #mirrors: Mirrors;
  readonly #blocksMax: number;
  readonly #cipher: RegionCipher;
  readonly #blocks = new Map<number, Block>();
  readonly #free: Block[] = [];
  readonly #stored: Stored[] = [];
  #made = 0;
  #storedMade = 0;
  /** Pins of those who give back late. */
  #lent = 0;
  #waiting: (() => void)[] = [];

  constructor(
    means: Means,
    packs: Packs,
    mirrors: Mirrors,
    blocksMax: number,
    cipher: RegionCipher = plainRegions,
  ) {
    assert(blocksMax >= 2 * readsMax);
    this.#means = means;
    this.#packs = packs;
    this.#mirrors = mirrors;
    this.#blocksMax = blocksMax;
    this.#cipher = cipher;
  }
  /** Pinned, if it is at hand. */
  peek(directory: Directory, region: number): Block | undefined {
    const key = keyOf(directory, region);
    const block = this.#blocks.get(key);
    if (block === undefined || block.loading !== undefined) return undefined;
    this.#blocks.delete(key);
    this.#blocks.set(key, block);
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
    if (block.key === noKey) this.#free.push(block); // loading it has failed: the last who waited for it
    this.#wake();
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
    const block = this.#take(key) ?? (await this.#takeSoon(key));
    if (block === undefined) return await this.get(directory, region); // another has begun to load it meanwhile
    block.loading = this.#load(block.memory, directory, region).finally(() => {
      block.loading = undefined;
    });
    try {
      await block.loading;
      return block;
    } catch (error) {
      if (this.#blocks.get(key) === block) this.#blocks.delete(key);
      block.key = noKey;
      this.unpin(block);
      throw error;
    }
  }
  #take(key: number): Block | undefined {
    const block = this.#free.pop() ?? this.#make() ?? this.#evicted();
    if (block === undefined) return undefined;
    block.key = key;
    block.pins = 1;
    this.#blocks.set(key, block);
    return block;
  }
  async #takeSoon(key: number): Promise<Block | undefined> {
    for (;;) {
      await this.#change();
      if (this.#blocks.has(key)) return undefined;
      const block = this.#take(key);
      if (block !== undefined) return block;
    }
  }
  #make(): Block | undefined {
    if (this.#made === this.#blocksMax) return undefined;
    this.#made += 1;
    return { memory: this.#means.arena.allocate(regionBytesMax), key: noKey, pins: 0, loading: undefined };
  }
  #evicted(): Block | undefined {
    for (const [key, block] of this.#blocks) {
      if (block.pins > 0 || block.loading !== undefined) continue;
      this.#blocks.delete(key);
      return block;
    }
    return undefined;
  }

  async #load(target: Buffer, directory: Directory, number: number): Promise<void> {
    const region = directory.regions[number];
    assert(region !== undefined);
    const raw = target.subarray(0, region.rawBytes);
    const isRaw = region.codec === CODEC.none;
    if (isRaw && region.storedBytes !== region.rawBytes)
      throw damaged(directory.id, 'head', { region: number });
    if (isRaw && this.#cipher.overheadBytes === 0) {
      await this.#readSound(directory, number, raw);
      return;
    }
    const stored = await this.#takeStored();
    try {
      const source = stored.memory.subarray(0, region.storedBytes + this.#cipher.overheadBytes);
      await this.#readSound(directory, number, source);
      await this.#open(stored, source, raw, region.codec, directory, number);
    } finally {
      this.#stored.push(stored);
      this.#wake();
    }
  }
  async #open(
    { slip, opened }: Stored,
    source: Buffer,
    target: Buffer,
    codec: number,
    directory: Directory,
    number: number,
  ): Promise<void> {
    const key = this.#cipher.keyOf(directory);
    if (key === undefined) slip.ask(source, target, codec);
    else slip.askSealed(source, opened, target, codec, directory.id, number, key);
    key?.fill(0);
    await new Promise<void>((resolve) => {
      slip.done = resolve;
      this.#means.crew.run(slip);
    });
    slip.forgetKey();
    if (slip.outcome !== OUTCOME.done) throw damaged(directory.id, 'region', { region: number, codec });
  }
  /** A region as it was compressed, read from the disk, verified and opened. */
  async readStored(directory: Directory, number: number, target: Buffer): Promise<void> {
    const { overheadBytes } = this.#cipher;
    const stored = overheadBytes === 0 ? target : Buffer.alloc(target.length + overheadBytes);
    await this.#readSound(directory, number, stored);
    if (!this.#cipher.open(directory, number, stored, target))
      throw damaged(directory.id, 'region', { region: number, ...directory.place });
  }
  /** What lies on the disk, its checksum verified. */
  async #readSound(directory: Directory, number: number, stored: Buffer): Promise<void> {
    const region = directory.regions[number];
    assert(region !== undefined && stored.length === region.storedBytes + this.#cipher.overheadBytes);
    if (region.codec === CODEC.lost)
      throw damaged(directory.id, 'region', { region: number, ...directory.place });
    const isSound = (got: number): boolean =>
      got === stored.length && xxh64(stored, regionSeed(directory.id, number)) === region.checksum;
    const got = await this.#readPack(directory, region.offset, stored);
    if (typeof got === 'number' && isSound(got)) return;
    if (isSound(await this.#mirrors.read(directory, region.offset, stored))) return;
    throw typeof got === 'number'
      ? damaged(directory.id, 'region', { region: number, ...directory.place })
      : got;
  }
  /** How much was read, or why nothing was: a second copy may do. */
  async #readPack(directory: Directory, offset: number, target: Buffer): Promise<number | StoreError> {
    try {
      return await this.#packs.read(directory.place, offset, target);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      return cause.code === 'missing' ? 0 : cause; // the pack is gone
    }
  }
  async #takeStored(): Promise<Stored> {
    for (;;) {
      const free = this.#stored.pop();
      if (free !== undefined) return free;
      if (this.#storedMade < readsMax) {
        this.#storedMade += 1;
        const { arena } = this.#means;
        // And what sealing adds.
        const memory = arena.allocate(regionBytesMax + regionAlignBytes);
        const opened =
          this.#cipher.overheadBytes === 0 ? memory.subarray(0, 0) : arena.allocate(regionBytesMax);
        return { memory, opened, slip: new OpenSlip(arena.allocate(slipBytes)) };
      }
      await this.#change();
    }
  }
}
