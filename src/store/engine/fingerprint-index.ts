/**
 * FingerprintIndex: where the chunk with this fingerprint is. Exact, but only a hint: whoever uses an answer compares the
 * fingerprint in the container, and may meet one that is outdated. So nothing here is ever a reason to fail: what cannot be
 * read or written costs reduction only, and all of it can be made again from the containers.
 *
 * Newest first: a table in memory; fresh runs, each over all fingerprints, a few of each size; the body, one run for each
 * range of fingerprints. Whatever the index holds, a new chunk costs a look into a dozen filters, and a merge touches one
 * range at a time.
 *
 *   S1 entries come from containers that are journaled
 */
import type { Disk } from '#env';
import { makeDurableDirectory } from '#env';
import { StoreError } from '../../errors.js';
import { type Directory, fingerprintBytes, KIND } from './container.format.js';
import {
  indexBasePerFresh,
  indexBaseRuns,
  indexFreshRuns,
  indexRunsPerTier,
  mergeReserveBytes,
} from './engine-limits.js';
import { type HiRange, wholeRange } from './filter.js';
import type { RunFile } from './group-state.js';
import { IndexMemory } from './index-memory.js';
import { type MergePace, mergeRuns } from './index-merge.js';
import { entryBytes, IndexRun, type Layer, pageBytes, runPath, runsIn } from './index-run.js';
import { RunWriter } from './run-writer.js';

export interface Found {
  readonly container: number;
  readonly ordinal: number;
}
/** So many times what is due are kept in memory when the disk takes none: older entries are forgotten. */
const overdueMax = 4;
/** The table in memory grows as it fills. */
const slotsAtFirst = 4096;

/** Of fresh runs, and of what is in the body already. */
const newestOf = (runs: readonly IndexRun[]): number =>
  runs.reduce((newest, run) => Math.max(newest, run.layer === 'base' ? run.mergedTo : run.number), 0);
const entriesOf = (runs: readonly IndexRun[]): number => runs.reduce((sum, { entries }) => sum + entries, 0);

export class FingerprintIndex {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #group: bigint;
  readonly #isAlive: (container: number) => boolean;
  /** Entries in memory before they are written as a run. */
  readonly #entriesPerRun: number;
  readonly #pace: MergePace | undefined;
  #memory = new IndexMemory(slotsAtFirst);
  /** What is being written. */
  #frozen: IndexMemory | undefined;
  /** The table that is used next. */
  #spare: IndexMemory | undefined;
  /** Newest first. */
  #fresh: readonly IndexRun[] = [];
  /** By range; together the whole range, or nothing. */
  #base: readonly IndexRun[] = [];
  #lastNumber = 0;
  #failures = 0;
  #stopped = false;
  /** Not listed in a checkpoint any more, but in the last one. */
  #outdated: IndexRun[] = [];
  readonly #pages: Buffer[] = [];

  constructor(
    disk: Disk,
    folder: string,
    group: bigint,
    isAlive: (container: number) => boolean,
    entriesPerRun: number,
    pace?: MergePace,
  ) {
    this.#disk = disk;
    this.#folder = folder;
    this.#group = group;
    this.#isAlive = isAlive;
    this.#entriesPerRun = entriesPerRun;
    this.#pace = pace;
  }
  /** True when all of them were there; none is used when one is missing. */
  async load(runs: readonly RunFile[]): Promise<boolean> {
    const found: IndexRun[] = [];
    for (const { number } of runs) {
      const run = await IndexRun.open(this.#disk, this.#folder, this.#group, number);
      if (run !== undefined) found.push(run);
      this.#lastNumber = Math.max(this.#lastNumber, number);
    }
    for (const number of await runsIn(this.#disk, this.#folder)) {
      this.#lastNumber = Math.max(this.#lastNumber, number);
    }
    if (found.length < runs.length) {
      for (const run of found) await run.close();
      return false;
    }
    this.#fresh = found.filter(({ layer }) => layer === 'fresh');
    this.#base = found.filter(({ layer }) => layer === 'base');
    return true;
  }
  /** Removes files that are not in use. For who knows that no checkpoint names them. */
  async clean(listed: ReadonlySet<number>): Promise<void> {
    for (const number of await runsIn(this.#disk, this.#folder)) {
      if (listed.has(number) || this.#runs.some((run) => run.number === number)) continue;
      await this.#disk.remove(runPath(this.#folder, number));
    }
  }

  get #runs(): readonly IndexRun[] {
    return [...this.#fresh, ...this.#base];
  }
  get runs(): readonly RunFile[] {
    return this.#runs.map(({ number, entries }) => ({ number, entries }));
  }
  get entries(): number {
    return this.#memory.size + (this.#frozen?.size ?? 0) + entriesOf(this.#runs);
  }
  /** On disk; with what only the last checkpoint names still. */
  get bytes(): number {
    let bytes = 0;
    for (const run of this.#runs) bytes += run.bytes;
    for (const run of this.#outdated) bytes += run.bytes;
    return bytes;
  }
  /** Of filters and tables. */
  get memoryBytes(): number {
    let bytes = this.#memory.bytes + (this.#frozen?.bytes ?? 0) + (this.#spare?.bytes ?? 0);
    for (const run of this.#runs) bytes += run.memoryBytes;
    return bytes;
  }
  /** Lowest container with entries that are in memory only. */
  get containerMin(): number {
    return Math.min(this.#memory.containerMin, this.#frozen?.containerMin ?? Infinity);
  }

  publish(directory: Directory): void {
    const { fingerprints, id, kind } = directory;
    if (kind !== KIND.data || fingerprints === undefined) return;
    if (this.#memory.size > overdueMax * this.#entriesPerRun) this.#memory.clear();
    for (let index = 0; index < directory.count; index++) {
      const at = index * fingerprintBytes;
      const hi = fingerprints.readInt32BE(at);
      this.#memory.put(hi, fingerprints.readInt32BE(at + 4), id, directory.ordinals[index] ?? 0);
    }
  }
  /** What memory knows: where it is, that it is nowhere, or that the disk must be asked. */
  peek(digests: Buffer, at: number): Found | 'absent' | 'ask' {
    const hi = digests.readInt32BE(at);
    const lo = digests.readInt32BE(at + 4);
    const container = this.#memory.find(hi, lo);
    if (container !== 0) return { container, ordinal: this.#memory.ordinal };
    const before = this.#frozen?.find(hi, lo) ?? 0;
    if (before !== 0) return { container: before, ordinal: this.#frozen?.ordinal ?? 0 };
    // By place: an iterator would be made for each new chunk.
    for (let at = 0; at < this.#fresh.length; at++)
      if (this.#fresh[at]?.filter.mayHave(hi, lo) === true) return 'ask';
    return this.#baseOf(hi)?.filter.mayHave(hi, lo) === true ? 'ask' : 'absent';
  }
  #baseOf(hi: number): IndexRun | undefined {
    const base = this.#base;
    let low = 0;
    let high = base.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((base[middle]?.range.last ?? 0) < hi >>> 0) low = middle + 1;
      else high = middle;
    }
    return base[low];
  }
  async find(digests: Buffer, at: number): Promise<Found | undefined> {
    const hi = digests.readUInt32BE(at);
    const lo = digests.readUInt32BE(at + 4);
    const base = this.#baseOf(hi);
    const page = this.#pages.pop() ?? Buffer.alloc(pageBytes);
    try {
      for (const run of base === undefined ? this.#fresh : [...this.#fresh, base]) {
        if (!run.filter.mayHave(hi, lo)) continue;
        const found = await run.find(hi, lo, page).catch((cause: unknown) => this.#forgive(cause));
        if (found !== undefined) return found;
      }
    } finally {
      this.#pages.push(page);
    }
    return undefined;
  }
  #forgive(cause: unknown): undefined {
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
  /** Writes what memory holds as a run, if it is time: all that cannot wait. */
  async relieve(): Promise<void> {
    try {
      if (this.due) await this.#flush();
    } catch (cause) {
      this.#forgive(cause);
    }
  }
  /** The same, and merges runs, if it is time. */
  async maintain(): Promise<void> {
    try {
      await this.#freshen(0);
      const fresh = entriesOf(this.#fresh);
      const freshMin = indexFreshRuns * this.#entriesPerRun;
      if (fresh >= Math.max(freshMin, entriesOf(this.#base) / indexBasePerFresh)) await this.#mergeIntoBase();
    } catch (cause) {
      this.#forgive(cause);
    }
  }
  /** Ends a merge at its next slice; nothing is lost by it. */
  stop(): void {
    this.#stopped = true;
  }
  /** `held`: the oldest, which stay as they are. */
  async #freshen(held: number): Promise<void> {
    if (this.due) await this.#flush();
    for (let tier = this.#tier(held); tier !== undefined && !this.#stopped; tier = this.#tier(held)) {
      const merged = await this.#mergeTo(tier, { layer: 'fresh', range: wholeRange });
      if (merged === undefined) return;
      const at = this.#fresh.indexOf(tier[0] as IndexRun);
      this.#fresh = [...this.#fresh.slice(0, at), merged, ...this.#fresh.slice(at + tier.length)];
      this.#outdated.push(...tier);
    }
  }
  async #flush(): Promise<void> {
    const frozen = this.#memory;
    this.#frozen = frozen;
    this.#memory = this.#spare ?? new IndexMemory(slotsAtFirst);
    this.#spare = undefined;
    try {
      const writer = await this.#begin({ layer: 'fresh', range: wholeRange }, frozen.size);
      try {
        const add = writer.add.bind(writer);
        for (const slots of frozen.parts()) {
          for (let at = 0; at < slots.length; at++)
            if (frozen.at((slots[at] ?? 0) | 0, add)) await writer.flush();
        }
        this.#fresh = [await writer.finish(), ...this.#fresh];
      } catch (cause) {
        await writer.abandon();
        throw cause;
      }
    } catch (cause) {
      if (this.#memory.size < this.#entriesPerRun) frozen.copyTo(this.#memory); // where it is found as before
      throw cause;
    } finally {
      frozen.clear();
      // A table that had to grow while the disk was slow is not kept.
      if (frozen.bytes <= IndexMemory.bytesFor(this.#entriesPerRun)) this.#spare = frozen;
      this.#frozen = undefined;
    }
  }
  async #begin(
    what: { readonly layer: Layer; readonly range: HiRange },
    entriesMax: number,
    mergedTo = 0,
  ): Promise<RunWriter> {
    this.#lastNumber += 1;
    await makeDurableDirectory(this.#disk, this.#folder);
    const plan = { ...what, group: this.#group, number: this.#lastNumber, entriesMax, mergedTo };
    return await RunWriter.begin(this.#disk, this.#folder, plan);
  }
  /**
   * Neighbours of about one size that are enough to be merged; the oldest of them, or what was just merged would be merged again with
   * each few of those behind it when many wait.
   */
  #tier(held: number): readonly IndexRun[] | undefined {
    const tierOf = (run: IndexRun): number =>
      Math.floor(Math.log(run.entries / this.#entriesPerRun + 1) / Math.log(indexRunsPerTier));
    for (let from = this.#fresh.length - held - indexRunsPerTier; from >= 0; from--) {
      const some = this.#fresh.slice(from, from + indexRunsPerTier);
      const first = tierOf(some[0] as IndexRun);
      if (some.every((run) => tierOf(run) <= first)) return some;
    }
    return undefined;
  }
  /** Undefined when it was stopped, or when the disk is so full that others need the space more. */
  async #mergeTo(
    inputs: readonly IndexRun[],
    what: { readonly layer: Layer; readonly range: HiRange },
  ): Promise<IndexRun | undefined> {
    const entriesMax = inputs.reduce((sum, run) => sum + run.entriesIn(what.range), 0);
    const freeBytes = await this.#disk.freeBytes(this.#folder);
    if (freeBytes < mergeReserveBytes + 2 * entriesMax * entryBytes) return undefined;
    const mergedTo = what.layer === 'base' ? newestOf(inputs) : 0;
    const writer = await this.#begin(what, entriesMax, mergedTo);
    try {
      // The newest entries do not wait for the merge: memory has room for a few times what is due only.
      const goesOn = async (entries: number): Promise<boolean> => {
        if (this.due) await this.#flush();
        await this.#pace?.rest(entries);
        return !this.#stopped;
      };
      if (await mergeRuns(inputs, what.range, writer, this.#isAlive, goesOn)) return await writer.finish();
    } catch (cause) {
      await writer.abandon();
      throw cause;
    }
    await writer.abandon();
    return undefined;
  }
  /** All fresh runs of now, range by range; not those ranges that have them since a merge that was stopped. */
  async #mergeIntoBase(): Promise<void> {
    const inputs = this.#fresh;
    for (const old of this.#base.length > 0 ? this.#base : [undefined]) {
      const missing = inputs.filter(({ number }) => number > (old?.mergedTo ?? 0));
      if (missing.length === 0) continue;
      const from = old === undefined ? missing : [...missing, old];
      const parts: IndexRun[] = [];
      for (const range of this.#split(from, old?.range ?? wholeRange)) {
        const part = await this.#mergeTo(from, { layer: 'base', range });
        if (part === undefined) {
          for (const made of parts) await made.remove();
          return;
        }
        parts.push(part);
      }
      this.#base = old === undefined ? parts : this.#base.flatMap((run) => (run === old ? parts : [run]));
      if (old !== undefined) this.#outdated.push(old);
      await this.#freshen(inputs.length);
    }
    this.#fresh = this.#fresh.slice(0, this.#fresh.length - inputs.length);
    this.#outdated.push(...inputs);
  }
  /** A range in even parts that are not too large: fingerprints are spread evenly. */
  #split(runs: readonly IndexRun[], range: HiRange): HiRange[] {
    const entries = runs.reduce((sum, run) => sum + run.entriesIn(range), 0);
    const parts = Math.max(1, Math.ceil(entries / (indexBaseRuns * this.#entriesPerRun)));
    const width = Math.ceil((range.last - range.first + 1) / parts);
    return Array.from({ length: parts }, (_, index) => ({
      first: range.first + index * width,
      last: Math.min(range.last, range.first + (index + 1) * width - 1),
    })).filter(({ first, last }) => first <= last);
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
