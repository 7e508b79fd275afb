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

/** Gone meanwhile, or not for us to see. */
const PASSED_OVER: ReadonlySet<number> = new Set([-E.noData, -E.perm, -E.access, -E.notSupported]);

/** None where the file system has none; undefined when they cannot be read. `left` is told of each that cannot. */
export function xattrsOf(
  calls: TreeCalls,
  handle: number,
  left: (name: string, error: number) => void,
): readonly Xattr[] | undefined {
  const bytes = calls.listXattrs(handle, list);
  if (bytes === 0 || bytes === -E.notSupported || bytes === -E.perm) return none;
  if (bytes < 0) return undefined;
  const xattrs: Xattr[] = [];
  for (const name of list.toString('latin1', 0, bytes).split('\0')) {
    if (name === '') continue;
    const length = calls.getXattr(handle, zeroEnded(Buffer.from(name, 'latin1')), value);
    if (length >= 0) xattrs.push({ name, value: Buffer.from(value.subarray(0, length)) });
    else if (!PASSED_OVER.has(length)) left(name, length);
  }
  return xattrs;
}
const none: readonly Xattr[] = [];
