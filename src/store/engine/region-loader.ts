/**
 * RegionLoader: regions from the disk: read, verified and opened. What the system has in memory is read by the thread that opens it;
 * only what is not there, or not sound, is read here first.
 */
import { strict as assert } from 'node:assert';
import { xxh64 } from '#wire';
import { StoreError } from '../../errors.js';
import { damaged, type Directory, type Region, regionSeed } from './container.format.js';
import { type StoredAt, storedBytesMax } from './at-hand.js';
import { regionBytesMax } from './engine-limits.js';
import { CODEC } from './kernels.js';
import type { Means } from './means.js';
import { plainRegions, type RegionCipher } from './region-cipher.js';
import type { Mirrors } from './mirrors.js';
import type { Packs } from './packs.js';
import { OpenSlip, OUTCOME, slipBytes } from './slips.js';

/** What a region is read and opened with. */
interface Opener {
  readonly stored: Buffer;
  /** For what was sealed, when it is open; empty when nothing is. */
  readonly opened: Buffer;
  readonly slip: OpenSlip;
}

export class RegionLoader {
  readonly #means: Means;
  readonly #packs: Packs;
  readonly #mirrors: Mirrors;
  readonly #cipher: RegionCipher;
  readonly #openers: Opener[] = [];
  #openersMade = 0;
  #waiting: (() => void)[] = [];
  /** Of regions that the crew reads itself. */
  readonly #slips: OpenSlip[] = [];
  #isCrewReading: boolean;

  constructor(means: Means, packs: Packs, mirrors: Mirrors, cipher: RegionCipher = plainRegions) {
    this.#means = means;
    this.#packs = packs;
    this.#mirrors = mirrors;
    this.#cipher = cipher;
    this.#isCrewReading = means.crew.isBeside;
  }
  /** Regions that are read here at a time: each needs memory. */
  static readonly loadsMax = 8;

  /**
   * Into `target`, which holds a whole region: at least its first `enough` bytes. How many of them there are. StoreError 'corrupt', 'io'.
   */
  async load(directory: Directory, number: number, target: Buffer, enough: number): Promise<number> {
    const region = directory.regions[number];
    assert(region !== undefined);
    const raw = target.subarray(0, region.rawBytes);
    const isRaw = region.codec === CODEC.none;
    if (isRaw && region.storedBytes !== region.rawBytes)
      throw damaged(directory.id, 'head', { region: number });
    if (region.codec !== CODEC.lost && (await this.#loadAtHand(directory, number, region, raw, enough)))
      return region.codec === CODEC.lz4 ? enough : raw.length;
    if (isRaw && this.#cipher.overheadBytes === 0) {
      await this.#readSound(directory, number, raw);
      return raw.length;
    }
    const opener = await this.#takeOpener();
    try {
      await this.#loadSlowly(opener, directory, number, region, raw);
      return raw.length;
    } finally {
      this.#giveBack(opener);
    }
  }
  async #loadSlowly(
    opener: Opener,
    directory: Directory,
    number: number,
    region: Region,
    target: Buffer,
  ): Promise<void> {
    const source = opener.stored.subarray(0, region.storedBytes + this.#cipher.overheadBytes);
    const { slip, opened } = opener;
    const isOpened = async (): Promise<boolean> => {
      const at = { bytes: source, opened };
      return (await this.#outcomeOf(slip, directory, number, region, at, target)) === OUTCOME.done;
    };
    const got = region.codec === CODEC.lost ? 0 : await this.#readPack(directory, region.offset, source);
    if (got === source.length && (await isOpened())) return;
    // Where it fails is told by looking closer; and there may be another copy.
    await this.#readSound(directory, number, source);
    if (!(await isOpened())) throw damaged(directory.id, 'region', { region: number, codec: region.codec });
  }
  /** False when it is not at hand, or not sound: then it is read from the disk. */
  async #loadAtHand(
    directory: Directory,
    number: number,
    region: Region,
    target: Buffer,
    enough: number,
  ): Promise<boolean> {
    const loan = this.#isCrewReading ? this.#packs.lend(directory.place, region.offset) : undefined;
    if (loan === undefined) return false;
    const slip = this.#slips.pop() ?? new OpenSlip(this.#means.arena.allocate(slipBytes));
    const { descriptor, offset } = loan;
    const at = { descriptor, offset, length: region.storedBytes + this.#cipher.overheadBytes, enough };
    const outcome = await this.#outcomeOf(slip, directory, number, region, at, target);
    loan.return();
    this.#slips.push(slip);
    if (outcome === OUTCOME.refused) this.#isCrewReading = false;
    return outcome === OUTCOME.done;
  }
  /** Verified by its checksum, opened and decompressed, by the crew: while its bytes are at hand there. */
  async #outcomeOf(
    slip: OpenSlip,
    directory: Directory,
    number: number,
    { codec, checksum }: Region,
    at: StoredAt,
    target: Buffer,
  ): Promise<number> {
    const key = this.#cipher.keyOf(directory);
    slip.ask({ codec, container: directory.id, region: number, checksum, key }, at, target);
    key?.fill(0);
    await new Promise<void>((resolve) => {
      slip.done = resolve;
      this.#means.crew.run(slip);
    });
    slip.forgetKey();
    return slip.outcome;
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
  async #takeOpener(): Promise<Opener> {
    for (;;) {
      const opener = this.#openers.pop() ?? this.#makeOpener();
      if (opener !== undefined) return opener;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }
  #giveBack(opener: Opener): void {
    this.#openers.push(opener);
    this.#waiting.shift()?.();
  }
  #makeOpener(): Opener | undefined {
    if (this.#openersMade === RegionLoader.loadsMax) return undefined;
    this.#openersMade += 1;
    const { arena } = this.#means;
    const stored = arena.allocate(storedBytesMax);
    const opened = this.#cipher.overheadBytes > 0 ? arena.allocate(regionBytesMax) : stored.subarray(0, 0);
    return { stored, opened, slip: new OpenSlip(arena.allocate(slipBytes)) };
  }
}
