/**
 * Extended attributes as dump keeps them: a block as ext2 has it on the disk (fs/ext4/xattr.h): a head, entries with names, and
 * values that fill the block from its end. Access lists have a form of their own there (fs/ext4/acl.h).
 */
import { accessAcl, defaultAcl } from '../acl.js';
import type { Xattr } from '../xattrs.js';

const magicOfBlock = 0xea02_0000;
const magicInInode = 0xea02_0001;
const headBytes = 32;
const headInInodeBytes = 4;
const entryBytes = 16;
/** What restore has room for; offsets of values have 16 bits. */
const bytesMax = 64 * 1024 - 4;

/** What a name begins with, by number. */
const PREFIXES: readonly (readonly [index: number, prefix: string])[] = [
  [2, accessAcl],
  [3, defaultAcl],
  [1, 'user.'],
  [4, 'trusted.'],
  [6, 'security.'],
];
const rounded = (bytes: number): number => Math.ceil(bytes / 4) * 4;
const aclVersion = 1;
const named: ReadonlySet<number> = new Set([0x02, 0x08]); // one user, one group: only these have a number

/** Undefined when there is nothing to keep; `left` is called with what does not fit, or has no place there. */
export function xattrBlock(xattrs: readonly Xattr[], left: (name: string) => void): Buffer | undefined {
  const entries: { index: number; name: Buffer; value: Buffer }[] = [];
  let bytes = headBytes + 4;
  for (const { name, value } of xattrs) {
    const [index, prefix] = PREFIXES.find(([, start]) => name.startsWith(start)) ?? [0, ''];
    const rest = Buffer.from(name.slice(prefix.length), 'latin1');
    const kept = index === 2 || index === 3 ? aclOnDisk(value) : value;
    const size = rounded(entryBytes + rest.length) + rounded(kept?.length ?? 0);
    if (index === 0 || kept === undefined || rest.length > 255 || bytes + size > bytesMax) {
      left(name);
      continue;
    }
    bytes += size;
    entries.push({ index, name: rest, value: kept });
  }
  return entries.length === 0 ? undefined : blockOf(entries, bytes);
}

function blockOf(entries: readonly { index: number; name: Buffer; value: Buffer }[], bytes: number): Buffer {
  const block = Buffer.alloc(Math.ceil(bytes / 1024) * 1024);
  block.writeUInt32LE(magicOfBlock, 0);
  block.writeUInt32LE(1, 4); // held by one
  block.writeUInt32LE(1, 8); // one block
  let at = headBytes;
  let end = block.length;
  for (const { index, name, value } of entries) {
    end -= rounded(value.length);
    block.writeUInt8(name.length, at);
    block.writeUInt8(index, at + 1);
    block.writeUInt16LE(value.length === 0 ? 0 : end, at + 2);
    block.writeUInt32LE(value.length, at + 8);
    block.set(name, at + entryBytes);
    block.set(value, end);
    at += rounded(entryBytes + name.length);
  }
  return block;
}

/** What is in a block; undefined when it is damaged. */
export function xattrsOfBlock(block: Buffer): Xattr[] | undefined {
  const magic = block.length < headBytes ? 0 : block.readUInt32LE(0);
  if (magic !== magicOfBlock && magic !== magicInInode) return undefined;
  // Values in an inode are told from behind its head.
  const from = magic === magicInInode ? headInInodeBytes : 0;
  const xattrs: Xattr[] = [];
  let valueBytes = 0;
  for (let at = magic === magicInInode ? headInInodeBytes : headBytes; at + 4 <= block.length;) {
    if (block.readUInt32LE(at) === 0) return xattrs;
    if (at + entryBytes > block.length) return undefined;
    const length = block.readUInt8(at);
    const index = block.readUInt8(at + 1);
    const valueAt = from + block.readUInt16LE(at + 2);
    const size = block.readUInt32LE(at + 8);
    const prefix = PREFIXES.find(([number]) => number === index)?.[1];
    if (at + entryBytes + length > block.length || valueAt + size > block.length) return undefined;
    valueBytes += size;
    if (valueBytes > block.length) return undefined; // values that lie over one another
    const value = Buffer.from(block.subarray(valueAt, valueAt + size));
    const kept = index === 2 || index === 3 ? aclOffDisk(value) : value;
    if (prefix !== undefined && kept !== undefined) {
      xattrs.push({
        name: prefix + block.toString('latin1', at + entryBytes, at + entryBytes + length),
        value: kept,
      });
    }
    at += rounded(entryBytes + length);
  }
  return undefined;
}

/** From the kernel's form (version 2, eight bytes an entry): entries without a number are shorter on the disk. */
function aclOnDisk(value: Buffer): Buffer | undefined {
  if (value.length < 4 || (value.length - 4) % 8 !== 0 || value.readUInt32LE(0) !== 2) return undefined;
  const head = Buffer.alloc(4);
  head.writeUInt32LE(aclVersion, 0);
  const parts: Buffer[] = [head];
  for (let at = 4; at < value.length; at += 8) {
    parts.push(value.subarray(at, at + (named.has(value.readUInt16LE(at)) ? 8 : 4)));
  }
  return Buffer.concat(parts);
}
function aclOffDisk(value: Buffer): Buffer | undefined {
  if (value.length < 4 || value.readUInt32LE(0) !== aclVersion) return undefined;
  const head = Buffer.alloc(4);
  head.writeUInt32LE(2, 0);
  const parts: Buffer[] = [head];
  for (let at = 4; at < value.length;) {
    if (at + 4 > value.length) return undefined;
    const hasId = named.has(value.readUInt16LE(at));
    if (hasId && at + 8 > value.length) return undefined;
    parts.push(hasId ? value.subarray(at, at + 8) : Buffer.concat([value.subarray(at, at + 4), noId]));
    at += hasId ? 8 : 4;
  }
  return Buffer.concat(parts);
}
const noId = Buffer.alloc(4, 0xff);
