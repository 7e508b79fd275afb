/**
 * Verifier: reads every byte that the last committed state of a volume consists of, whether or not the volume is open. First along the
 * stream, as a reader would: each chunk is there, and they are as long together as the recipe says. Then the containers that they lie
 * in, each once, in the order of the disk: checksums, what comes out of regions, fingerprints. What it finds is quarantined.
 */
import { StoreError } from '../../errors.js';
import type { Engine } from './engine.js';
import type { VolumeEntry } from './group-state.js';
import { Search } from './locating.js';
import { Marks } from './marks.js';
import type { PaceOptions, VerifyReport } from '../store.js';
import { Pacer } from './pacer.js';
import type { Recipe, Run, Runs } from './recipe.js';
import { Examiner } from './scrubber.js';
import { isUnreadable } from './unreadable.js';
import { decodePiece, type VolumeState } from './volume-state.js';

export interface DedupVerifyReport extends VerifyReport {
  /** That were read for it. */
  readonly containers: number;
}

/** StoreError 'missing', CanceledError. Damage is no error. */
export async function verifyVolume(
  engine: Engine,
  volume: string,
  options: PaceOptions = {},
): Promise<DedupVerifyReport> {
  const entry = engine.state.volumes.get(volume);
  if (entry === undefined) throw new StoreError('missing', `There is no volume ${volume}`, { volume });
  const pacer = new Pacer(engine.env.clock, options, `Verifying ${volume}`);
  const bytes = entry.logicalBytes;
  const state = await copyOf(engine, entry);
  if (state === undefined) return { bytes, containers: 0, ranges: [], lost: true };
  const pin = { id: volume, state };
  engine.pins.add(pin);
  try {
    const marks = await Marks.of(engine.state.containers, pacer);
    const search = new Search(engine, pacer);
    for (const [stream, one] of state.streams) {
      if (one.kind === 'data')
        await new RecipeCheck(engine, marks, pacer, search, volume, stream).check(one.recipe);
      else for (const { container, ordinal } of one.log.pieces) marks.touch(container, ordinal);
    }
    if (entry.root !== undefined) marks.touchRun(entry.root.container, entry.root.ordinal, entry.root.chunks);
    const containers = await examineMarked(engine, marks, pacer);
    await search.ofState(volume, state);
    await engine.inTurn(async () => await engine.record([]));
    return { bytes, containers, ranges: search.ranges, lost: false };
  } finally {
    engine.pins.delete(pin);
  }
}
async function copyOf(engine: Engine, entry: VolumeEntry): Promise<VolumeState | undefined> {
  try {
    return (await engine.peekState(entry)).copy();
  } catch (cause) {
    if (isUnreadable(cause)) return undefined;
    throw cause;
  }
}
async function examineMarked(engine: Engine, marks: Marks, pacer: Pacer): Promise<number> {
  const table = engine.state.containers;
  const examiner = new Examiner(engine, pacer);
  let [total, done, containers] = [0, 0, 0];
  for (const id of table.ids()) {
    await pacer.breathe();
    if (marks.liveCount(id) > 0) total += table.get(id)?.place.bytes ?? 0;
  }
  for (const id of table.ids()) {
    await pacer.breathe();
    if (marks.liveCount(id) === 0) continue;
    const bytes = table.get(id)?.place.bytes ?? 0;
    await pacer.step(bytes);
    engine.check();
    if ((await examiner.examine(id)) === undefined) continue;
    containers += 1;
    pacer.progress(Math.min((done += bytes), total), total);
  }
  return containers;
}

/** A recipe beside the directories of the containers that it names. */
class RecipeCheck {
  readonly #engine: Engine;
  readonly #marks: Marks;
  readonly #pacer: Pacer;
  readonly #search: Search;
  readonly #volume: string;
  readonly #stream: string;

  constructor(engine: Engine, marks: Marks, pacer: Pacer, search: Search, volume: string, stream: string) {
    this.#engine = engine;
    this.#marks = marks;
    this.#pacer = pacer;
    this.#search = search;
    this.#volume = volume;
    this.#stream = stream;
  }
  async check({ pieces, runs }: Recipe): Promise<void> {
    let begins = 0;
    for (const piece of pieces) {
      this.#marks.touch(piece.container, piece.ordinal);
      try {
        const bytes = await this.#engine.pieceBytes(piece);
        await this.#checkRuns(decodePiece(bytes, begins, 'A piece of a recipe'), piece.end);
      } catch (cause) {
        if (!isUnreadable(cause)) throw cause; // the search says so
      }
      begins = piece.end;
    }
    await this.#checkRuns(runs, runs.end);
  }
  async #checkRuns(runs: Runs, end: number): Promise<void> {
    for (let index = 0; index < runs.length; index++) {
      const run = runs.at(index);
      if (run.from >= end) return;
      await this.#pacer.breathe();
      await this.#checkRun({ ...run, to: Math.min(run.to, end) });
    }
  }
  async #checkRun(run: Run): Promise<void> {
    this.#marks.touchRun(run.container, run.first, run.count);
    try {
      const directory = await this.#engine.containers.loadDirectory(run.container);
      let bytes = 0;
      for (let ordinal = run.first; ordinal < run.first + run.count; ordinal++)
        bytes += directory.lengths[directory.indexOf(ordinal)] ?? 0;
      if (bytes < run.to - run.from) this.#short(run, bytes);
    } catch (cause) {
      if (!isUnreadable(cause)) throw cause; // its container will be examined
    }
  }
  /** Its chunks are there, and say less than the recipe does. */
  #short({ from, to }: Run, bytes: number): void {
    const range = {
      volume: this.#volume,
      stream: this.#stream,
      offset: from + bytes,
      bytes: to - from - bytes,
    };
    this.#search.ranges.push(range);
  }
}
