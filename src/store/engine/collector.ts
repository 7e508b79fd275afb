/**
 * Collector: finds what nothing refers to, and frees it: live chunks of a pack are copied into new generations of their
 * containers, which keep their numbers, so no recipe changes; then the pack goes. Beside writers and readers.
 *
 *   S3 nothing is changed in place
 *   S4 a chunk goes only if no committed state, no open stream, no snapshot, no pin and no state of the last two checkpoints refers
 *      to it; references made meanwhile are marked as they are made, and what was found dead and is marked again stays
 */
import { StoreError } from '../../errors.js';
import { type CollectionPlan, copiedBytesOf, type PackPlan, planCollection } from './collection-plan.js';
import type { ContainerFact } from './container-table.js';
import type { Engine } from './engine.js';
import { type Move, movesTogether, regenerate, settleMoves } from './generations.js';
import { heal } from './healing.js';
import { markAll, type UnreadableVolume } from './marking.js';
import { Marks } from './marks.js';
import type { PaceOptions } from '../store.js';
import { Pacer } from './pacer.js';

export interface CollectionOptions extends PaceOptions {
  /** Packs with less garbage than that share of them are left alone; 0, when it is not given. */
  readonly garbageShareMin?: number;
  /** Only say what would be done. */
  readonly dryRun?: boolean;
}
export interface CollectionReport {
  readonly plan: CollectionPlan;
  /** Of files that went, less what was written again of them. */
  readonly freedBytes: number;
  readonly copiedBytes: number;
  /**
   * Volumes of which a state or recipe cannot be read. What they may refer to is kept, garbage or not: delete them or roll them back,
   * and the next collection frees it.
   */
  readonly unreadable: readonly UnreadableVolume[];
}
/** Of all garbage: not worth what it costs. */
const leftShareMax = 0.002;

/** StoreError 'locked' while another is under way; CanceledError. */
export async function collect(engine: Engine, options: CollectionOptions = {}): Promise<CollectionReport> {
  return await marked(engine, options, 'The collection', async (pass) => {
    if (options.dryRun !== true) engine.containers.packs.beginNext();
    const { plan, containers } = await planned(pass, options);
    engine.state.releasedBytes -= pass.releasedBytes;
    let [freedBytes, copiedBytes, done] = [0, 0, 0];
    if (options.dryRun !== true) {
      for (const { pack, bytes } of plan.packs) {
        const emptied = await emptyPack(pass, pack, containers.get(pack) ?? []);
        freedBytes += emptied.freedBytes - emptied.copiedBytes;
        copiedBytes += emptied.copiedBytes;
        engine.state.garbageBytes = Math.max(0, plan.garbageBytes - freedBytes);
        pass.pacer.progress((done += bytes), plan.packs.reduce((sum, one) => sum + one.bytes, 0)); // prettier-ignore
      }
    }
    return { plan, freedBytes, copiedBytes, unreadable: pass.unreadable };
  });
}

/** Compresses densely what was compressed fast. What that leaves behind is garbage. */
export async function recompress(
  engine: Engine,
  options: PaceOptions = {},
): Promise<{ readonly bytes: number }> {
  return await marked(engine, options, 'Recompression', async (pass) => {
    const { containers } = engine.state;
    const total = containers.fastBytes;
    let moves: ContainerFact[] = [];
    let bytes = 0;
    for (const id of containers.ids()) {
      await pass.pacer.breathe();
      const fact = containers.get(id);
      if (fact?.fast === true && pass.marks.knows(id)) moves.push(fact);
      if (moves.length < movesTogether) continue;
      bytes += await move(pass, moves, true);
      moves = [];
      pass.pacer.progress(Math.max(0, total - containers.fastBytes), total);
    }
    bytes += await move(pass, moves, true);
    await engine.inTurn(async () => await engine.record([]));
    return { bytes };
  });
}

interface Pass {
  readonly engine: Engine;
  readonly marks: Marks;
  readonly pacer: Pacer;
  readonly unreadable: readonly UnreadableVolume[];
  /** By volumes, when it began: now it is known how much of that is garbage. */
  readonly releasedBytes: number;
}
/** With everything marked that is referred to, and whatever will be until `act` has ended. */
async function marked<T>(
  engine: Engine,
  options: PaceOptions,
  what: string,
  act: (pass: Pass) => Promise<T>,
): Promise<T> {
  if (engine.collecting) throw new StoreError('locked', 'A collection is under way');
  engine.collecting = true;
  const pacer = new Pacer(engine.env.clock, options, what);
  try {
    await heal(engine, pacer);
    // What changed since the last checkpoint goes out of memory, so that nothing is noted for long without a pause; and the
    // checkpoint before it becomes one whose states are known, also after a restart.
    await engine.inTurn(async () => await engine.checkpointNow(true));
    const marks = await Marks.of(engine.state.containers, pacer);
    engine.liveness = marks;
    const { releasedBytes } = engine.state;
    const unreadable = await markAll(engine, marks, pacer);
    const keptTo = Math.max(0, ...unreadable.map((one) => one.keptTo));
    if (keptTo > 0) await marks.touchUpTo(keptTo, pacer);
    return await act({ engine, marks, pacer, unreadable, releasedBytes });
  } finally {
    engine.liveness = undefined;
    engine.collecting = false;
    if (engine.refusal === undefined) await dropOldMirrors(engine);
  }
}

interface Planned {
  readonly plan: CollectionPlan;
  /** Of each pack of the plan, ascending: in the order in which they were written. */
  readonly containers: ReadonlyMap<number, number[]>;
}
async function planned({ engine, marks, pacer }: Pass, options: CollectionOptions): Promise<Planned> {
  const table = engine.state.containers;
  const { current } = engine.containers.packs;
  const sums = new Map<number, { pack: number; bytes: number; copiedBytes: number }>();
  for (const [pack, { endBytes }] of table.packs) {
    if (pack < current || options.dryRun === true) sums.set(pack, { pack, bytes: endBytes, copiedBytes: 0 });
  }
  for (const id of table.ids()) {
    await pacer.breathe();
    const fact = table.get(id);
    const sum = fact === undefined ? undefined : sums.get(fact.place.pack);
    if (fact === undefined || sum === undefined) continue;
    const live = marks.knows(id) ? Math.min(marks.liveCount(id), fact.chunks) : fact.chunks;
    sum.copiedBytes += copiedBytesOf({ bytes: fact.place.bytes, chunks: fact.chunks, live });
  }
  const packs = [...sums.values()].map((sum): PackPlan => {
    return { ...sum, freedBytes: Math.max(0, sum.bytes - sum.copiedBytes) };
  });
  const plan = planCollection(packs, { garbageShareMin: options.garbageShareMin ?? 0, leftShareMax });
  engine.state.garbageBytes = plan.garbageBytes;
  const containers = new Map(plan.packs.map(({ pack }): [number, number[]] => [pack, []]));
  for (const id of table.ids()) {
    await pacer.breathe();
    const fact = table.get(id);
    if (fact !== undefined) containers.get(fact.place.pack)?.push(id);
  }
  return { plan, containers };
}

// --- emptying

async function emptyPack(
  pass: Pass,
  pack: number,
  containers: readonly number[],
): Promise<{ readonly freedBytes: number; readonly copiedBytes: number }> {
  const { engine, marks } = pass;
  let copiedBytes = 0;
  const moves: ContainerFact[] = [];
  for (const id of containers) {
    const fact = engine.state.containers.get(id);
    if (fact?.place.pack !== pack || !marks.knows(id)) continue;
    if (marks.liveCount(id) === 0) {
      await pass.pacer.step(0);
      engine.check();
      if (marks.liveCount(id) === 0 && engine.state.containers.get(id)?.place.pack === pack)
        retire(engine, id);
      else moves.push(fact);
    } else moves.push(fact);
    if (moves.length === movesTogether) copiedBytes += await move(pass, moves.splice(0), false);
  }
  copiedBytes += await move(pass, moves, false);
  return { freedBytes: await removeIfEmpty(engine, pack), copiedBytes };
}
/** From now on nobody finds it; what said so in the journal follows before its pack goes. */
function retire(engine: Engine, container: number): void {
  engine.state.apply({ kind: 'retired', container });
  engine.containers.forget(container);
  engine.owed.push({ kind: 'retired', container });
}
/** New generations of them, with what lives. Bytes of those that took their places, also when it ends early. */
async function move(pass: Pass, facts: readonly ContainerFact[], dense: boolean): Promise<number> {
  const { engine, marks, pacer } = pass;
  if (facts.length === 0) return 0;
  return await engine.moves.run(async () => {
    const moves: Move[] = [];
    const copies = new Map<number, Buffer>();
    // Referred to again meanwhile: the copy may lack it, so the copy is garbage.
    const isRight = ({ old }: Move): boolean =>
      marks.isUnchanged(old.id, copies.get(old.id) ?? Buffer.alloc(0));
    try {
      for (const fact of facts) {
        await pacer.step(fact.place.bytes);
        engine.check();
        if (engine.state.containers.get(fact.id)?.generation !== fact.generation) continue;
        const live = marks.copyOf(fact.id);
        copies.set(fact.id, live);
        const isKept = (ordinal: number): boolean => ((live[ordinal >> 3] ?? 0) & (1 << (ordinal & 7))) !== 0;
        const made = await regenerate(engine, fact, { isKept, recompress: dense }, pacer);
        if (made !== undefined) moves.push(made);
      }
    } catch (cause) {
      await settleMoves(engine, moves, isRight); // what was done stays done
      throw cause;
    }
    return await settleMoves(engine, moves, isRight);
  });
}
/** Bytes that went. */
async function removeIfEmpty(engine: Engine, pack: number): Promise<number> {
  await engine.inTurn(async () => await engine.record([]));
  const sum = engine.state.containers.packs.get(pack);
  // Chunks that the next commit will need may lie there; so may what somebody else has moved, which the journal does not say yet.
  if (sum === undefined || sum.containers > 0 || engine.owed.length > 0) return 0;
  if (engine.containers.isWaitingIn(pack)) return 0;
  const { endBytes } = sum;
  engine.state.containers.dropPack(pack);
  await engine.containers.packs.remove(pack);
  return endBytes;
}

/** While the journal says that a container lies where it lay, the mirror from then counts; and nobody may be making new ones. */
async function dropOldMirrors(engine: Engine): Promise<void> {
  await engine.moves.run(async () => {
    try {
      await engine.inTurn(async () => await engine.record([]));
      await cleanMirrors(engine);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      // A full disk, or a failed one: the next collection or opening removes them.
    }
  });
}
/** Copies of containers that were moved or went. Not of those that are about to be journaled. */
export async function cleanMirrors(engine: Engine): Promise<void> {
  const { state, containers } = engine;
  await containers.mirrors.clean(
    (id, generation) =>
      engine.refusal !== undefined || // from then on they are the next life's
      state.containers.get(id)?.generation === generation ||
      containers.openOf(id) !== undefined,
  );
}
