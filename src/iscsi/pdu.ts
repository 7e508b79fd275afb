/**
 * The hot part of the PDU codec, by hand: the fields that every command and every data PDU touches, read from and written
 * into one reused 48-byte buffer without an object per PDU. The layout's source of truth is pdu.table.ts; a property test
 * holds the two equal.
 */
import type { SerialNumber } from '#wire';
import { noTag } from './pdu.table.js';

export const OPCODE = {
  nopOut: 0x00,
  scsiCommand: 0x01,
  taskManagementRequest: 0x02,
  loginRequest: 0x03,
  textRequest: 0x04,
  dataOut: 0x05,
  logoutRequest: 0x06,
  snackRequest: 0x10,
  nopIn: 0x20,
  scsiResponse: 0x21,
  taskManagementResponse: 0x22,
  loginResponse: 0x23,
  textResponse: 0x24,
  dataIn: 0x25,
  logoutResponse: 0x26,
  readyToTransfer: 0x31,
  asyncMessage: 0x32,
  reject: 0x3f,
} as const;

export const FLAG = {
  final: 0x80,
  read: 0x40,
  write: 0x20,
  bidirectionalOverflow: 0x10,
  bidirectionalUnderflow: 0x08,
  overflow: 0x04,
  underflow: 0x02,
  hasStatus: 0x01,
} as const;

const byteAt = (bhs: Buffer, index: number): number => bhs[index] as number; // a BHS has 48 bytes

// --- read ---------------------------------------------------------------------------------------------------------

export const opcodeOf = (bhs: Buffer): number => byteAt(bhs, 0) & 0x3f;
export const isImmediate = (bhs: Buffer): boolean => (byteAt(bhs, 0) & 0x40) !== 0;
export const isFinal = (bhs: Buffer): boolean => (byteAt(bhs, 1) & 0x80) !== 0;
export const flagsOf = (bhs: Buffer): number => byteAt(bhs, 1);
export const ahsLengthOf = (bhs: Buffer): number => byteAt(bhs, 4) * 4;
export const dataSegmentLengthOf = (bhs: Buffer): number =>
  (byteAt(bhs, 5) << 16) | (byteAt(bhs, 6) << 8) | byteAt(bhs, 7);
export const initiatorTaskTagOf = (bhs: Buffer): number => bhs.readUInt32BE(16);
export const targetTransferTagOf = (bhs: Buffer): number => bhs.readUInt32BE(20);
export const expectedDataTransferLengthOf = (bhs: Buffer): number => bhs.readUInt32BE(20);
export const cmdSNOf = (bhs: Buffer): SerialNumber => bhs.readUInt32BE(24);
export const expStatSNOf = (bhs: Buffer): SerialNumber => bhs.readUInt32BE(28);
export const dataSNOf = (bhs: Buffer): number => bhs.readUInt32BE(36);
export const bufferOffsetOf = (bhs: Buffer): number => bhs.readUInt32BE(40);

// --- write --------------------------------------------------------------------------------------------------------

/** DataSegmentLength; everything sent goes through here. */
export function writeDataSegmentLength(bhs: Buffer, length: number): void {
  bhs[5] = length >>> 16;
  bhs[6] = (length >>> 8) & 0xff;
  bhs[7] = length & 0xff;
}

/** StatSN, ExpCmdSN, MaxCmdSN. */
export function writeStatusNumbers(
  bhs: Buffer,
  statSN: SerialNumber,
  expCmdSN: SerialNumber,
  maxCmdSN: SerialNumber,
): void {
  bhs.writeUInt32BE(statSN, 24);
  bhs.writeUInt32BE(expCmdSN, 28);
  bhs.writeUInt32BE(maxCmdSN, 32);
}

/** SCSI Data-In. `flags` of FLAG; `status` and `residual` count only with FLAG.hasStatus. Status numbers come after. */
export function writeDataIn(
  bhs: Buffer,
  flags: number,
  status: number,
  taskTag: number,
  dataSN: number,
  bufferOffset: number,
  residual: number,
): void {
  bhs.fill(0);
  bhs[0] = OPCODE.dataIn;
  bhs[1] = flags;
  bhs[3] = status;
  bhs.writeUInt32BE(taskTag, 16);
  bhs.writeUInt32BE(noTag, 20);
  bhs.writeUInt32BE(dataSN, 36);
  bhs.writeUInt32BE(bufferOffset, 40);
  bhs.writeUInt32BE(residual, 44);
}

/** SCSI Response "command completed at target". */
export function writeScsiResponse(
  bhs: Buffer,
  flags: number,
  status: number,
  taskTag: number,
  expDataSN: number,
  bidirectionalResidual: number,
  residual: number,
): void {
  bhs.fill(0);
  bhs[0] = OPCODE.scsiResponse;
  bhs[1] = FLAG.final | flags;
  bhs[3] = status;
  bhs.writeUInt32BE(taskTag, 16);
  bhs.writeUInt32BE(expDataSN, 36);
  bhs.writeUInt32BE(bidirectionalResidual, 40);
  bhs.writeUInt32BE(residual, 44);
}

/** Ready To Transfer. */
export function writeReadyToTransfer(
  bhs: Buffer,
  lun: Buffer,
  taskTag: number,
  transferTag: number,
  r2tSN: number,
  bufferOffset: number,
  length: number,
): void {
  bhs.fill(0);
  bhs[0] = OPCODE.readyToTransfer;
  bhs[1] = FLAG.final;
  lun.copy(bhs, 8);
  bhs.writeUInt32BE(taskTag, 16);
  bhs.writeUInt32BE(transferTag, 20);
  bhs.writeUInt32BE(r2tSN, 36);
  bhs.writeUInt32BE(bufferOffset, 40);
  bhs.writeUInt32BE(length, 44);
}

/** CRC32C as it travels: the first byte holds the low bits (RFC 7143 13.1). */
export function digestOf(crc: number): Buffer {
  const digest = Buffer.alloc(4);
  digest.writeUInt32LE(crc);
  return digest;
}
