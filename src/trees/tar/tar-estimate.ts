/** TarEstimate: about how large an archive will be: of the files' sizes, with headers of the usual length. */
import { S, type TreeCalls } from '#env';
import { FileStat } from '../file-stat.js';
import type { Increment } from '../known-folders.js';
import type { Steps } from '../steps.js';
import type { Place, TreeVisitor } from '../tree-walk.js';
import { blockBytes } from './ustar.js';

/** Extended header, its records, header. */
const headerBytes = 3 * blockBytes;

export class TarEstimate implements TreeVisitor {
  bytes = 2 * blockBytes;
  readonly #calls: TreeCalls;
  readonly #increment: Increment;
  readonly #stat = new FileStat();

  constructor(calls: TreeCalls, increment: Increment) {
    this.#calls = calls;
    this.#increment = increment;
  }
  trouble(): void {
    // The backup itself will meet it again, and tell.
  }
  // oxlint-disable-next-line require-yield -- others wait here
  *folder(): Steps<void> {
    this.bytes += headerBytes;
  }
  // oxlint-disable-next-line require-yield -- others wait here
  *file(place: Place): Steps<boolean> {
    const stat = this.#stat;
    if (this.#calls.statAt(place.folder, place.name, stat.bytes) < 0) return false;
    if (stat.fileType === S.folder) return true;
    if (!place.isMoved && !this.#increment.takes(stat)) return false;
    const held = Math.min(stat.size, stat.blocks * 512 + blockBytes); // a sparse file takes what it has
    const isData = stat.fileType === S.regular;
    this.bytes += headerBytes + (isData ? Math.ceil(held / blockBytes) * blockBytes : 0);
    return false;
  }
}
