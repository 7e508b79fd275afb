/**
 * The 1024-byte header record of dump (protocols/dumprestore.h of 4.4BSD, with what Linux's dump added), little-endian. Everything in a
 * dump is a multiple of such blocks.
 */

export const tapeBlockBytes = 1024;
/** Blocks of data that one header can lead. */
export const blocksMax = 512;
/** Blocks that Linux's dump writes at a time, and restore reads. */
export const recordBlocks = 10;

/** Where fields lie; all of four bytes unless said otherwise. */
const at = {
  type: 0,
  date: 4,
  baseDate: 8,
  volume: 12,
  tapeBlock: 16,
  inode: 20,
  magic: 24,
  checksum: 28,
  /** struct new_bsd_inode: two bytes of mode, two of links, two of old uid, two of old gid, eight of size. */
  mode: 32,
  links: 34,
  oldUid: 36,
  oldGid: 38,
  size: 40,
  /** Seconds and microseconds. */
  accessed: 48,
  modified: 56,
  changed: 64,
  device: 72,
  uid: 144,
  gid: 148,
  count: 160,
  /** A byte for each block: 1 is data, 0 a hole. */
  blocks: 164,
  /** Names of 16, 64, 64 and 64 bytes. */
  label: 676,
  level: 692,
  fileSystem: 696,
  deviceName: 760,
  host: 824,
  flags: 888,
  recordBlocks: 896,
  extended: 900,
} as const;
const nameBytes = 64;
const labelBytes = 16;

export const RECORD = { tape: 1, inode: 2, map: 3, more: 4, end: 5, used: 6 } as const;
/** From 1901 to 2038. */
export const secondsMax = 2 ** 31 - 1;
/** c_flags: inodes of 4.4BSD's form; what follows are extended attributes of an inode. */
const newInodes = 0x0002;
const hasExtended = 0x8000;
/** c_extattributes: those of ext2. */
const extendedExt2 = 3;
/** Inodes of 4.4BSD: NFS_MAGIC. And what all words of a header sum up to. */
const magic = 60_012;
const checksum = 84_446;

/** Two numbers of 32 bits each, signed for seconds. */
export interface DumpTime {
  readonly seconds: number;
  readonly microseconds: number;
}
export interface DumpInode {
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly accessed: DumpTime;
  readonly modified: DumpTime;
  readonly changed: DumpTime;
  /** As dev_t of Linux, of devices. */
  readonly device: number;
}
/** Of the whole dump: in each header. */
export interface DumpLabel {
  readonly dateSeconds: number;
  readonly baseSeconds: number;
  readonly level: number;
  readonly fileSystem: Uint8Array;
}
export interface DumpHeader {
  readonly type: number;
  readonly dateSeconds: number;
  readonly baseSeconds: number;
  readonly level: number;
  readonly inodeNumber: number;
  readonly inode: DumpInode;
  readonly count: number;
  /** A byte for each block; a view. */
  readonly blocks: Buffer;
  readonly isExtended: boolean;
}

/** A header in the making; what is not set anew stays from the one before. */
export class DumpHeaderWriter {
  readonly #bytes = Buffer.alloc(tapeBlockBytes);

  constructor(label: DumpLabel) {
    const bytes = this.#bytes;
    bytes.writeInt32LE(label.dateSeconds | 0, at.date);
    bytes.writeInt32LE(label.baseSeconds | 0, at.baseDate);
    bytes.writeInt32LE(1, at.volume);
    bytes.writeInt32LE(magic, at.magic);
    bytes.write('none', at.label, labelBytes, 'latin1');
    bytes.writeInt32LE(label.level, at.level);
    bytes.set(label.fileSystem.subarray(0, nameBytes - 1), at.fileSystem);
    bytes.write('tree', at.deviceName, 'latin1');
    bytes.write('tapesilo', at.host, 'latin1');
    bytes.writeInt32LE(recordBlocks, at.recordBlocks);
  }
  /** Clears what is of one inode. */
  inode(inode: DumpInode | undefined): void {
    const bytes = this.#bytes.fill(0, at.mode, at.count);
    if (inode === undefined) return;
    bytes.writeUInt16LE(inode.mode, at.mode);
    bytes.writeUInt16LE(Math.min(inode.links, 0x7fff), at.links);
    bytes.writeUInt16LE(inode.uid & 0xffff, at.oldUid);
    bytes.writeUInt16LE(inode.gid & 0xffff, at.oldGid);
    bytes.writeBigUInt64LE(BigInt(inode.size), at.size);
    for (const which of ['accessed', 'modified', 'changed'] as const) {
      bytes.writeInt32LE(Math.min(Math.max(inode[which].seconds, -secondsMax), secondsMax), at[which]);
      bytes.writeInt32LE(inode[which].microseconds, at[which] + 4);
    }
    bytes.writeUInt32LE(inode.device, at.device);
    bytes.writeUInt32LE(inode.uid, at.uid);
    bytes.writeUInt32LE(inode.gid, at.gid);
  }
  size(lengthBytes: number): void {
    this.#bytes.writeBigUInt64LE(BigInt(lengthBytes), at.size);
  }
  /** `isData` of each of `count` blocks; undefined: they are not told one by one (maps). A loan until the next. */
  record(
    type: number,
    number: number,
    blocks: { readonly count: number; readonly isData?: (block: number) => boolean },
    position: number,
    isExtended = false,
  ): Buffer {
    const bytes = this.#bytes;
    bytes.writeInt32LE(type, at.type);
    bytes.writeUInt32LE(Math.floor(position / tapeBlockBytes) % 2 ** 32, at.tapeBlock);
    bytes.writeUInt32LE(number, at.inode);
    bytes.writeInt32LE(blocks.count, at.count);
    bytes.fill(0, at.blocks, at.label);
    if (blocks.isData !== undefined) {
      for (let index = 0; index < blocks.count; index += 1) {
        bytes[at.blocks + index] = blocks.isData(index) ? 1 : 0;
      }
    }
    bytes.writeInt32LE(newInodes | (isExtended ? hasExtended : 0), at.flags);
    bytes.writeInt32LE(isExtended ? extendedExt2 : 0, at.extended);
    bytes.writeInt32LE(0, at.checksum);
    bytes.writeInt32LE((checksum - sumOf(bytes)) | 0, at.checksum);
    return bytes;
  }
}

/** Of all its words, as signed numbers of 32 bits. */
function sumOf(bytes: Buffer): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, tapeBlockBytes);
  let sum = 0;
  for (let word = 0; word < tapeBlockBytes; word += 4) sum = (sum + view.getInt32(word, true)) | 0;
  return sum;
}

/** Undefined when it is no header. */
export function dumpHeaderOf(bytes: Buffer): DumpHeader | undefined {
  if (bytes.readInt32LE(at.magic) !== magic || sumOf(bytes) !== checksum) return undefined;
  const time = (from: number): DumpTime => ({
    seconds: bytes.readInt32LE(from),
    microseconds: bytes.readUInt32LE(from + 4),
  });
  const count = bytes.readInt32LE(at.count);
  const size = Number(bytes.readBigUInt64LE(at.size));
  if (count < 0 || !Number.isSafeInteger(size)) return undefined;
  return {
    type: bytes.readInt32LE(at.type),
    dateSeconds: bytes.readInt32LE(at.date),
    baseSeconds: bytes.readInt32LE(at.baseDate),
    level: bytes.readInt32LE(at.level),
    inodeNumber: bytes.readUInt32LE(at.inode),
    inode: {
      mode: bytes.readUInt16LE(at.mode),
      links: bytes.readUInt16LE(at.links),
      uid: bytes.readUInt32LE(at.uid),
      gid: bytes.readUInt32LE(at.gid),
      size,
      accessed: time(at.accessed),
      modified: time(at.modified),
      changed: time(at.changed),
      device: bytes.readUInt32LE(at.device),
    },
    count,
    blocks: Buffer.from(bytes.subarray(at.blocks, at.blocks + Math.min(count, blocksMax))),
    isExtended: (bytes.readInt32LE(at.flags) & hasExtended) !== 0,
  };
}
