/**
 * Collector: finds what nothing refers to, and frees it: live chunks of a pack are copied into new generations of their
 * containers, which keep their numbers, so no recipe changes; then the pack goes. Beside writers and readers.
 *
 *   S3 nothing is changed in place
 *   S4 a chunk goes only if no committed state, no open stream, no snapshot and no state of the last two checkpoints refers to
 *      it; references made meanwhile are marked as they are made, and what was found dead and is marked again stays
 */
import { CanceledError, StoreError } from '../../errors.js';
import { ByteReader } from './bytes.js';
import { type CollectionPlan, type PackView, planCollection } from './collection-plan.js';
import { type Directory, KIND } from './container.format.js';
import type { ContainerFact } from './container-table.js';
import type { Engine } from './engine.js';
import type { Root } from './group-state.js';
import { Marks } from './marks.js';
import type { Density, OpenContainer } from './open-container.js';
import type { Piece, Recipe } from './recipe.js';
import { decodeState, type StreamState } from './volume-state.js';

export interface CollectionOptions {
  /** Packs with less garbage than that share of them are left alone. */
  readonly garbageShareMin?: number;
  /** Compress densely what was compressed fast, wherever it lies. */
  readonly recompress?: boolean;
  /** Only say what would be done. */
  readonly dryRun?: boolean;
  /** Ends it at the next container; what was done stays done. */
  readonly signal?: AbortSignal;
  /** Awaited before each container: the throttle. */
  readonly pace?: () => Promise<void>;
}
export interface CollectionReport {
  readonly plan: CollectionPlan;
  readonly freedBytes: number;
}
/** New generations that become durable together. */
const movesTogether = 16;

interface Move {
  readonly old: ContainerFact;
  readonly made: ContainerFact;
  readonly live: Buffer;
}

export async function collect(engine: Engine, options: CollectionOptions = {}): Promise<CollectionReport> {
  if (engine.liveness !== undefined) throw new StoreError('locked', 'A collection is under way');
  const marks = new Marks(engine.state.containers);
  engine.liveness = marks;
  try {
    const packs = viewable(engine);
    await markAll(engine, marks);
    const plan = planCollection(viewOf(engine, marks, packs), options.garbageShareMin ?? 0.02);
    let freedBytes = 0;
    if (options.dryRun !== true) {
      const planned = new Set(plan.packs.map(({ pack }) => pack));
      const all =
        options.recompress === true ? [...planned, ...packs.filter((pack) => !planned.has(pack))] : planned;
      for (const pack of all) freedBytes += await emptyPack(engine, marks, pack, planned.has(pack), options);
    }
    engine.garbageBytes = Math.max(0, plan.garbageBytes - freedBytes);
    return { plan, freedBytes };
  } finally {
    engine.liveness = undefined;
  }
}

/** Packs that are not written any more, as of now. */
function viewable(engine: Engine): number[] {
  engine.containers.packs.beginNext();
  const { current } = engine.containers.packs;
  return [...engine.state.containers.packs.keys()].filter((pack) => pack < current);
}
function viewOf(engine: Engine, marks: Marks, packs: readonly number[]): PackView[] {
  const table = engine.state.containers;
  const views = new Map(
    packs.map((pack) => [
      pack,
      {
        pack,
        bytes: table.packs.get(pack)?.endBytes ?? 0,
        containers: [] as PackView['containers'][number][],
      },
    ]),
  );
  for (const id of table.ids()) {
    const fact = table.get(id);
    const view = fact === undefined ? undefined : views.get(fact.place.pack);
    if (fact === undefined || view === undefined) continue;
    const { bytes } = fact.place;
    if (marks.knows(id))
      view.containers.push({ id, bytes, chunks: fact.ordinals, live: marks.liveCount(id) });
    else view.containers.push({ id, bytes, chunks: 1, live: 1 });
  }
  return [...views.values()];
}

// --- marking

/** What is referred to now is noted before the first await; what lies in containers of its own is read afterwards. */
async function markAll(engine: Engine, marks: Marks): Promise<void> {
  const pieces = new Map<
    number,
    { readonly piece: Piece; readonly begins: number; readonly runs: boolean }
  >();
  const roots: Root[] = [];
  const noteRecipe = (recipe: Recipe): void => {
    for (let index = 0; index < recipe.runs.length; index++) {
      const { container, first, count } = recipe.runs.at(index);
      marks.touchRun(container, first, count);
    }
    notePieces(recipe.pieces, true);
  };
  const notePieces = (list: readonly Piece[], runs: boolean): void => {
    for (const [index, piece] of list.entries()) {
      marks.touch(piece.container, piece.ordinal);
      const key = piece.container * 1024 + piece.ordinal;
      pieces.set(key, { piece, begins: list[index - 1]?.end ?? 0, runs });
    }
  };
  const noteStreams = (streams: Iterable<StreamState>): void => {
    for (const stream of streams) {
      if (stream.kind === 'data') noteRecipe(stream.recipe);
      else notePieces(stream.log.pieces, false);
    }
  };
  for (const volume of engine.open.values()) noteStreams(volume.working());
  for (const entry of engine.state.volumes.values()) {
    if (entry.damage !== undefined) throw unreadable(entry.id, entry.damage);
    if (entry.root !== undefined) noteRoot(marks, entry.root);
    if (entry.state !== undefined) noteStreams(entry.state.streams.values());
    else if (entry.root !== undefined) roots.push(entry.root);
  }
  for (const root of [...engine.checkpoint.roots, ...engine.checkpoint.rootsBefore]) noteRoot(marks, root);
  for (const root of roots) {
    const bytes = await engine.chunks.readMeta(root);
    noteStreams(decodeState(new ByteReader(bytes, 'The state of a volume')).streams.values());
  }
  for (const { piece, begins, runs } of pieces.values()) {
    if (!runs) continue;
    const stored = await engine.runsOf(piece, begins);
    for (let index = 0; index < stored.length; index++) {
      const { container, first, count } = stored.at(index);
      marks.touchRun(container, first, count);
    }
  }
}
const noteRoot = (marks: Marks, { container, ordinal, chunks }: Root): void =>
  marks.touchRun(container, ordinal, chunks);
const unreadable = (volume: string, cause: StoreError): StoreError => {
  const message = `What volume ${volume} refers to cannot be read, so nothing is collected`;
  return new StoreError('corrupt', message, { volume }, { cause });
};

// --- emptying

/** Bytes that went. */
async function emptyPack(
  engine: Engine,
  marks: Marks,
  pack: number,
  wholly: boolean,
  options: CollectionOptions,
): Promise<number> {
  const table = engine.state.containers;
  const moves: Move[] = [];
  for (const id of table.ids()) {
    const fact = table.get(id);
    if (fact?.place.pack !== pack || !marks.knows(id)) continue;
    if (options.signal?.aborted === true) throw new CanceledError('The collection was canceled');
    await options.pace?.();
    engine.check();
    if (marks.liveCount(id) === 0) retire(engine, id);
    else {
      const move = await copyLive(engine, marks, fact, wholly, options.recompress === true);
      if (move !== undefined) moves.push(move);
    }
    if (moves.length === movesTogether) await settleMoves(engine, marks, moves.splice(0));
  }
  await settleMoves(engine, marks, moves);
  await engine.inTurn(async () => await engine.record([]));
  return await removeIfEmpty(engine, pack);
}
/** From now on nobody finds it; what said so in the journal follows before its pack goes. */
function retire(engine: Engine, container: number): void {
  engine.state.containers.remove(container);
  engine.containers.forget(container);
  engine.owed.push({ kind: 'retired', container });
}
async function settleMoves(engine: Engine, marks: Marks, moves: readonly Move[]): Promise<void> {
  if (moves.length === 0) return;
  await engine.containers.sync();
  for (const { old, made, live } of moves) {
    const now = engine.state.containers.get(old.id);
    // Referred to again meanwhile: the copy lacks it, so the copy is garbage.
    if (now?.generation !== old.generation || !marks.isUnchanged(old.id, live)) continue;
    engine.state.containers.set(made);
    engine.containers.forget(old.id);
    engine.owed.push({ kind: 'container', container: made });
  }
}
async function removeIfEmpty(engine: Engine, pack: number): Promise<number> {
  const sum = engine.state.containers.packs.get(pack);
  if (sum === undefined || sum.containers > 0 || engine.owed.length > 0) return 0;
  if (engine.containers.isWaitingIn(pack)) return 0; // chunks that the next commit will need
  engine.state.containers.packs.delete(pack);
  await engine.containers.packs.remove(pack);
  await cleanMirrors(engine);
  return sum.endBytes;
}

/** Copies of containers that were moved or went. Not of those that are about to be journaled. */
export async function cleanMirrors({ state, containers }: Engine): Promise<void> {
  await containers.mirrors.clean(
    (id, generation) =>
      state.containers.get(id)?.generation === generation || containers.openOf(id) !== undefined,
  );
}

/** A new generation with the live chunks, written; undefined when it cannot be made, or is not wanted. */
async function copyLive(
  engine: Engine,
  marks: Marks,
  fact: ContainerFact,
  wholly: boolean,
  recompress: boolean,
): Promise<Move | undefined> {
  const { containers } = engine;
  const { id, kind } = fact;
  let directory: Directory;
  try {
    directory = await containers.readDirectory(fact);
  } catch (cause) {
    if (cause instanceof StoreError && cause.code === 'corrupt') return undefined; // scrubbing says more
    throw cause;
  }
  if (directory.fingerprints === undefined) return undefined;
  if (!wholly && directory.regions.every(({ dense }) => dense)) return undefined;
  const live = marks.copyOf(id);
  const isLive = (ordinal: number): boolean => ((live[ordinal >> 3] ?? 0) & (1 << (ordinal & 7))) !== 0;
  const density: () => Density = () => (kind === KIND.data && !recompress ? containers.density : 'dense');
  const open = await containers.beginAgainSoon(id, kind, density);
  try {
    for (let region = 0; region < directory.regions.length; region++) {
      await copyRegion(engine, directory, region, isLive, recompress, open);
    }
    if (open.count === 0) return undefined;
    const image = open.seal(engine.group, fact.generation + 1, (bytes) => containers.packs.reserve(bytes));
    const { place, rawBytes } = open;
    if (place === undefined) return undefined;
    const made = { ...fact, generation: fact.generation + 1, place, rawBytes };
    await containers.writeImage(image, made);
    return { old: fact, live, made };
  } catch (cause) {
    if (cause instanceof StoreError && cause.code === 'corrupt') return undefined;
    throw cause;
  } finally {
    containers.workspaces.give(open.release());
  }
}
async function copyRegion(
  engine: Engine,
  directory: Directory,
  region: number,
  isLive: (ordinal: number) => boolean,
  recompress: boolean,
  open: OpenContainer,
): Promise<void> {
  const { fingerprints, regionOf, ordinals, lengths, offsets } = directory;
  const indexes: number[] = [];
  for (let index = regionOf.indexOf(region); regionOf[index] === region; index++) indexes.push(index);
  const kept = indexes.filter((index) => isLive(ordinals[index] ?? 0));
  if (kept.length === 0 || fingerprints === undefined) return;
  const { regions } = engine.containers;
  const asItIs = !recompress || directory.regions[region]?.dense === true;
  if (asItIs && kept.length === indexes.length) {
    const stored = Buffer.alloc(directory.regions[region]?.storedBytes ?? 0);
    await regions.readStored(directory, region, stored);
    open.addRegion(directory, region, stored);
    return;
  }
  const block = await regions.get(directory, region);
  try {
    for (const index of kept) {
      const from = offsets[index] ?? 0;
      const chunk = block.memory.subarray(from, from + (lengths[index] ?? 0));
      open.addAs(ordinals[index] ?? 0, chunk, fingerprints.subarray(index * 32, index * 32 + 32));
    }
  } finally {
    regions.unpin(block);
  }
}
