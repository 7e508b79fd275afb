/**
 * KnownFolders: which folders there were at the last backup, and by what name. A folder that was renamed since does not change what
 * is in it, no time tells of it, and yet the next increment must hold all below it: so folders that are not known are taken whole.
 *
 * A folder is 8 bytes: XXH64 of its inode number, that of its parent, and its name; where a file system begins, also of its time of
 * birth, because all file systems have the same number at their top. They go to the next level in order.
 */
import { xxh64 } from '#wire';
import { treeFoldersKnownMax } from '../limits.js';
import type { FileStat } from './file-stat.js';
import type { IncrementalBase } from './tree-engine.js';

const seed = 0n;
const hashBytes = 8;

export interface KnownFolder {
  readonly inode: bigint;
  readonly parent: bigint;
  readonly name: Uint8Array;
  /** Where a file system begins; 0 elsewhere. */
  readonly birth: bigint;
}

export class KnownFolders {
  readonly #base: BigUint64Array | undefined;
  #seen = new BigUint64Array(1024);
  #count = 0;
  readonly #forgotten = new Set<bigint>();

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
  see(folder: KnownFolder): boolean {
    const hash = hashOf(folder);
    this.#note(hash);
    return this.#base === undefined || isIn(this.#base, hash);
  }
  /** It was not read to its end: what is missing would be in no increment. For the next one it is new. */
  forget(folder: KnownFolder): void {
    this.#forgotten.add(hashOf(folder));
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
    const seen = this.#seen.subarray(0, this.#count).filter((hash) => !this.#forgotten.has(hash));
    return new Uint8Array(seen.sort().buffer);
  }
}

function hashOf({ inode, parent, name, birth }: KnownFolder): bigint {
  const bytes = Buffer.alloc(24 + name.length);
  bytes.writeBigUInt64LE(inode, 0);
  bytes.writeBigUInt64LE(parent, 8);
  bytes.writeBigInt64LE(birth, 16);
  bytes.set(name, 24);
  return xxh64(bytes, seed);
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
    const isKnown = this.known.see(folderOf(stat, parent, name));
    const since = this.#since;
    if (since === undefined) return false;
    if (this.known.hasBase) return !isKnown;
    if (parent === undefined) return false;
    return stat.nanoseconds('changed') >= since && parent.nanoseconds('modified') >= since;
  }
  /** Not all that is in it was seen. */
  missed(stat: FileStat, parent: FileStat | undefined, name: Uint8Array): void {
    this.known.forget(folderOf(stat, parent, name));
  }
}

function folderOf(stat: FileStat, parent: FileStat | undefined, name: Uint8Array): KnownFolder {
  const isTop = parent?.onDevice !== stat.onDevice;
  // Numbers of devices change when a machine starts anew, but where there is no time of birth they are all there is.
  const birth = isTop ? stat.nanoseconds('born') || (parent === undefined ? 0n : stat.onDevice) : 0n;
  return { inode: stat.inode, parent: parent?.inode ?? stat.inode, name, birth };
}
