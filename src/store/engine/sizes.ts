/** What a group holds and takes. Bytes. */
import { StoreError } from '../../errors.js';
import { KIND } from './container.format.js';
import type { Engine } from './engine.js';
import { lengthOf } from './volume-state.js';

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
}

export async function sizesOf(engine: Engine): Promise<GroupSizes> {
  const { containers, volumes } = engine.state;
  let logicalBytes = 0;
  for (const entry of volumes.values()) {
    const held = entry.state !== undefined;
    try {
      for (const stream of (await engine.stateOf(entry)).streams.values()) logicalBytes += lengthOf(stream);
    } catch (cause) {
      if (!(cause instanceof StoreError) || cause.code !== 'corrupt') throw cause;
    }
    if (!held && !entry.dirty && !engine.open.has(entry.id) && entry.root !== undefined)
      entry.state = undefined;
  }
  let compressedBytes = 0;
  for (const id of containers.ids()) {
    const fact = containers.get(id);
    if (fact?.kind === KIND.data) compressedBytes += fact.place.bytes;
  }
  let deserted = 0;
  for (const { endBytes, liveBytes } of containers.packs.values()) deserted += endBytes - liveBytes;
  return {
    logicalBytes,
    uniqueBytes: containers.rawBytes,
    compressedBytes,
    physicalBytes: engine.physicalBytes,
    reclaimableBytes: Math.max(engine.garbageBytes, deserted),
  };
}
