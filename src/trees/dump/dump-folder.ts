/**
 * What a dump holds of a directory: entries of 4.4BSD (number, length of the entry, type, length of the name, name with a NUL), none
 * of which crosses 512 bytes. `.` and `..` come first.
 */
import { tapeBlockBytes } from './dump-header.js';
import { entryTypeOf } from './inventory.js';

const folderBlockBytes = 512;
const headBytes = 8;
const folderType = entryTypeOf(0o040000);

export interface FolderEntry {
  readonly number: number;
  readonly type: number;
  readonly name: Buffer;
}

/** Whole tape blocks. */
export function folderBlocks(
  self: number,
  parent: number,
  entries: Iterable<readonly [number: number, type: number, name: Buffer]>,
): Buffer {
  const blocks: Buffer[] = [];
  let block = Buffer.alloc(folderBlockBytes);
  let at = 0;
  let last = 0;
  const put = (number: number, type: number, name: Buffer): void => {
    const length = Math.ceil((headBytes + name.length + 1) / 4) * 4;
    if (at + length > folderBlockBytes) {
      block.writeUInt16LE(folderBlockBytes - last, last + 4);
      blocks.push(block);
      block = Buffer.alloc(folderBlockBytes);
      at = 0;
    }
    block.writeUInt32LE(number, at);
    block.writeUInt16LE(length, at + 4);
    block.writeUInt8(type, at + 6);
    block.writeUInt8(name.length, at + 7);
    block.set(name, at + headBytes);
    last = at;
    at += length;
  };
  put(self, folderType, Buffer.from('.'));
  put(parent, folderType, Buffer.from('..'));
  for (const [number, type, name] of entries) put(number, type, name);
  block.writeUInt16LE(folderBlockBytes - last, last + 4);
  blocks.push(block);
  if ((blocks.length * folderBlockBytes) % tapeBlockBytes !== 0) blocks.push(emptyBlock());
  return Buffer.concat(blocks);
}
/** One entry of no number, as long as the block. */
function emptyBlock(): Buffer {
  const block = Buffer.alloc(folderBlockBytes);
  block.writeUInt16LE(folderBlockBytes, 4);
  return block;
}

/** Entries but for `.` and `..`; what is damaged ends its block. */
export function entriesOfFolder(data: Buffer): FolderEntry[] {
  const entries: FolderEntry[] = [];
  for (let start = 0; start + folderBlockBytes <= data.length; start += folderBlockBytes) {
    const end = start + folderBlockBytes;
    for (let at = start; at + headBytes <= end;) {
      const length = data.readUInt16LE(at + 4);
      const nameLength = data.readUInt8(at + 7);
      if (length < headBytes + nameLength || at + length > end || length % 4 !== 0) break;
      const number = data.readUInt32LE(at);
      const name = data.subarray(at + headBytes, at + headBytes + nameLength);
      if (number !== 0 && isName(name)) {
        entries.push({ number, type: data.readUInt8(at + 6), name: Buffer.from(name) });
      }
      at += length;
    }
  }
  return entries;
}
function isName(name: Buffer): boolean {
  const text = name.toString('latin1');
  return text !== '' && text !== '.' && text !== '..' && !/[/\0]/.test(text);
}
