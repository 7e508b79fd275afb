/**
 * MemberHeader: the blocks that lead a member of an archive: an extended header with what ustar cannot hold, and the ustar header.
 * As GNU tar's `--format=posix` writes them, so that it and others read them.
 */
import { S } from '#env';
import { treePathBytesMax, treePaxBytesMax } from '../../limits.js';
import { accessAcl, aclText, defaultAcl } from '../acl.js';
import type { FileStat } from '../file-stat.js';
import type { Xattr } from '../xattrs.js';
import { paxTime, PaxWriter } from './pax-records.js';
import { blockBytes, idMax, nameBytesMax, putHeader, secondsMax, sizeMax, typeFlag } from './ustar.js';

export interface Member {
  /** In the tree. */
  readonly path: Uint8Array;
  readonly stat: FileStat;
  readonly type: string;
  /** Of its data in the archive. */
  readonly size: number;
  readonly linkName?: Buffer;
  readonly xattrs: readonly Xattr[];
  /** Of a sparse file: how long it is, when `size` is that of its map and data. */
  readonly realSize?: number;
}

const slash = 0x2f;
const paxFolder = Buffer.from('./PaxHeaders/');
const sparseFolder = Buffer.from('./GNUSparseFile/');

/** `./a/b`. */
export function memberName(path: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('./'), path]);
}

export class MemberHeader {
  readonly #records = new PaxWriter();
  #bytes = Buffer.alloc(16 * blockBytes);
  /** `./`, the path, and for folders a slash. */
  readonly #name = Buffer.alloc(treePathBytesMax + 3, './');
  /** Of the extended header and of sparse files: a folder's name, and the last of the path. */
  readonly #paxName = Buffer.alloc(nameBytesMax);
  readonly #sparseName = Buffer.alloc(nameBytesMax);

  constructor() {
    this.#paxName.set(paxFolder);
    this.#sparseName.set(sparseFolder);
  }

  /** The blocks; a loan until the next. `left` is called with each attribute that there is no room for. */
  encode(member: Member, left: (xattr: string) => void): Buffer {
    const { path, stat, type, linkName } = member;
    const name = this.#nameOf(path, type === typeFlag.folder);
    this.#records.clear();
    this.#describe(member, name);
    if (member.xattrs.length > 0) this.#attributes(member.xattrs, left);
    const pax = this.#records.bytes;
    const body = blockBytes + Math.ceil(pax.length / blockBytes) * blockBytes;
    this.#grow(body + blockBytes);
    const [mode, uid, gid] = [stat.permissions, stat.uid, stat.gid];
    const { seconds } = stat.time('modified');
    const paxName = lastIn(this.#paxName, paxFolder.length, path);
    putHeader(this.#bytes, 0, {
      name: paxName,
      mode,
      uid,
      gid,
      size: pax.length,
      seconds,
      type: typeFlag.pax,
    });
    this.#bytes.fill(0, body - blockBytes, body);
    this.#bytes.set(pax, blockBytes);
    const isSparse = member.realSize !== undefined;
    const shown = isSparse ? lastIn(this.#sparseName, sparseFolder.length, path) : name;
    const device = type === typeFlag.character || type === typeFlag.block ? stat.device : undefined;
    const fields = { name: shown, mode, uid, gid, size: member.size, seconds, type, linkName, device };
    putHeader(this.#bytes, body, fields);
    return this.#bytes.subarray(0, body + blockBytes);
  }
  #nameOf(path: Uint8Array, isFolder: boolean): Buffer {
    this.#name.set(path, 2);
    let length = 2 + path.length;
    if (isFolder && path.length > 0) {
      this.#name[length] = slash;
      length += 1;
    }
    return this.#name.subarray(0, length);
  }
  #grow(bytes: number): void {
    if (this.#bytes.length < bytes) this.#bytes = Buffer.alloc(bytes);
  }
  /** What the ustar header cannot say, and times of more than a second's precision. */
  #describe({ stat, size, linkName, realSize }: Member, name: Buffer): void {
    const records = this.#records;
    if (realSize !== undefined) {
      records.add('GNU.sparse.major', '1');
      records.add('GNU.sparse.minor', '0');
      records.add('GNU.sparse.name', name);
      records.add('GNU.sparse.realsize', String(realSize));
    } else if (isLongOrForeign(name)) records.add('path', name);
    if (linkName !== undefined && isLongOrForeign(linkName)) records.add('linkpath', linkName);
    if (size > sizeMax) records.add('size', String(size));
    if (stat.uid > idMax) records.add('uid', String(stat.uid));
    if (stat.gid > idMax) records.add('gid', String(stat.gid));
    const modified = stat.time('modified');
    if (modified.nanoseconds !== 0 || modified.seconds < 0 || modified.seconds > secondsMax) {
      records.add('mtime', paxTime(modified));
    }
    records.add('atime', paxTime(stat.time('accessed')));
    records.add('ctime', paxTime(stat.time('changed')));
    if (stat.links > 1 && stat.fileType !== S.folder) records.add('comment', commentOf(stat.inode));
  }
  /** By the keys of star, which GNU tar took over. */
  #attributes(xattrs: readonly Xattr[], left: (xattr: string) => void): void {
    for (const { name, value } of xattrs) {
      const text = name === accessAcl || name === defaultAcl ? aclText(value) : undefined;
      if (this.#records.lengthBytes + value.length + name.length > treePaxBytesMax / 2) left(name);
      else if (text !== undefined) this.#records.add(aclKey[name] ?? name, text);
      else if (name === 'security.selinux') this.#records.add('RHT.security.selinux', value);
      else this.#records.add(`${xattrPrefix}${encodeKey(name)}`, value);
    }
  }
}
/** Whoever goes to a file directly, by another of its names than the one that is here, learns that it is the right one. */
const commentOf = (inode: bigint): string => `inode ${inode}, of several names`;
/** Undefined: it has this name only, or nobody knows. */
export function inodeOfComment(text: string): bigint | undefined {
  const digits = /^inode (\d{1,20}), of several names$/.exec(text)?.[1];
  return digits === undefined ? undefined : BigInt(digits);
}

export const xattrPrefix = 'SCHILY.xattr.';
export const aclKey: Readonly<Record<string, string>> = {
  [accessAcl]: 'SCHILY.acl.access',
  [defaultAcl]: 'SCHILY.acl.default',
};

/** GNU tar's way to have `=` in a key. */
const encodeKey = (name: string): string => name.replaceAll('%', '%25').replaceAll('=', '%3D');
export const decodeKey = (key: string): string => key.replaceAll('%3D', '=').replaceAll('%25', '%');

/** Does not fit, or is not ASCII: names in ustar headers have no character set. */
function isLongOrForeign(name: Uint8Array): boolean {
  if (name.length > nameBytesMax) return true;
  for (let at = 0; at < name.length; at += 1) if ((name[at] ?? 0) >= 0x80) return true;
  return false;
}

/** A name made of what is in `into` before `at`, and the last name of the path, as much of it as there is room for. */
function lastIn(into: Buffer, at: number, path: Uint8Array): Buffer {
  const last = path.subarray(path.lastIndexOf(slash) + 1).subarray(0, into.length - at);
  into.set(last, at);
  return into.subarray(0, at + last.length);
}
