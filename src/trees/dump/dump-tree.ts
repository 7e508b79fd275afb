/** DumpTree: the directories of a dump, which come before everything else: which names there are, and of which inodes. */
import { S } from '#env';
import { treeDumpNamesMax, treeHeldBytesMax, treePathBytesMax } from '../../limits.js';
import type { Attributes } from '../restore/restorer.js';
import { joined } from '../restore/recover-names.js';
import { type Steps, TreeFailure } from '../steps.js';
import type { Xattr } from '../xattrs.js';
import { entriesOfFolder, type FolderEntry } from './dump-folder.js';
import type { DumpInode } from './dump-header.js';
import type { DumpReader, InodeRecord } from './dump-reader.js';
import { rootNumber } from './inventory.js';

/** Of one directory: half a million names of usual length. */
const folderBytesMax = 32 * 1024 * 1024;

export interface ReadFolder {
  readonly record: InodeRecord;
  readonly entries: readonly FolderEntry[];
  readonly attributes: Attributes;
}
export interface Visited {
  /** Path of the directory that it is in, and its name there: many share a path (`pathOf`). */
  readonly above: Buffer;
  readonly name: Buffer;
  readonly number: number;
  readonly parent: number;
  /** Of a directory that the dump holds. */
  readonly folder: ReadFolder | undefined;
}

export const pathOf = ({ above, name }: Pick<Visited, 'above' | 'name'>): Buffer => joined(above, name);

export class DumpTree {
  readonly #folders = new Map<number, ReadFolder>();
  #names = 0;
  /** Of names and attributes. */
  #bytes = 0;

  /** Reads all directories; the reader is at the first inode before, and behind the last directory then. */
  *read(reader: DumpReader, damaged: (offset: number, text: string) => void): Steps<void> {
    for (;;) {
      const next = yield* reader.peek();
      if (next === undefined || (next.header.inode.mode & S.mask) !== S.folder) return;
      const record = yield* reader.inode();
      if (record === undefined) return;
      const { header, at } = record;
      const data = yield* reader.bytes(record, folderBytesMax);
      const xattrs = yield* reader.xattrs(header.inodeNumber);
      yield 'breath';
      if (data === undefined) {
        damaged(at, `The directory of inode ${header.inodeNumber} is damaged`);
        continue;
      }
      const entries = entriesOfFolder(data);
      this.#names += entries.length + 1;
      if (this.#names > treeDumpNamesMax)
        throw new TreeFailure(`More than ${treeDumpNamesMax} names are too many`);
      this.#bytes += data.length + xattrs.reduce((sum, { value }) => sum + value.length, 0);
      if (this.#bytes > treeHeldBytesMax)
        throw new TreeFailure(`Directories of more than ${treeHeldBytesMax} bytes are too many`);
      this.#folders.set(header.inodeNumber, {
        record,
        entries,
        attributes: attributesOf(header.inode, xattrs),
      });
    }
  }
  folder(number: number): ReadFolder | undefined {
    return this.#folders.get(number);
  }
  /** The inode that a path leads to. */
  find(path: Buffer): number | undefined {
    let number = rootNumber;
    for (const name of path.toString('latin1').split('/')) {
      if (name === '') continue;
      const entry = this.#folders.get(number)?.entries.find((one) => one.name.toString('latin1') === name);
      if (entry === undefined) return undefined;
      number = entry.number;
    }
    return number;
  }
  /** An inode and all below it, a directory before what is in it. Each directory once, whatever a damaged dump says. */
  *below(number: number, path: Buffer): Generator<Visited> {
    const seen = new Set<number>();
    const folder = this.#folders.get(number);
    const next: Visited[] = [{ above: path, name: nothing, number, parent: number, folder }];
    for (let one = next.pop(); one !== undefined; one = next.pop()) {
      if (one.folder !== undefined) {
        if (seen.has(one.number)) continue;
        seen.add(one.number);
      }
      yield one;
      if (one.folder === undefined) continue;
      const above = pathOf(one);
      for (const { name, number: inside } of one.folder.entries.toReversed()) {
        if (above.length + 1 + name.length > treePathBytesMax) continue;
        next.push({ above, name, number: inside, parent: one.number, folder: this.#folders.get(inside) });
      }
    }
  }
}

const nothing = Buffer.alloc(0);

export function attributesOf(inode: DumpInode, xattrs: readonly Xattr[]): Attributes {
  const { modified, accessed } = inode;
  return {
    mode: inode.mode & 0o7777,
    uid: inode.uid,
    gid: inode.gid,
    modified: { seconds: modified.seconds, nanoseconds: (modified.microseconds % 1_000_000) * 1000 },
    accessed: { seconds: accessed.seconds, nanoseconds: (accessed.microseconds % 1_000_000) * 1000 },
    xattrs,
  };
}
