/**
 * ReadPlan: how much of which regions a reader will want soon. A backup of a later week takes some chunks of many regions: what lies
 * behind the last of them need not be decompressed.
 */
import type { Directory } from './container.format.js';
import { containerRegionsMax } from './engine-limits.js';

const keyOf = ({ id }: Directory, region: number): number => id * containerRegionsMax + region;

export class ReadPlan {
  /** Of the stream, it is known up to here what will be wanted. */
  until = 0;
  /** Where the last chunk ends that is wanted of a region, and how many bytes are. */
  readonly #wanted = new Map<number, { end: number; bytes: number }>();

  /** The reader goes on somewhere else. */
  restart(offset: number): void {
    this.until = offset;
    this.#wanted.clear();
  }
  /** `bytes` among the first `end` of the region are wanted. */
  note(directory: Directory, region: number, end: number, bytes: number): void {
    const key = keyOf(directory, region);
    const known = this.#wanted.get(key);
    if (known === undefined) this.#wanted.set(key, { end, bytes });
    else {
      known.end = Math.max(known.end, end);
      known.bytes += bytes;
    }
  }
  /** What is known to be wanted of the region, if that was not asked since. */
  take(directory: Directory, region: number): { end: number; bytes: number } | undefined {
    const key = keyOf(directory, region);
    const wanted = this.#wanted.get(key);
    if (wanted !== undefined) this.#wanted.delete(key);
    return wanted;
  }
}
