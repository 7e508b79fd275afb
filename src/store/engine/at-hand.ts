/**
 * AtHand: how a thread of the crew reads what the system has in memory of a file, so that whoever wants a region opened need not have
 * read it before. What is not there is left to the disk, for which a thread that others wait for has no time.
 */
import { openPageCache, type PageCache } from '#env';
import { regionAlignBytes, regionBytesMax } from './engine-limits.js';

/** What a region may take on the disk. */
export const storedBytesMax = regionBytesMax + regionAlignBytes;
export const atHandBytes = 2 * storedBytesMax;

export interface AtHand {
  readonly read: PageCache;
  /** The thread's own: for what is stored, and for what was sealed when it is open. They stay in its processor's cache. */
  readonly stored: Buffer;
  readonly opened: Buffer;
}
/** `memory`: `atHandBytes`. Undefined where this cannot be done. */
export async function openAtHand(memory: Buffer): Promise<AtHand | undefined> {
  const read = await openPageCache();
  const [stored, opened] = [memory.subarray(0, storedBytesMax), memory.subarray(storedBytesMax)];
  return read === undefined ? undefined : { read, stored, opened };
}

/** A region of a container as it is stored, and what its checksum says there. */
export interface StoredRegion {
  readonly codec: number;
  readonly container: number;
  readonly region: number;
  readonly checksum: bigint;
  /** Its key, when it is sealed. */
  readonly key: Buffer | undefined;
}
/**
 * Where it is: in memory, and room for what was sealed when it is open; or in a file, of which it is read if it is at hand. Then so many
 * bytes of its content are `enough`.
 */
export type StoredAt =
  | { readonly bytes: Buffer; readonly opened: Buffer }
  | {
      readonly descriptor: number;
      readonly offset: number;
      readonly length: number;
      readonly enough: number;
    };
