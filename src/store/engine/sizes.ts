/** What a group holds and takes. Bytes. */
import type { Engine } from './engine.js';

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
export function sizesOf({ state, garbageBytes, physicalBytes }: Engine): GroupSizes {
  const { containers, volumes } = state;
  let logicalBytes = 0;
  for (const entry of volumes.values()) logicalBytes += entry.logicalBytes;
  return {
    logicalBytes,
    uniqueBytes: containers.rawBytes,
    compressedBytes: containers.dataBytes,
    physicalBytes,
    reclaimableBytes: Math.max(garbageBytes, containers.desertedBytes),
    releasedBytes: state.releasedBytes,
    fastBytes: containers.fastBytes,
  };
}
