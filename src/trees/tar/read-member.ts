/** ReadMember: what a header and the records before it say of a file. Nothing of it has been believed yet. */
import { S } from '#env';
import { accessAcl, aclOfText, defaultAcl } from '../acl.js';
import type { FileTime } from '../file-stat.js';
import type { Attributes } from '../restore/restorer.js';
import type { Xattr } from '../xattrs.js';
import { aclKey, decodeKey, inodeOfComment, xattrPrefix } from './member-header.js';
import { timeOfPax } from './pax-records.js';
import type { Extent } from './sparse-map.js';
import { gnuSparse, isPosix, numberIn, textIn, typeFlag, ustar } from './ustar.js';

export type PaxRecords = ReadonlyMap<string, Buffer>;

export type MemberKind = 'file' | 'folder' | 'symlink' | 'link' | 'node' | 'other';

export interface ReadMember {
  /** Byte of the image at which it begins, with what leads it. */
  readonly from: number;
  /** As it is written, `./` and all. */
  readonly name: Buffer;
  readonly kind: MemberKind;
  /** Of a node. */
  readonly fileType: number;
  readonly device: readonly [major: number, minor: number];
  readonly linkName: Buffer;
  /** How long the file is. */
  readonly size: number;
  readonly hasData: boolean;
  /** Of a sparse file: where it has data. */
  readonly extents?: readonly Extent[];
  readonly attributes: Attributes;
  /** Of a file that has other names too: its inode when it was saved. */
  readonly sharedInode: bigint | undefined;
}

const KINDS: Readonly<Record<string, readonly [MemberKind, fileType: number]>> = {
  [typeFlag.regular]: ['file', S.regular],
  [typeFlag.old]: ['file', S.regular],
  [typeFlag.contiguous]: ['file', S.regular],
  [typeFlag.gnuSparse]: ['file', S.regular],
  [typeFlag.link]: ['link', 0],
  [typeFlag.symlink]: ['symlink', S.symlink],
  [typeFlag.character]: ['node', S.character],
  [typeFlag.block]: ['node', S.block],
  [typeFlag.fifo]: ['node', S.fifo],
  [typeFlag.folder]: ['folder', S.folder],
  [typeFlag.gnuFolder]: ['folder', S.folder],
};
const none = Buffer.alloc(0);

/** Undefined when it holds what cannot be. `size`: of its data in the archive. */
export function memberOf(
  block: Buffer,
  records: PaxRecords,
  from: number,
  size: number,
): ReadMember | undefined {
  const type = String.fromCharCode(block[ustar.type[0]] ?? 0);
  const name = nameOf(block, records);
  const known = KINDS[type] ?? (/[A-Z]/.test(type) ? otherKind : KINDS[typeFlag.regular]) ?? otherKind;
  // Before there was a type for them, a slash at the end made a folder.
  const isOldFolder = type === typeFlag.old && name.at(-1) === 0x2f;
  const [kind, fileType] = isOldFolder ? folderKind : known;
  const realSize = kind === 'file' ? realSizeOf(block, type, records) : undefined;
  const attributes = attributesOf(block, records);
  const device = deviceOf(block, fileType);
  if (attributes === undefined || device === undefined || Number.isNaN(realSize ?? size)) return undefined;
  return {
    from,
    name,
    kind,
    fileType,
    device,
    linkName: Buffer.from(records.get('linkpath') ?? textIn(block, ustar.linkName)),
    size: realSize ?? size,
    // GNU tar: links have none, whatever they say; what is in a dumped folder is a list of names.
    hasData: kind === 'file' || kind === 'other' || type === typeFlag.gnuFolder,
    attributes,
    sharedInode: inodeOfComment(records.get('comment')?.toString('latin1') ?? ''),
  };
}
const otherKind: readonly [MemberKind, number] = ['other', 0];
const folderKind: readonly [MemberKind, number] = ['folder', S.folder];

/** Major of 12 bits and minor of 20, as Linux has them. What is no device has none, whatever it says. */
function deviceOf(block: Buffer, fileType: number): readonly [number, number] | undefined {
  if (fileType !== S.character && fileType !== S.block) return [0, 0];
  const [major, minor] = [numberIn(block, ustar.major), numberIn(block, ustar.minor)];
  return major >= 0 && major < 2 ** 12 && minor >= 0 && minor < 2 ** 20 ? [major, minor] : undefined;
}

function nameOf(block: Buffer, records: PaxRecords): Buffer {
  const told = records.get('GNU.sparse.name') ?? records.get('path');
  if (told !== undefined) return Buffer.from(told);
  const name = textIn(block, ustar.name);
  const prefix = isPosix(block) ? textIn(block, ustar.prefix) : none;
  return prefix.length === 0 ? Buffer.from(name) : Buffer.concat([prefix, Buffer.from('/'), name]);
}

function realSizeOf(block: Buffer, type: string, records: PaxRecords): number | undefined {
  if (type === typeFlag.gnuSparse) return numberIn(block, [gnuSparse.realSize, 12]);
  const told = records.get('GNU.sparse.realsize') ?? records.get('GNU.sparse.size');
  if (told === undefined) return undefined;
  const text = told.toString('latin1');
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function attributesOf(block: Buffer, records: PaxRecords): Attributes | undefined {
  const mode = numberIn(block, ustar.mode);
  const uid = idOf(records.get('uid'), numberIn(block, ustar.uid));
  const gid = idOf(records.get('gid'), numberIn(block, ustar.gid));
  const modified = timeOf(records.get('mtime'), numberIn(block, ustar.mtime));
  if (Number.isNaN(mode + uid + gid) || modified === undefined) return undefined;
  const accessed = timeOf(records.get('atime'), Number.NaN);
  return {
    mode: mode & 0o7777,
    uid,
    gid,
    modified,
    ...(accessed === undefined ? {} : { accessed }),
    xattrs: xattrsOf(records),
  };
}
function idOf(told: Buffer | undefined, otherwise: number): number {
  const value = told === undefined ? otherwise : Number(/^\d{1,10}$/.exec(told.toString('latin1'))?.[0]);
  return value >= 0 && value < 2 ** 32 - 1 ? value : Number.NaN;
}
function timeOf(told: Buffer | undefined, otherwise: number): FileTime | undefined {
  if (told !== undefined) return timeOfPax(told.toString('latin1'));
  return Number.isNaN(otherwise) ? undefined : { seconds: otherwise, nanoseconds: 0 };
}

function xattrsOf(records: PaxRecords): Xattr[] {
  const xattrs: Xattr[] = [];
  for (const [key, value] of records) {
    if (key.startsWith(xattrPrefix)) {
      // A copy: those of folders are kept, and must not keep the whole header.
      xattrs.push({ name: decodeKey(key.slice(xattrPrefix.length)), value: Buffer.from(value) });
    } else if (key === 'RHT.security.selinux') {
      xattrs.push({ name: 'security.selinux', value: Buffer.from(value) });
    }
  }
  for (const name of [accessAcl, defaultAcl]) {
    const text = records.get(aclKey[name] ?? '');
    const list = text === undefined || text.length === 0 ? undefined : aclOfText(text.toString('latin1'));
    if (list !== undefined) xattrs.push({ name, value: list });
  }
  return xattrs;
}
