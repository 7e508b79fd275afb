/**
 * Where a job is at home: a handle of the configured root, and ways from there that nothing leads out of. Errors are sentences.
 */
import { E, type TreeCalls } from '#env';
import { TreeFailure } from './steps.js';

const slash = 0x2f;
export const dotName = Buffer.from('.\0');

/** With the NUL that system calls want. */
export function zeroEnded(bytes: Uint8Array): Buffer {
  const ended = Buffer.alloc(bytes.length + 1);
  ended.set(bytes);
  return ended;
}

const WORDS: Readonly<Record<number, string>> = {
  [E.perm]: 'not permitted',
  [E.noEntry]: 'there is no such file',
  [E.io]: 'the disk reports an error',
  [E.noMemory]: 'not enough memory',
  [E.access]: 'permission denied',
  [E.exists]: 'there is a file already',
  [E.crossDevice]: 'it leads out of the tree',
  [E.notFolder]: 'something on the way is no directory',
  [E.isFolder]: 'there is a directory',
  [E.invalid]: 'the file system refuses it',
  [E.tooManyOpen]: 'too many files are open',
  [E.noSpace]: 'there is no space left',
  [E.readOnly]: 'the file system is read-only',
  [E.nameTooLong]: 'the name is too long',
  [E.notEmpty]: 'a directory that is not empty is in the way',
  [E.loop]: 'a symbolic link is in the way',
  [E.notSupported]: 'the file system does not support it',
  [E.stale]: 'it is gone from the server',
  [E.quota]: 'the quota is used up',
};
/** What an error number (or the negative that calls return) means, for people. */
export function errorText(number: number): string {
  const positive = Math.abs(number);
  return WORDS[positive] ?? `error ${positive}`;
}

/** `path` relative to `root`, both absolute; undefined when it is not below it. `root` itself is the empty path. */
export function pathBelow(root: Buffer, path: Buffer): Buffer | undefined {
  const [from, to] = [plain(root), plain(path)];
  if (from === undefined || to === undefined) return undefined;
  if (from.length === 0) return to;
  if (to.equals(from)) return Buffer.alloc(0);
  return to.length > from.length && to[from.length] === slash && to.subarray(0, from.length).equals(from)
    ? to.subarray(from.length + 1)
    : undefined;
}

/** Without slashes at its ends, doubled slashes and `.`; undefined when it has a `..` or a NUL in it. */
export function plain(path: Uint8Array): Buffer | undefined {
  const text = Buffer.from(path.buffer, path.byteOffset, path.length).toString('latin1');
  if (text.includes('\0')) return undefined;
  const names = text.split('/').filter((name) => name !== '' && name !== '.');
  return names.includes('..') ? undefined : Buffer.from(names.join('/'), 'latin1');
}

/** Opens the configured root. Throws TreeFailure. */
export function openRoot(calls: TreeCalls, root: Buffer): number {
  const handle = calls.openRoot(zeroEnded(root));
  if (handle < 0) throw new TreeFailure(`${root.toString()} cannot be opened: ${errorText(handle)}`);
  return handle;
}
