/**
 * FolderNames: the names in one folder, some at a time (`treeNamesBytes`), however many it has. They come in the order of their
 * inodes, which is about that of the disk; `.` and `..` never.
 */
import type { TreeCalls } from '#env';
import { treeNamesBytes } from '../limits.js';

/** struct linux_dirent64 (getdents(2)): inode, place of the next, length, type, name with its NUL. */
const direntAt = { inode: 0, length: 16, type: 18, name: 19 } as const;
const readBytes = 64 * 1024;
/** What a name takes up beside itself, so that many short ones are no way around the limit. */
const nameOverhead = 32;

/** d_type: only what is told apart before a file is looked at. */
export const entryType = { unknown: 0, folder: 4, regular: 8 } as const;

export interface FolderName {
  /** Ends with a NUL. */
  readonly name: Buffer;
  readonly type: number;
  /** Inode number, rounded: to sort by. */
  readonly order: number;
}

const from = Buffer.alloc(readBytes);
const view = new DataView(from.buffer, from.byteOffset, readBytes);

export interface SomeNames {
  /** Sorted. */
  readonly names: FolderName[];
  /** There are no others. */
  readonly isEnd: boolean;
}

/** The next names of an opened folder. A number is the error of a call. */
export function nextNames(calls: TreeCalls, folder: number): SomeNames | number {
  const names: FolderName[] = [];
  for (let bytes = 0; bytes < treeNamesBytes;) {
    const length = calls.entries(folder, from);
    // What it is will be told by the next call.
    if (length < 0) return names.length === 0 ? length : { names: sorted(names), isEnd: false };
    if (length === 0) return { names: sorted(names), isEnd: true };
    // One copy for all of them: the memory that is read into is used again.
    const batch = Buffer.from(from.subarray(0, length));
    for (let at = 0; at < length; at += view.getUint16(at + direntAt.length, true)) {
      const end = batch.indexOf(0, at + direntAt.name) + 1;
      const name = batch.subarray(at + direntAt.name, end);
      if (isDots(name)) continue;
      const order =
        view.getUint32(at + direntAt.inode + 4, true) * 2 ** 32 + view.getUint32(at + direntAt.inode, true);
      names.push({ name, type: view.getUint8(at + direntAt.type), order });
      bytes += name.length + nameOverhead;
    }
  }
  return { names: sorted(names), isEnd: false };
}

function sorted(names: FolderName[]): FolderName[] {
  return names.sort((a, b) => a.order - b.order || a.name.compare(b.name));
}

function isDots(name: Buffer): boolean {
  return name[0] === 0x2e && (name.length === 2 || (name[1] === 0x2e && name.length === 3));
}
