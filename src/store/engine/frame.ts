/**
 * Frames: how every structure of the engine but the containers lies on disk (S8): magic, version, kind, group, its own
 * address, length and checksum in front of a body, filled up to whole sectors.
 */
import { strict as assert } from 'node:assert';
import { xxh64 } from '#wire';

export const sectorBytes = 512;
const MAGIC = 0x46455354; // "TSEF"
const VERSION = 1;
export const frameHeaderBytes = 48;
const checksumAt = 40;

export const FRAME = { superblock: 1, checkpoint: 2, journal: 3, indexRun: 4, keys: 5 } as const;
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export interface FrameName {
  readonly kind: FrameKind;
  /** Which of several copies. */
  readonly copy: number;
  /** The group that it belongs to. */
  readonly group: bigint;
  /** Where it lies: number of the file, and offset in it. */
  readonly file: number;
  readonly offset: number;
}
export interface Frame {
  readonly copy: number;
  /** What the writer wants to know before the body is read; a journal batch says where its first copy lies. */
  readonly extra: number;
  readonly body: Buffer;
  /** Bytes on disk. */
  readonly bytes: number;
}

export const paddedBytes = (bytes: number, to: number): number => Math.ceil(bytes / to) * to;

export function encodeFrame(name: FrameName, extra: number, body: Buffer): Buffer {
  const bytes = frameHeaderBytes + body.length;
  const frame = Buffer.alloc(paddedBytes(bytes, sectorBytes));
  assert(body.length < 2 ** 32 && name.offset < 2 ** 32 && extra < 2 ** 32);
  frame.writeUInt32LE(MAGIC, 0);
  frame.writeUInt16LE(VERSION, 4);
  frame.writeUInt8(name.kind, 6);
  frame.writeUInt8(name.copy, 7);
  frame.writeUInt32LE(body.length, 8);
  frame.writeUInt32LE(extra, 12);
  frame.writeBigUInt64LE(name.group, 16);
  frame.writeUInt32LE(name.file, 24);
  frame.writeUInt32LE(name.offset, 28);
  body.copy(frame, frameHeaderBytes);
  frame.writeBigUInt64LE(xxh64(frame.subarray(0, bytes)), checksumAt);
  return frame;
}

/** Bytes that the frame with this header takes on disk; undefined when this is no such header. */
export function frameBytes(source: Buffer): number | undefined {
  if (source.length < frameHeaderBytes || source.readUInt32LE(0) !== MAGIC) return undefined;
  return paddedBytes(frameHeaderBytes + source.readUInt32LE(8), sectorBytes);
}

/** The frame at the front of `source`, if it is there whole and lies where it belongs. Any copy. */
export function decodeFrame(name: Omit<FrameName, 'copy'>, source: Buffer): Frame | undefined {
  const bytes = frameBytes(source);
  if (bytes === undefined || bytes > source.length) return undefined;
  if (source.readUInt16LE(4) !== VERSION || source.readUInt8(6) !== name.kind) return undefined;
  if (source.readBigUInt64LE(16) !== name.group) return undefined;
  if (source.readUInt32LE(24) !== name.file || source.readUInt32LE(28) !== name.offset) return undefined;
  const length = source.readUInt32LE(8);
  const copy = Buffer.from(source.subarray(0, frameHeaderBytes + length));
  const checksum = copy.readBigUInt64LE(checksumAt);
  copy.fill(0, checksumAt, checksumAt + 8);
  if (xxh64(copy) !== checksum) return undefined;
  return {
    copy: source.readUInt8(7),
    extra: source.readUInt32LE(12),
    body: copy.subarray(frameHeaderBytes),
    bytes,
  };
}
