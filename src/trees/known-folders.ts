/**
 * KnownFolders: which folders there were at the last backup, and by what name. A folder that was renamed since does not change what
 * is in it, no time tells of it, and yet the next increment must hold all below it: so folders that are not known are taken whole.
 *
 * A folder is 8 bytes: XXH64 of its inode number, that of its parent, and its name. They go to the next level in order.
 */
import { xxh64 } from '#wire';
import { treeFoldersKnownMax } from '../limits.js';
import type { FileStat } from './file-stat.js';
import type { IncrementalBase } from './tree-engine.js';

const seed = 0n;
const hashBytes = 8;

export class KnownFolders {
  readonly #base: BigUint64Array | undefined;
  #seen = new BigUint64Array(1024);
  #count = 0;

  constructor(base: Uint8Array | undefined) {
    this.#base =
      base === undefined || base.length % hashBytes !== 0
        ? undefined
        : new BigUint64Array(Uint8Array.prototype.slice.call(base).buffer);
  }
  get hasBase(): boolean {
    return this.#base !== undefined;
  }
  /** Notes the folder; false when the last backup had none of this number and name in the same parent. */
  see(inode: bigint, parent: bigint, name: Uint8Array): boolean {
    const bytes = Buffer.alloc(16 + name.length);
    bytes.writeBigUInt64LE(inode, 0);
    bytes.writeBigUInt64LE(parent, 8);
    bytes.set(name, 16);
    const hash = xxh64(bytes, seed);
    this.#note(hash);
    return this.#base === undefined || isIn(this.#base, hash);
  }
  #note(hash: bigint): void {
    if (this.#count === this.#seen.length) {
      if (this.#count >= treeFoldersKnownMax) return;
      const larger = new BigUint64Array(2 * this.#seen.length);
      larger.set(this.#seen);
      this.#seen = larger;
    }
    this.#seen[this.#count] = hash;
    this.#count += 1;
  }
  /** For the next level; undefined when there are too many. */
  result(): Uint8Array | undefined {
    if (this.#count >= treeFoldersKnownMax) return undefined;
    return new Uint8Array(this.#seen.slice(0, this.#count).sort().buffer);
  }
}

function isIn(sorted: BigUint64Array, value: bigint): boolean {
  let low = 0;
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0n) < value) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === value;
}

/** What an increment takes. */
export class Increment {
  readonly #since: bigint | undefined;
  readonly known: KnownFolders;

  constructor(level: number, since: IncrementalBase | undefined) {
    // The kernel stamps files with a clock that lags behind by up to a tick, and dates may come back cut to seconds.
    this.#since = level > 0 && since !== undefined ? since.date - 1_000_000_000n : undefined;
    this.known = new KnownFolders(this.#since === undefined ? undefined : since?.directories);
  }
  get isFull(): boolean {
    return this.#since === undefined;
  }
  takes(stat: FileStat): boolean {
    const since = this.#since;
    if (since === undefined) return true;
    return stat.nanoseconds('modified') >= since || stat.nanoseconds('changed') >= since;
  }
  /**
   * Whether a folder may hold what the base does not, although no time says so. Without a list of folders: its own inode changed
   * (as by a rename), its parent's entries changed (as by a rename), and it is older than the base.
   */
  isMoved(stat: FileStat, parent: FileStat | undefined, name: Uint8Array): boolean {
    const isKnown = this.known.see(stat.inode, parent?.inode ?? stat.inode, name);
    const since = this.#since;
    if (since === undefined || parent === undefined) return false;
    if (this.known.hasBase) return !isKnown;
    return stat.nanoseconds('changed') >= since && parent.nanoseconds('modified') >= since;
  }
}
