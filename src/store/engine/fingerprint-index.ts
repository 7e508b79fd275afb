/**
 * FingerprintIndex: where the chunk with this fingerprint is. Exact, but only a hint: whoever uses an answer compares the
 * fingerprint in the container, and may meet one that is outdated. So nothing here is ever a reason to fail: what cannot be
 * read or written costs reduction only, and all of it can be made again from the containers.
 *
 *   S1 entries come from containers that are journaled
 */
import type { Disk } from '#env';
import { makeDurableDirectory } from '#env';
import { StoreError } from '../../errors.js';
import { type Directory, fingerprintBytes, KIND } from './container.format.js';
import { indexRunsPerTier } from './engine-limits.js';
import type { RunFile } from './group-state.js';
import { IndexMemory } from './index-memory.js';
import { type IndexEntry, IndexRun, runsIn, RunWriter } from './index-run.js';

export interface Found {
  readonly container: number;
  readonly ordinal: number;
}
/** It grows as it fills. */
const slotsAtFirst = 4096;
/** Entries of a merge between two looks at what else is to do. */
const mergeStep = 16_384;

export class FingerprintIndex {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #group: bigint;
  readonly #isAlive: (container: number) => boolean;
  /** Entries in memory before they are written as a run. */
  readonly #entriesPerRun: number;
  /** When the disk takes none: older ones are forgotten. */
  readonly #memoryMax: number;
  #memory = new IndexMemory(slotsAtFirst);
  /** What is being written. */
  #frozen: IndexMemory | undefined;
  /** Newest first. */
  #runs: readonly IndexRun[] = [];
  #lastNumber = 0;
  #failures = 0;
  /** Not listed in a checkpoint any more, but in the last one. */
  #outdated: IndexRun[] = [];

  constructor(
    disk: Disk,
    folder: string,
    group: bigint,
    isAlive: (container: number) => boolean,
    entriesPerRun: number,
  ) {
    this.#disk = disk;
    this.#folder = folder;
    this.#group = group;
    this.#isAlive = isAlive;
    this.#entriesPerRun = entriesPerRun;
    this.#memoryMax = 4 * entriesPerRun;
  }
  /** True when all of them were there. Files that are none of them are removed. */
  async load(runs: readonly RunFile[]): Promise<boolean> {
    const found: IndexRun[] = [];
    for (const { number } of runs) {
      const run = await IndexRun.open(this.#disk, this.#folder, this.#group, number);
      if (run !== undefined) found.push(run);
      this.#lastNumber = Math.max(this.#lastNumber, number);
    }
    this.#runs = found;
    for (const number of await runsIn(this.#disk, this.#folder)) {
      this.#lastNumber = Math.max(this.#lastNumber, number);
    }
    return found.length === runs.length;
  }
  /** Removes files that are not in use. For who knows that no checkpoint names them. */
  async clean(listed: ReadonlySet<number>): Promise<void> {
    for (const number of await runsIn(this.#disk, this.#folder)) {
      if (listed.has(number) || this.#runs.some((run) => run.number === number)) continue;
      await this.#disk.remove(`${this.#folder}/${number.toString(10).padStart(9, '0')}.run`);
    }
  }

  get runs(): readonly RunFile[] {
    return this.#runs.map(({ number, entries }) => ({ number, entries }));
  }
  get entries(): number {
    let entries = this.#memory.size + (this.#frozen?.size ?? 0);
    for (const run of this.#runs) entries += run.entries;
    return entries;
  }
  get bytes(): number {
    let bytes = 0;
    for (const run of this.#runs) bytes += run.bytes;
    return bytes;
  }
  /** Of filters and tables. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const run of this.#runs) bytes += run.filter.words.byteLength + run.pages * 4;
    return bytes;
  }
  /** Lowest container with entries that are in memory only. */
  get containerMin(): number {
    return Math.min(this.#memory.containerMin, this.#frozen?.containerMin ?? Infinity);
  }

  publish(directory: Directory): void {
    const { fingerprints, id, kind } = directory;
    if (kind !== KIND.data || fingerprints === undefined) return;
    if (this.#memory.size > this.#memoryMax) this.#memory.clear();
    for (let index = 0; index < directory.count; index++) {
      const at = index * fingerprintBytes;
      const hi = fingerprints.readUInt32BE(at);
      this.#memory.put(hi, fingerprints.readUInt32BE(at + 4), id, directory.ordinals[index] ?? 0);
    }
  }
  /** What memory knows: where it is, that it is nowhere, or that the disk must be asked. */
  peek(digests: Buffer, at: number): Found | 'absent' | 'ask' {
    const hi = digests.readUInt32BE(at);
    const lo = digests.readUInt32BE(at + 4);
    for (const memory of [this.#memory, this.#frozen]) {
      const container = memory?.find(hi, lo) ?? 0;
      if (container !== 0) return { container, ordinal: memory?.ordinal ?? 0 };
    }
    for (const run of this.#runs) if (run.filter.mayHave(hi, lo)) return 'ask';
    return 'absent';
  }
  async find(digests: Buffer, at: number): Promise<Found | undefined> {
    const hi = digests.readUInt32BE(at);
    const lo = digests.readUInt32BE(at + 4);
    for (const run of this.#runs) {
      if (!run.filter.mayHave(hi, lo)) continue;
      try {
        const found = await run.find(hi, lo);
        if (found !== undefined) return found;
      } catch (cause) {
        this.#forgive(cause);
      }
    }
    return undefined;
  }
  #forgive(cause: unknown): void {
    if (!(cause instanceof StoreError)) throw cause;
    this.#failures += 1;
  }
  /** Reads and writes that failed. */
  get failures(): number {
    return this.#failures;
  }

  // --- maintenance: one call at a time

  get due(): boolean {
    return this.#memory.size >= this.#entriesPerRun;
  }
  /** Writes what memory holds as a run and merges runs of one size, if it is time. */
  async maintain(): Promise<void> {
    try {
      if (this.due) await this.#flush();
      for (let tier = this.#tier(); tier !== undefined; tier = this.#tier()) await this.#merge(tier);
    } catch (cause) {
      this.#forgive(cause);
    }
  }
  async #flush(): Promise<void> {
    const frozen = this.#memory;
    this.#frozen = frozen;
    this.#memory = new IndexMemory(slotsAtFirst);
    try {
      const writer = await this.#begin(frozen.size);
      try {
        for (const entry of frozen.sorted()) if (writer.add(entry)) await writer.flush();
        this.#runs = [await writer.finish(), ...this.#runs];
      } catch (cause) {
        await writer.abandon();
        throw cause;
      }
    } catch (cause) {
      // Back into memory, where it is found as before.
      for (const { hi, lo, container, ordinal } of frozen.sorted()) {
        if (this.#memory.size < this.#memoryMax) this.#memory.put(hi, lo, container, ordinal);
      }
      throw cause;
    } finally {
      this.#frozen = undefined;
    }
  }
  async #begin(entriesMax: number): Promise<RunWriter> {
    this.#lastNumber += 1;
    await makeDurableDirectory(this.#disk, this.#folder);
    return await RunWriter.begin(this.#disk, this.#folder, this.#group, this.#lastNumber, entriesMax);
  }
  /** Neighbours of about one size that are enough to be merged. */
  #tier(): readonly IndexRun[] | undefined {
    const tierOf = (run: IndexRun): number =>
      Math.floor(Math.log(run.entries / this.#entriesPerRun + 1) / Math.log(4));
    for (let from = 0; from + indexRunsPerTier <= this.#runs.length; from++) {
      const some = this.#runs.slice(from, from + indexRunsPerTier);
      const first = tierOf(some[0] as IndexRun);
      if (some.every((run) => tierOf(run) <= first)) return some;
    }
    return undefined;
  }
  async #merge(inputs: readonly IndexRun[]): Promise<void> {
    const writer = await this.#begin(inputs.reduce((sum, { entries }) => sum + entries, 0));
    let merged: IndexRun;
    try {
      let steps = 0;
      for await (const entry of mergedEntries(inputs, this.#isAlive)) {
        if (writer.add(entry)) await writer.flush();
        steps += 1;
        if (steps % mergeStep === 0) await Promise.resolve();
      }
      merged = await writer.finish();
    } catch (cause) {
      await writer.abandon();
      throw cause;
    }
    const at = this.#runs.indexOf(inputs[0] as IndexRun);
    this.#runs = [...this.#runs.slice(0, at), merged, ...this.#runs.slice(at + inputs.length)];
    this.#outdated.push(...inputs);
  }
  /** A checkpoint that names the runs of now is durable: what it does not name can go, but for those in `keep`. */
  async checkpointed(keep: ReadonlySet<number>): Promise<void> {
    const gone = this.#outdated.filter(({ number }) => !keep.has(number));
    this.#outdated = this.#outdated.filter(({ number }) => keep.has(number));
    for (const run of gone) await run.remove();
  }
  async close(): Promise<void> {
    for (const run of [...this.#runs, ...this.#outdated]) await run.close();
  }
}

/** Entries of all runs by `hi`; of those with one fingerprint the newest. */
async function* mergedEntries(
  runs: readonly IndexRun[],
  isAlive: (container: number) => boolean,
): AsyncIterable<IndexEntry> {
  const cursors = runs.map((run) => run.all()[Symbol.asyncIterator]());
  const heads = await Promise.all(cursors.map(async (cursor) => await next(cursor)));
  for (;;) {
    let hi = Infinity;
    for (const head of heads) if (head !== undefined && head.hi < hi) hi = head.hi;
    if (hi === Infinity) return;
    const seen = new Set<number>();
    for (const [index, cursor] of cursors.entries()) {
      for (let head = heads[index]; head?.hi === hi; head = heads[index]) {
        if (!seen.has(head.lo)) {
          seen.add(head.lo);
          if (isAlive(head.container)) yield head;
        }
        heads[index] = await next(cursor);
      }
    }
  }
}
async function next(cursor: AsyncIterator<IndexEntry>): Promise<IndexEntry | undefined> {
  const { done, value } = await cursor.next();
  return done === true ? undefined : value;
}
