/** StreamReader: bytes of a stream, out of containers and out of what is on its way there; and looking ahead of whoever reads forward. */
import type { Slab } from '#wire';
import { StoreError } from '../../errors.js';
import { type Filler, SlabFiller } from './chunk-reader.js';
import { LendingFiller } from './lending.js';
import { ReadPlan } from './read-plan.js';
import type { PieceRuns, Recipe, Run } from './recipe.js';
import { located, type StreamHost } from './stream-host.js';

/** Loaded ahead of a reader: as much as an initiator asks for at a time. */
const aheadBytes = 2 * 1024 * 1024;
/** What will be wanted of regions that are loaded is known so much further: seldom is more of them wanted then. */
const plannedBytes = 4 * 1024 * 1024;
/** Longer reads are copied: they would pin too much of the cache. */
const lentBytesMax = 1024 * 1024;

export class StreamReader {
  readonly #name: string;
  readonly #host: StreamHost;
  readonly #recipe: Recipe;
  readonly #heldAt: (offset: number, to: number, filler: Filler) => void;
  #nextOffset = -1;
  /** Up to here it is loaded, or is being. */
  #aheadOffset = 0;
  #isLooking = false;
  readonly #plan = new ReadPlan();
  /** The run that was read last; of the recipe as it was when it had been cut so often. */
  #run: Run | undefined;
  #runCuts = 0;
  /** Pieces that were looked up, the latest first: two, as what is planned may be further on than what is loaded. Of the recipe, likewise. */
  #found: PieceRuns[] = [];
  #foundCuts = 0;

  /** `heldAt`: bytes behind the recipe, into the filler. */
  constructor(
    name: string,
    host: StreamHost,
    recipe: Recipe,
    heldAt: (offset: number, to: number, filler: Filler) => void,
  ) {
    this.#name = name;
    this.#host = host;
    this.#recipe = recipe;
    this.#heldAt = heldAt;
  }
  /** The range lies inside. */
  async read(offset: number, length: number): Promise<Slab> {
    const forward = offset === this.#nextOffset;
    this.#nextOffset = offset + length;
    const slab = (await this.#lent(offset, length)) ?? (await this.#copied(offset, length));
    if (forward) this.#ahead(offset + length);
    return slab;
  }
  async #lent(offset: number, length: number): Promise<Slab | undefined> {
    const { regions } = this.#host.engine.containers;
    if (length > lentBytesMax || offset + length > this.#recipe.bytes) return undefined;
    const filler = new LendingFiller(regions);
    try {
      await this.#fill(offset, length, filler);
    } catch (error) {
      filler.release();
      throw error;
    }
    if (!filler.isRefused) return filler.slab();
    filler.release();
    return undefined;
  }
  async #copied(offset: number, length: number): Promise<Slab> {
    const slab = await this.#host.engine.reads.takeSoon(length);
    try {
      await this.#fill(offset, length, new SlabFiller(slab));
    } catch (error) {
      slab.release();
      throw error;
    }
    return slab;
  }
  async #fill(offset: number, length: number, filler: Filler): Promise<void> {
    const end = offset + length;
    while (filler.filled < length) {
      this.#fillAtHand(offset, end, filler);
      if (filler.filled < length) await this.#fillSome(offset, end, filler);
    }
  }
  /** As much as need not be waited for: that is most of what is read forward, and waiting costs more than it. */
  #fillAtHand(begin: number, end: number, filler: Filler): void {
    const { engine, refusal } = this.#host;
    if (refusal !== undefined) throw refusal;
    for (let at = begin + filler.filled; at < end; at = begin + filler.filled) {
      if (at >= this.#recipe.bytes) {
        this.#heldAt(at, end, filler);
        continue;
      }
      const run = this.#runAtHand(at);
      if (run === undefined) return;
      const to = Math.min(end, run.to);
      try {
        if (engine.chunks.copyAtHand(run, at, to, filler) < to) return;
      } catch (cause) {
        throw located(cause, this.#host, this.#name, begin + filler.filled);
      }
    }
  }
  async #fillSome(begin: number, end: number, filler: Filler): Promise<void> {
    const { engine } = this.#host;
    const at = begin + filler.filled;
    const { cuts } = this.#recipe;
    const run = this.#runAtHand(at) ?? (await engine.runIn(this.#recipe, at));
    this.#keep(run, cuts);
    if (this.#host.refusal !== undefined) throw this.#host.refusal;
    try {
      await engine.chunks.copyRun(run, at, Math.min(end, run.to), filler);
    } catch (cause) {
      throw located(cause, this.#host, this.#name, begin + filler.filled);
    }
  }
  #runAtHand(at: number): Run | undefined {
    const run = this.#run;
    const { runs, cuts } = this.#recipe;
    if (run !== undefined && this.#runCuts === cuts && at >= run.from && at < run.to) return run;
    const other = at >= runs.from ? runs.at(runs.indexAt(at)) : this.#foundRun(at);
    return other && this.#keep(other, cuts);
  }
  #foundRun(at: number): Run | undefined {
    if (this.#foundCuts !== this.#recipe.cuts) return undefined;
    return this.#found.find((runs) => runs.has(at))?.at(at);
  }
  #keep(run: Run, cuts: number): Run {
    this.#run = run;
    this.#runCuts = cuts;
    return run;
  }
  willRead(offset: number): void {
    this.#nextOffset = offset;
    this.#ahead(offset);
  }
  /** What was there is not there any more. */
  forget(): void {
    this.#nextOffset = -1;
    this.#aheadOffset = 0;
    this.#plan.restart(0);
  }
  #ahead(offset: number): void {
    // Somewhere else than we looked: it begins there anew.
    if (this.#aheadOffset < offset || this.#aheadOffset > offset + 2 * aheadBytes) {
      this.#aheadOffset = offset;
      this.#plan.restart(offset);
    }
    if (!this.#isLooking) this.#lookAhead();
  }
  /** False when something is not at hand for it. */
  #planAhead(): boolean {
    const { engine } = this.#host;
    const plan = this.#plan;
    if (plan.until < this.#aheadOffset) plan.restart(this.#aheadOffset);
    if (this.#nextOffset < 0) return true;
    const to = Math.min(this.#nextOffset + aheadBytes + plannedBytes, this.#recipe.bytes);
    while (plan.until < to) {
      const run = this.#runAhead(plan.until);
      const isHeld = run !== undefined && engine.containers.openOf(run.container) !== undefined;
      const end = isHeld ? run.to : run && engine.chunks.plan(run, plan.until, to, plan);
      if (end === undefined) return false;
      plan.until = end;
    }
    return true;
  }
  #lookAhead(): void {
    const { engine } = this.#host;
    const isPlanned = this.#planAhead();
    while (this.#nextOffset >= 0 && this.#host.refusal === undefined) {
      const from = this.#aheadOffset;
      const to = Math.min(this.#nextOffset + aheadBytes, this.#recipe.bytes);
      if (from >= to) {
        if (!isPlanned) this.#look(this.#plan.until);
        return;
      }
      const run = this.#runAhead(from);
      const isHeld = run !== undefined && engine.containers.openOf(run.container) !== undefined;
      const end = isHeld ? run.to : run && engine.chunks.prepare(run, from, to, this.#plan);
      if (end === from) return; // no room: who reads on tries again
      if (end === undefined) {
        this.#look(from);
        return;
      }
      this.#aheadOffset = end;
    }
  }
  #look(offset: number): void {
    this.#isLooking = true;
    void this.#find(offset);
  }
  #runAhead(offset: number): Run | undefined {
    const { runs } = this.#recipe;
    return offset >= runs.from ? runs.at(runs.indexAt(offset)) : this.#foundRun(offset);
  }
  async #lookUp(offset: number): Promise<Run> {
    const { cuts, pieces } = this.#recipe;
    const found = await this.#host.engine.runsAt(pieces, offset);
    this.#found = this.#foundCuts === cuts ? [found, ...this.#found.slice(0, 1)] : [found];
    this.#foundCuts = cuts;
    return found.at(offset);
  }
  /** What is not at hand of the recipe and of directories. */
  async #find(offset: number): Promise<void> {
    const { engine } = this.#host;
    try {
      const run = this.#runAhead(offset) ?? (await this.#lookUp(offset));
      if (engine.containers.openOf(run.container) === undefined)
        await engine.containers.loadDirectory(run.container);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause; // else whoever reads it is told
      return;
    } finally {
      this.#isLooking = false;
    }
    this.#lookAhead();
  }
}
