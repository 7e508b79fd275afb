/**
 * Logical block protection (SSC-4 8.3.9, mode page 0Ah subpage F0h): four bytes behind each block between application and
 * drive. Checked on write, added on read; the medium keeps its own checksums.
 */
import { CheckCondition, SENSE } from '#scsi';
import { crc32c, type Slab } from '#wire';
import { CONTROL_DATA_PROTECTION, CONTROL_DATA_PROTECTION_RS } from './mode-pages.table.js';
import { reedSolomonCrc } from './reed-solomon-crc.js';
import { cut, slicesOf, withSuffix } from './slabs.js';
import type { TapeUnit } from './tape-unit.js';

export const protectionBytes = 4;

export type Method = 'none' | 'reed-solomon-crc' | 'crc32c';
const METHODS: readonly Method[] = ['none', 'reed-solomon-crc', 'crc32c'];

interface Protection {
  readonly write: Method;
  readonly read: Method;
}
const unprotected: Protection = { write: 'none', read: 'none' };
/** What protects blocks in each direction now. */
export function protectionOf(unit: TapeUnit): Protection {
  const { modePages, personality } = unit;
  if (personality.protection.length === 0) return unprotected;
  const row = modePages.has(CONTROL_DATA_PROTECTION) ? CONTROL_DATA_PROTECTION : CONTROL_DATA_PROTECTION_RS;
  const { method: number, protectOnWrite, protectOnRead } = modePages.setting(row);
  if (!protectOnWrite && !protectOnRead) return unprotected;
  const method = METHODS[number] ?? 'none';
  return { write: protectOnWrite ? method : 'none', read: protectOnRead ? method : 'none' };
}

/** Bytes of protection information behind a block. */
export const extraBytes = (method: Method): number => (method === 'none' ? 0 : protectionBytes);

/** The four bytes for a block: RS-CRC most significant byte first, CRC32C least significant first, as in iSCSI digests. */
export function protectionOfBlock(slices: readonly Buffer[], method: Exclude<Method, 'none'>): Buffer {
  const information = Buffer.alloc(protectionBytes);
  let crc = 0;
  if (method === 'crc32c') {
    for (const slice of slices) crc = crc32c(slice, crc);
    information.writeUInt32LE(crc, 0);
  } else {
    for (const slice of slices) crc = reedSolomonCrc(slice, crc);
    information.writeUInt32BE(crc, 0);
  }
  return information;
}

/** The block with its protection information behind it; takes the record over. */
export const protect = (record: Slab, method: Method): Slab =>
  method === 'none' ? record : withSuffix(record, protectionOfBlock(record.slices, method));

/** The record without the protection information that came with it, once that is found right. Takes the block over. */
export function unprotect(block: Slab, method: Method, residue: number): Slab {
  if (method === 'none') return block;
  const length = block.length - protectionBytes;
  const sent = Buffer.concat(slicesOf(block, length, protectionBytes));
  const found = protectionOfBlock(slicesOf(block, 0, length), method);
  if (found.equals(sent)) return cut(block, length);
  block.release();
  throw new CheckCondition(SENSE.logicalBlockGuardCheckFailed, { information: residue });
}
