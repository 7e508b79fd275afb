/**
 * RegionLoader: regions from the disk: read, verified and opened. Regions that lie behind each other are read together, because
 * what a read costs besides its bytes is more than the bytes of a region that compresses well.
 */
import { strict as assert } from 'node:assert';
import { xxh64 } from '#wire';
import { StoreError } from '../../errors.js';
import { damaged, type Directory, regionSeed } from './container.format.js';
import { regionAlignBytes, regionBytesMax, regionsAtOnceMax } from './engine-limits.js';
import { CODEC } from './kernels.js';
import type { Means } from './means.js';
import { plainRegions, type RegionCipher } from './region-cipher.js';
import type { Mirrors } from './mirrors.js';
import type { Packs } from './packs.js';
import { OpenSlip, OUTCOME, slipBytes } from './slips.js';

/** What a region is opened with: the slip, and memory for what was sealed, when it is open (empty when nothing is). */
interface Opener {
  readonly opened: Buffer;
  readonly slip: OpenSlip;
}
/** Memory for what is stored. */
interface Stored {
  readonly memory: Buffer;
  readonly openers: readonly Opener[];
}
interface Shelf {
  readonly regions: number;
  readonly storedMax: number;
  readonly free: Stored[];
  made: number;
}
/** And what sealing adds. */
const storedBytesMax = regionBytesMax + regionAlignBytes;

export class RegionLoader {
  readonly #means: Means;
  readonly #packs: Packs;
  readonly #mirrors: Mirrors;
  readonly #cipher: RegionCipher;
  /** Reads of the disk at a time: each needs memory for what is stored. */
  readonly #single: Shelf = { regions: 1, storedMax: 8, free: [], made: 0 };
  readonly #several: Shelf = { regions: regionsAtOnceMax, storedMax: 3, free: [], made: 0 };
  #waiting: (() => void)[] = [];

  constructor(means: Means, packs: Packs, mirrors: Mirrors, cipher: RegionCipher = plainRegions) {
    this.#means = means;
    this.#packs = packs;
    this.#mirrors = mirrors;
    this.#cipher = cipher;
  }
  /** Regions that `load` may be loading at a time, besides those that are loaded together. */
  static readonly loadsMax = 8;

  /** Into `target`, which holds a whole region. StoreError 'corrupt', 'io'. */
  async load(directory: Directory, number: number, target: Buffer): Promise<void> {
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
    await this.#with(this.#single, async ({ memory, openers: [opener] }) => {
      const source = memory.subarray(0, region.storedBytes + this.#cipher.overheadBytes);
      assert(opener !== undefined);
      const got = region.codec === CODEC.lost ? 0 : await this.#readPack(directory, region.offset, source);
      if (got === source.length && (await this.#isOpened(opener, source, raw, directory, number))) return;
      // Where it fails is told by looking closer; and there may be another copy.
      await this.#readSound(directory, number, source);
      if (!(await this.#isOpened(opener, source, raw, directory, number)))
        throw damaged(directory.id, 'region', { region: number, codec: region.codec });
    });
  }
  /** How many regions from this one on are worth to be read together: those that are compressed, without gaps. */
  together(directory: Directory, first: number, count: number): number {
    let number = first;
    for (; number < first + Math.min(count, regionsAtOnceMax); number++) {
      const region = directory.regions[number];
      if (region === undefined || region.codec === CODEC.none || region.codec === CODEC.lost) break;
    }
    return number - first;
  }
  /** One read for all; promises for each of the targets. What is not sound is read again alone. */
  loadSeveral(directory: Directory, first: number, targets: readonly Buffer[]): Promise<void>[] {
    const read = this.#readSeveral(directory, first, targets.length);
    let left = targets.length;
    return targets.map(async (target, at) => {
      const stored = await read;
      try {
        if (stored === undefined || !(await this.#openPart(stored, directory, first, at, target)))
          await this.load(directory, first + at, target);
      } finally {
        left -= 1;
        if (left === 0 && stored !== undefined) this.#giveBack(this.#several, stored);
      }
    });
  }
  /** Undefined when they cannot be read. */
  async #readSeveral(directory: Directory, first: number, count: number): Promise<Stored | undefined> {
    const stored = await this.#take(this.#several);
    const from = directory.regions[first];
    const last = directory.regions[first + count - 1];
    assert(from !== undefined && last !== undefined);
    const bytes = last.offset + last.storedBytes + this.#cipher.overheadBytes - from.offset;
    if (bytes > 0 && bytes <= stored.memory.length) {
      const got = await this.#readPack(directory, from.offset, stored.memory.subarray(0, bytes));
      if (got === bytes) return stored;
    }
    this.#giveBack(this.#several, stored);
    return undefined;
  }
  /** False when it is not sound. */
  async #openPart(
    { memory, openers }: Stored,
    directory: Directory,
    first: number,
    at: number,
    target: Buffer,
  ): Promise<boolean> {
    const number = first + at;
    const region = directory.regions[number];
    const from = directory.regions[first];
    const opener = openers[at];
    assert(region !== undefined && from !== undefined && opener !== undefined);
    const offset = region.offset - from.offset;
    const bytes = region.storedBytes + this.#cipher.overheadBytes;
    if (offset < 0 || offset + bytes > memory.length) return false; // a head that makes no sense
    const source = memory.subarray(offset, offset + bytes);
    return await this.#isOpened(opener, source, target.subarray(0, region.rawBytes), directory, number);
  }
  /** Verified by its checksum, opened and decompressed, by the crew: while its bytes are at hand there. */
  async #isOpened(
    { slip, opened }: Opener,
    bytes: Buffer,
    target: Buffer,
    directory: Directory,
    number: number,
  ): Promise<boolean> {
    const region = directory.regions[number];
    assert(region !== undefined);
    const { codec, checksum } = region;
    const source = { bytes, codec, container: directory.id, region: number, checksum };
    const key = this.#cipher.keyOf(directory);
    if (key === undefined) slip.ask(source, target);
    else slip.askSealed(source, opened, target, key);
    key?.fill(0);
    await new Promise<void>((resolve) => {
      slip.done = resolve;
      this.#means.crew.run(slip);
    });
    slip.forgetKey();
    return slip.outcome === OUTCOME.done;
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
  async #with(shelf: Shelf, work: (stored: Stored) => Promise<void>): Promise<void> {
    const stored = await this.#take(shelf);
    try {
      await work(stored);
    } finally {
      this.#giveBack(shelf, stored);
    }
  }
  async #take(shelf: Shelf): Promise<Stored> {
    for (;;) {
      const free = shelf.free.pop();
      if (free !== undefined) return free;
      if (shelf.made < shelf.storedMax) {
        shelf.made += 1;
        return this.#make(shelf.regions);
      }
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }
  #giveBack(shelf: Shelf, stored: Stored): void {
    shelf.free.push(stored);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
  #make(regions: number): Stored {
    const { arena } = this.#means;
    const memory = arena.allocate(storedBytesMax * regions);
    const isSealed = this.#cipher.overheadBytes > 0;
    const openers = Array.from({ length: regions }, () => ({
      opened: isSealed ? arena.allocate(regionBytesMax) : memory.subarray(0, 0),
      slip: new OpenSlip(arena.allocate(slipBytes)),
    }));
    return { memory, openers };
  }
}
