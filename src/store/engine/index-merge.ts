/**
 * Merging runs of the index: entries of a range, of those with one fingerprint the newest that is alive. In slices of some
 * thousand entries between reads and writes, so that nobody waits for it.
 */
import type { Clock } from '#env';
import { type HiRange } from './filter.js';
import { entriesPerPage, type IndexRun, isSound, pageBytes, pageHeaderBytes } from './index-run.js';
import type { RunWriter } from './run-writer.js';

const pagesPerRead = 32;
const pageWords = pageBytes / 4;
const headerWords = pageHeaderBytes / 4;
const entryWords = 4;

/** Entries of a merge between two rests; how much longer a rest is than what came before it, which is reckoned with so much at most. */
const restEntries = 16_384;
const restShare = 15;
const stretchMaxMs = 100;

/** MergePace: a merge takes a sixteenth of the time: whoever writes meanwhile hardly knows of it, and it is done long before the next. */
export class MergePace {
  readonly #clock: Clock;
  #entries = 0;
  #sinceMs: number;
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonicMs();
  }
  async rest(entries: number): Promise<void> {
    this.#entries += entries;
    if (this.#entries < restEntries) return;
    this.#entries = 0;
    const stretchMs = Math.min(stretchMaxMs, this.#clock.monotonicMs() - this.#sinceMs);
    await this.#clock.sleep(restShare * stretchMs);
    this.#sinceMs = this.#clock.monotonicMs();
  }
}

/** The entries of a run in a range, one after another. */
class RunCursor {
  /** Of the entry it stands at; Infinity: read on, if there is more. */
  hi = Infinity;
  lo = 0;
  container = 0;
  ordinal = 0;
  readonly #run: IndexRun;
  readonly #range: HiRange;
  readonly #bytes = Buffer.from(new ArrayBuffer(pagesPerRead * pageBytes));
  readonly #words = new Uint32Array(this.#bytes.buffer);
  #page: number;
  #at = 0;
  #end = 0;

  constructor(run: IndexRun, range: HiRange) {
    this.#run = run;
    this.#range = range;
    this.#page = run.firstPageOf(range.first);
  }
  get ended(): boolean {
    return this.hi === Infinity && this.#page >= this.#run.pages;
  }
  /** Reads on, until it stands at an entry or the range ends. */
  async fill(): Promise<void> {
    while (this.hi === Infinity && this.#page < this.#run.pages) {
      const count = Math.min(pagesPerRead, this.#run.pages - this.#page);
      const got = await this.#run.read(this.#bytes.subarray(0, count * pageBytes), this.#page);
      this.#gather(count, got);
      this.#page += count;
      this.#at = -entryWords;
      do this.step();
      while (this.hi < this.#range.first);
    }
  }
  /** Entries of sound pages, behind each other. */
  #gather(pages: number, got: number): void {
    const words = this.#words;
    let end = 0;
    for (let index = 0; index < pages; index++) {
      const page = this.#bytes.subarray(index * pageBytes, Math.min(got, (index + 1) * pageBytes));
      // What is rotten is lost to the index: its chunks are stored once more.
      if (!isSound(page, this.#run.number, this.#page + index)) continue;
      const from = index * pageWords + headerWords;
      const length = Math.min(entriesPerPage, page.readUInt16LE(8)) * entryWords;
      words.copyWithin(end, from, from + length);
      end += length;
    }
    this.#end = end;
  }
  step(): void {
    const at = this.#at + entryWords;
    this.#at = at;
    const hi = at < this.#end ? (this.#words[at] ?? 0) : Infinity;
    if (hi > this.#range.last) {
      if (hi !== Infinity) this.#page = this.#run.pages;
      this.hi = Infinity;
      return;
    }
    this.hi = hi;
    this.lo = this.#words[at + 1] ?? 0;
    this.container = this.#words[at + 2] ?? 0;
    this.ordinal = this.#words[at + 3] ?? 0;
  }
}

/** `goesOn` is asked between slices, with the entries of the last; false when it said no: the writer has a part then. `runs`: newest first. */
export async function mergeRuns(
  runs: readonly IndexRun[],
  range: HiRange,
  writer: RunWriter,
  isAlive: (container: number) => boolean,
  goesOn: (entries: number) => Promise<boolean>,
): Promise<boolean> {
  const merger = new Merger(
    runs.map((run) => new RunCursor(run, range)),
    writer,
    isAlive,
  );
  while (await goesOn(merger.taken())) {
    if (!(await merger.slice())) return true;
  }
  return false;
}

class Merger {
  #cursors: readonly RunCursor[];
  readonly #writer: RunWriter;
  readonly #isAlive: (container: number) => boolean;
  #hi = -1;
  #lo = -1;
  #taken = 0;

  constructor(cursors: readonly RunCursor[], writer: RunWriter, isAlive: (container: number) => boolean) {
    this.#cursors = cursors;
    this.#writer = writer;
    this.#isAlive = isAlive;
  }
  /** Entries since the last call. */
  taken(): number {
    const taken = this.#taken;
    this.#taken = 0;
    return taken;
  }
  /** As far as it goes without the disk, then what the disk must do. False at the end. */
  async slice(): Promise<boolean> {
    for (const cursor of this.#cursors) if (cursor.hi === Infinity) await cursor.fill();
    this.#cursors = this.#cursors.filter(({ ended }) => !ended);
    if (this.#cursors.length === 0) return false;
    if (this.#merge()) await this.#writer.flush();
    return true;
  }
  /** True when the writer must flush; false when a cursor must read. */
  #merge(): boolean {
    const cursors = this.#cursors;
    for (;;) {
      let best = cursors[0] as RunCursor;
      for (let index = 1; index < cursors.length; index++) {
        const other = cursors[index] as RunCursor;
        if (other.hi < best.hi || (other.hi === best.hi && other.lo < best.lo)) best = other;
      }
      const { hi, lo, container, ordinal } = best;
      best.step();
      this.#taken += 1;
      const isNew = (hi !== this.#hi || lo !== this.#lo) && this.#isAlive(container);
      let isFull = false;
      if (isNew) {
        this.#hi = hi;
        this.#lo = lo;
        isFull = this.#writer.add(hi, lo, container, ordinal);
      }
      if (isFull) return true;
      if (best.hi === Infinity) return false;
    }
  }
}
