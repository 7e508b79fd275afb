/**
 * The 512-byte header block of tar: ustar (POSIX.1-2017 pax, "ustar Interchange Format"), with what GNU tar makes of the same
 * places (its manual, "Basic Tar Format"): numbers in base 256, sparse maps, names in members of their own.
 */
import { strict as assert } from 'node:assert';

export const blockBytes = 512;

/** Where a field lies, and how long it is. */
export const ustar = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  ownerName: [265, 32],
  groupName: [297, 32],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const;
/** GNU's own, where ustar has the prefix: four pieces, whether more follow in blocks of their own, the whole size. */
export const gnuSparse = {
  pieces: 386,
  piecesMax: 4,
  isExtended: 482,
  realSize: 483,
  extensionMax: 21,
  extended: 504,
};

export const typeFlag = {
  regular: '0',
  link: '1',
  symlink: '2',
  character: '3',
  block: '4',
  folder: '5',
  fifo: '6',
  contiguous: '7',
  pax: 'x',
  solarisPax: 'X',
  globalPax: 'g',
  gnuName: 'L',
  gnuLinkName: 'K',
  gnuSparse: 'S',
  gnuFolder: 'D',
  gnuContinued: 'M',
  gnuVolume: 'V',
  old: '\0',
} as const;

const posixMagic = Buffer.from('ustar\u000000', 'latin1');

export interface HeaderFields {
  /** What is before the name's last `nameBytesMax` bytes is cut off. */
  readonly name: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly seconds: number;
  readonly type: string;
  readonly linkName?: Uint8Array | undefined;
  readonly device?: readonly [major: number, minor: number] | undefined;
}

/** What an octal field holds: a digit less than its length, which the NUL takes. */
const largest = (length: number): number => 8 ** (length - 1) - 1;
export const idMax = largest(ustar.uid[1]);
export const sizeMax = largest(ustar.size[1]);
export const secondsMax = largest(ustar.mtime[1]);
export const nameBytesMax = ustar.name[1];

/** Below 2^30 without fractions, which is much faster. */
const smallMax = 2 ** 30;

/** Digits up to `end`; numbers that do not fit are zero: a record of the extended header tells them. */
function putOctal(bytes: Buffer, end: number, digits: number, value: number, max: number): void {
  let left = value >= 0 && value <= max ? value : 0;
  let at = end;
  for (; left >= smallMax; at -= 1) {
    bytes[at] = 48 + (left % 8);
    left = Math.floor(left / 8);
  }
  for (let small = left | 0; at > end - digits; at -= 1) {
    bytes[at] = 48 + (small & 7);
    small >>>= 3;
  }
}

/** Writes the block at `at`; names are cut to their fields. */
export function putHeader(bytes: Buffer, at: number, fields: HeaderFields): void {
  const block = bytes.subarray(at, at + blockBytes);
  assert(block.length === blockBytes);
  block.fill(0);
  block.set(fields.name.length > nameBytesMax ? fields.name.subarray(0, nameBytesMax) : fields.name);
  putOctal(block, 106, 7, fields.mode, idMax);
  putOctal(block, 114, 7, fields.uid, idMax);
  putOctal(block, 122, 7, fields.gid, idMax);
  putOctal(block, 134, 11, fields.size, sizeMax);
  putOctal(block, 146, 11, fields.seconds, secondsMax);
  block[ustar.type[0]] = fields.type.charCodeAt(0);
  if (fields.linkName !== undefined) {
    block.set(fields.linkName.subarray(0, ustar.linkName[1]), ustar.linkName[0]);
  }
  block.set(posixMagic, ustar.magic[0]);
  putOctal(block, 335, 7, fields.device?.[0] ?? 0, idMax);
  putOctal(block, 343, 7, fields.device?.[1] ?? 0, idMax);
  let sum = blanks;
  for (let index = 0; index < blockBytes; index += 1) sum += block[index] ?? 0;
  putOctal(block, 153, 6, sum, idMax); // six digits, NUL, blank
  block[155] = 0x20;
}
/** What the field of the checksum counts as. */
const blanks = 8 * 0x20;

/** Of all bytes, those of the field itself as blanks. Old programs summed them up as signed. */
function checksums(block: Uint8Array): { readonly unsigned: number; readonly signed: number } {
  const [from, length] = ustar.checksum;
  let unsigned = 0;
  let high = 0;
  for (let index = 0; index < blockBytes; index += 1) {
    const byte = index >= from && index < from + length ? 0x20 : (block[index] ?? 0);
    unsigned += byte;
    high += byte >> 7;
  }
  return { unsigned, signed: unsigned - 256 * high };
}

export function isChecked(block: Buffer): boolean {
  const { unsigned, signed } = checksums(block);
  const told = numberIn(block, ustar.checksum);
  return told === unsigned || told === signed;
}

export function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** An octal number, blank or NUL around it, or GNU's base 256; NaN when it is neither, or beyond 2^53. An empty field is 0. */
export function numberIn(block: Buffer, [at, length]: readonly [number, number]): number {
  const first = block[at] ?? 0;
  if (first >= 0x80) return base256(block.subarray(at, at + length));
  const text = block.toString('latin1', at, at + length).replace(/^ +|[ \0][^]*$/g, '');
  if (text === '') return 0;
  const value = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
  return Number.isSafeInteger(value) ? value : Number.NaN;
}
/** 80h leads what is positive, FFh what is negative in two's complement. */
function base256(bytes: Buffer): number {
  const isNegative = bytes[0] === 0xff;
  let value = isNegative ? -1n : 0n;
  for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte);
  return value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : Number.NaN;
}

/** Up to the first NUL, or all of the field. */
export function textIn(block: Buffer, [at, length]: readonly [number, number]): Buffer {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return end === -1 ? field : field.subarray(0, end);
}

/** `ustar` and a NUL: then there is a prefix. GNU's is `ustar` and a blank. */
export function isPosix(block: Buffer): boolean {
  return block.toString('latin1', ustar.magic[0], ustar.magic[0] + 6) === 'ustar\0';
}
/** Something that says so itself: what is looked for behind a damaged place. */
export function hasMagic(block: Buffer): boolean {
  return block.toString('latin1', ustar.magic[0], ustar.magic[0] + 5) === 'ustar';
}
