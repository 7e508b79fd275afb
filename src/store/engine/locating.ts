/** Locating: which bytes of which streams lie in chunks that are lost. */
import type { DamagedRange } from '../store.js';
import type { Directory } from './container.format.js';
import type { Engine } from './engine.js';
import type { Lost } from './facts.js';
import type { VolumeEntry } from './group-state.js';
import type { Pacer } from './pacer.js';
import type { Piece, Recipe, Run, Runs } from './recipe.js';
import { isUnreadable } from './unreadable.js';
import { decodePiece, type VolumeState } from './volume-state.js';

export interface Located {
  readonly ranges: readonly DamagedRange[];
  readonly moreRanges: boolean;
  readonly volumes: readonly string[];
}
export const rangesMax = 100_000;

export async function locate(
  engine: Engine,
  entries: readonly VolumeEntry[],
  pacer: Pacer,
): Promise<Located> {
  const search = new Search(engine, pacer);
  const volumes: string[] = [];
  if (engine.quarantine.all.size > 0 || entries.length === 1) {
    for (const entry of entries) {
      try {
        await search.ofState(entry.id, (await engine.peekState(entry)).copy());
      } catch (cause) {
        if (!isUnreadable(cause)) throw cause;
        volumes.push(entry.id);
      }
    }
  }
  const { ranges } = search;
  return { ranges: ranges.slice(0, rangesMax), moreRanges: ranges.length > rangesMax, volumes };
}

export class Search {
  readonly ranges: DamagedRange[] = [];
  readonly #engine: Engine;
  readonly #pacer: Pacer;
  constructor(engine: Engine, pacer: Pacer) {
    this.#engine = engine;
    this.#pacer = pacer;
  }
  get #done(): boolean {
    return this.ranges.length > rangesMax;
  }
  /** Neighbours become one. */
  #add(volume: string, stream: string, offset: number, bytes: number): void {
    const last = this.ranges.at(-1);
    if (last?.volume === volume && last.stream === stream && last.offset + last.bytes === offset) {
      this.ranges[this.ranges.length - 1] = { ...last, bytes: last.bytes + bytes };
    } else this.ranges.push({ volume, stream, offset, bytes });
  }

  async ofState(volume: string, { streams }: VolumeState): Promise<void> {
    for (const [stream, one] of streams) {
      if (one.kind === 'data') await this.#ofRecipe(volume, stream, one.recipe);
      else this.#ofEntries(volume, stream, one.log.pieces);
    }
  }
  #ofEntries(volume: string, stream: string, pieces: readonly Piece[]): void {
    let begins = 0;
    for (const { container, ordinal, end } of pieces) {
      if (this.#engine.quarantine.has(container, ordinal)) this.#add(volume, stream, begins, end - begins);
      begins = end;
    }
  }
  async #ofRecipe(volume: string, stream: string, { pieces, runs }: Recipe): Promise<void> {
    let begins = 0;
    for (const piece of pieces) {
      if (this.#done) return;
      await this.#pacer.breathe();
      const stored = await this.#runsOf(piece, begins);
      if (stored === undefined) this.#add(volume, stream, begins, piece.end - begins);
      else await this.#ofRuns(volume, stream, stored, piece.end);
      begins = piece.end;
    }
    await this.#ofRuns(volume, stream, runs, runs.end);
  }
  async #runsOf(piece: Piece, begins: number): Promise<Runs | undefined> {
    try {
      return decodePiece(await this.#engine.pieceBytes(piece), begins, 'A piece of a recipe');
    } catch (cause) {
      if (isUnreadable(cause)) return undefined;
      throw cause;
    }
  }
  async #ofRuns(volume: string, stream: string, runs: Runs, end: number): Promise<void> {
    const { quarantine, state } = this.#engine;
    for (let index = 0; index < runs.length && !this.#done; index++) {
      const run = runs.at(index);
      if (run.from >= end) return;
      const to = Math.min(run.to, end);
      const lost = state.containers.has(run.container) ? quarantine.all.get(run.container) : 'all';
      if (lost === undefined) continue;
      await this.#pacer.breathe();
      await this.#ofRun(volume, stream, { ...run, to }, lost);
    }
  }
  async #ofRun(volume: string, stream: string, run: Run, lost: Lost): Promise<void> {
    const directory = lost === 'all' ? undefined : await this.#directory(run.container);
    if (directory === undefined || lost === 'all') {
      this.#add(volume, stream, run.from, run.to - run.from);
      return;
    }
    let offset = run.from;
    for (let ordinal = run.first; ordinal < run.first + run.count && offset < run.to; ordinal++) {
      const length = directory.lengths[directory.indexOf(ordinal)];
      const bytes = Math.min(length ?? run.to - offset, run.to - offset);
      if (length === undefined || lost.includes(ordinal)) this.#add(volume, stream, offset, bytes);
      offset += bytes;
    }
  }
  async #directory(container: number): Promise<Directory | undefined> {
    try {
      return await this.#engine.containers.loadDirectory(container);
    } catch (cause) {
      if (isUnreadable(cause)) return undefined;
      throw cause;
    }
  }
}
