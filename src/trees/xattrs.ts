/** Extended attributes and access control lists of one file, read for an archive. */
import { E, type TreeCalls } from '#env';
import { treeXattrBytesMax } from '../limits.js';
import { zeroEnded } from './tree-root.js';

export interface Xattr {
  /** `user.comment`, bytes as latin1. */
  readonly name: string;
  readonly value: Buffer;
}

const list = Buffer.alloc(treeXattrBytesMax);
const value = Buffer.alloc(treeXattrBytesMax);

/** None where the file system has none; undefined when they cannot be read. */
export function xattrsOf(calls: TreeCalls, handle: number): readonly Xattr[] | undefined {
  const bytes = calls.listXattrs(handle, list);
  if (bytes === 0 || bytes === -E.notSupported || bytes === -E.perm) return none;
  if (bytes < 0) return undefined;
  const xattrs: Xattr[] = [];
  for (const name of list.toString('latin1', 0, bytes).split('\0')) {
    if (name === '') continue;
    const length = calls.getXattr(handle, zeroEnded(Buffer.from(name, 'latin1')), value);
    if (length < 0) continue; // removed meanwhile, or not for us to see
    xattrs.push({ name, value: Buffer.from(value.subarray(0, length)) });
  }
  return xattrs;
}
const none: readonly Xattr[] = [];
