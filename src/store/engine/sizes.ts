/** What a group holds and takes. Bytes. */
import { StoreError } from '../../errors.js';
import type { PaceOptions } from '../store.js';
import type { Engine } from './engine.js';
import { Marking, type UnreadableVolume } from './marking.js';
import { Marks } from './marks.js';
import { Pacer } from './pacer.js';

export interface GroupSizes {
  /** Of all streams of all volumes, as their owners see them. */
  readonly logicalBytes: number;
  /** Of chunks, each counted once, as they were written. */
  readonly uniqueBytes: number;
  /** Of the containers they lie in: compressed, with what describes them. */
  readonly compressedBytes: number;
  /** Of all files. */
  readonly physicalBytes: number;
  /** What nothing needs any more, as of the last collection, and packs that hold less than they did. */
  readonly reclaimableBytes: number;
  /** That volumes gave up since then, as their owners saw it; how much of it is garbage the next collection will say. */
  readonly releasedBytes: number;
  /** Of containers with chunks that could be compressed better. */
  readonly fastBytes: number;
}

/** Costs a look at each volume, not at each container or chunk. */
export function sizesOf({ state, physicalBytes }: Engine): GroupSizes {
  const { containers, volumes, garbageBytes, releasedBytes } = state;
  let logicalBytes = 0;
  for (const entry of volumes.values()) logicalBytes += entry.logicalBytes;
  return {
    logicalBytes,
    uniqueBytes: containers.rawBytes,
    compressedBytes: containers.dataBytes,
    physicalBytes,
    reclaimableBytes: Math.max(garbageBytes, containers.desertedBytes),
    releasedBytes,
    fastBytes: containers.fastBytes,
  };
}

export interface VolumeSizes {
  /** Of all its streams, as its owner sees them. */
  readonly logicalBytes: number;
  /** Of its snapshots, each. */
  readonly snapshots: number;
  /** On disk, of chunks that nothing else refers to: what removing it, with its snapshots, will make garbage. */
  readonly ownBytes: number;
  /** On disk, of all chunks that it refers to, its own and those that it shares. */
  readonly usedBytes: number;
  /** What others refer to is not known of these, so that some of `ownBytes` may be theirs too. */
  readonly unreadable: readonly UnreadableVolume[];
}
/**
 * Of a volume, counted together with its snapshots, or of one snapshot (`volume@snapshot`). Exact by chunks: every recipe of the group
 * is walked, which takes about as long as the first half of a collection (a second per 30 million chunks that recipes name in
 * runs of some length); bytes are shares of the containers that the chunks lie in. StoreError 'missing'.
 */
export async function volumeSizesOf(
  engine: Engine,
  id: string,
  options: PaceOptions = {},
): Promise<VolumeSizes> {
  const { state } = engine;
  const entry = state.volumes.get(id);
  if (entry === undefined) throw new StoreError('missing', `There is no volume ${id}`, { volume: id });
  const pacer = new Pacer(engine.env.clock, options, `Measuring ${id}`);
  const mine = await Marks.of(state.containers, pacer);
  const others = mine.alike();
  const [inner, outer] = [new Marking(engine, mine, pacer), new Marking(engine, others, pacer)];
  let snapshots = 0;
  for (const one of state.volumes.values()) {
    const isMine = one.id === id || one.id.startsWith(`${id}@`);
    (isMine ? inner : outer).noteEntry(one);
    if (isMine && one.id !== id) snapshots += 1;
  }
  await inner.walk();
  const unreadable = await outer.walk();
  let [ownBytes, usedBytes] = [0, 0];
  for (const container of state.containers.ids()) {
    await pacer.breathe();
    const fact = state.containers.get(container);
    const used = mine.liveCount(container);
    if (fact === undefined || used === 0) continue;
    const perChunk = fact.place.bytes / Math.max(1, fact.chunks);
    usedBytes += perChunk * Math.min(used, fact.chunks);
    ownBytes += perChunk * Math.min(mine.countBeyond(container, others), fact.chunks);
  }
  const sizes = { ownBytes: Math.round(ownBytes), usedBytes: Math.round(usedBytes) };
  return { logicalBytes: entry.logicalBytes, snapshots, unreadable, ...sizes };
}
