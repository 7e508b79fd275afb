/**
 * A container on disk (FORMAT.md, "Containers"): write-once and self-describing. Head (header, regions, chunks), then the
 * regions, then the fingerprints, then the head again, for the day that the first one rots.
 *
 *   S8 the header has the container's number, generation and address; the checksum of each region is seeded with the
 *      container and the place of the region in it, so that bytes of another never verify.
 *
 * With encryption the tables of the head are sealed, with the header as their context.
 */
import { strict as assert } from 'node:assert';
import { bigintOf, writeBigint, xxh64 } from '#wire';
import { StoreError } from '../../errors.js';
import {
  containerAlignBytes,
  containerChunksMax,
  containerRegionsMax,
  headAlignBytes,
  headBytesMax,
  regionAlignBytes,
  regionBytesMax,
} from './engine-limits.js';
import { paddedBytes } from './frame.js';
import { PLACE, plainRegions, type RegionCipher } from './region-cipher.js';
import type { RegionTable } from './region-table.js';
import { saltBytes, tagBytes } from './sealing.js';

const MAGIC = 0x4e435354; // "TSCN"
const FOOT = 0x45435354; // "TSCE"
const VERSION = 1;
const headerBytes = 112;
const regionEntryBytes = 32;
const chunkEntryBytes = 5;
const headChecksumAt = 64;
const saltAt = 80;
const tagAt = 96;
export const footBytes = 8;
export const fingerprintBytes = 32;

export const KIND = { data: 1, meta: 2 } as const;
export type ContainerKind = (typeof KIND)[keyof typeof KIND];

/** Where a container lies. */
export interface Place {
  readonly pack: number;
  readonly offset: number;
  readonly bytes: number;
}
export interface Region {
  readonly codec: number;
  /** Compressed as well as it can be. */
  readonly dense: boolean;
  readonly chunks: number;
  /** From the front of the container. */
  readonly offset: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
  readonly checksum: bigint;
}

/** What a container says about itself, at hand. */
export class Directory {
  readonly id: number;
  readonly generation: number;
  readonly kind: ContainerKind;
  readonly place: Place;
  /** What the keys of this image were made with; zeros when there are none. */
  readonly salt: Buffer;
  readonly regions: readonly Region[];
  readonly count: number;
  readonly rawBytes: number;
  /** Of each chunk, by index: its number in the container, ascending; bytes; region; offset in the raw region. */
  readonly ordinals: Uint16Array;
  readonly lengths: Uint32Array;
  readonly regionOf: Uint16Array;
  readonly offsets: Uint32Array;
  readonly fingerprintsOffset: number;
  readonly fingerprintsChecksum: bigint;
  /** 32 bytes a chunk, by index; loaded when they are needed. */
  fingerprints: Buffer | undefined;
  /** Another generation has taken its place: nothing may be found in it any more. */
  stale = false;

  constructor(fields: {
    readonly id: number;
    readonly generation: number;
    readonly kind: ContainerKind;
    readonly place: Place;
    readonly salt: Buffer;
    readonly regions: readonly Region[];
    readonly ordinals: Uint16Array;
    readonly lengths: Uint32Array;
    readonly fingerprintsOffset: number;
    readonly fingerprintsChecksum: bigint;
  }) {
    this.id = fields.id;
    this.generation = fields.generation;
    this.kind = fields.kind;
    this.place = fields.place;
    this.salt = fields.salt;
    this.regions = fields.regions;
    this.ordinals = fields.ordinals;
    this.lengths = fields.lengths;
    this.fingerprintsOffset = fields.fingerprintsOffset;
    this.fingerprintsChecksum = fields.fingerprintsChecksum;
    this.count = fields.ordinals.length;
    this.regionOf = new Uint16Array(this.count);
    this.offsets = new Uint32Array(this.count);
    let index = 0;
    let raw = 0;
    for (let number = 0; number < fields.regions.length; number++) {
      let offset = 0;
      for (const end = index + (fields.regions[number]?.chunks ?? 0); index < end; index++) {
        this.regionOf[index] = number;
        this.offsets[index] = offset;
        offset += this.lengths[index] ?? 0;
      }
      raw += offset;
    }
    this.rawBytes = raw;
  }
  /** Place of the chunk with that number, or -1. */
  indexOf(ordinal: number): number {
    if (this.ordinals[ordinal] === ordinal) return ordinal; // nothing was taken out before it
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ordinals[middle] ?? 0) < ordinal) low = middle + 1;
      else high = middle;
    }
    return this.ordinals[low] === ordinal ? low : -1;
  }
}

/** True when some of its chunks could be compressed better. */
export const isFast = ({ kind, regions }: Directory): boolean =>
  kind === KIND.data && regions.some(({ dense }) => !dense);

export const regionSeed = (container: number, region: number): bigint =>
  BigInt(container) * 65536n + BigInt(region);
export const alignedRegion = (bytes: number): number => paddedBytes(bytes, regionAlignBytes);
export const alignedHead = (bytes: number): number => paddedBytes(bytes, headAlignBytes);
export const headBytesOf = (regions: number, chunks: number): number =>
  headerBytes + regions * regionEntryBytes + chunks * chunkEntryBytes;
/** Bytes on disk of a container with so many bytes of regions (aligned), and so many behind the fingerprints. */
export function containerBytesOf(
  regions: number,
  chunks: number,
  regionBytes: number,
  overheadBytes: number,
): number {
  const head = headBytesOf(regions, chunks);
  const all = alignedHead(head) + regionBytes + chunks * fingerprintBytes + overheadBytes + head + footBytes;
  return paddedBytes(all, containerAlignBytes);
}
assert(headBytesOf(containerChunksMax / 16 + 24, containerChunksMax) <= headBytesMax);
assert(headerBytes === tagAt + tagBytes && tagAt === saltAt + saltBytes);

/** The header's facts that are not in the directory. */
export interface ContainerName {
  readonly group: bigint;
  readonly place: Place;
}

/** What a head is made of. */
export interface HeadFields {
  readonly id: number;
  readonly generation: number;
  readonly kind: ContainerKind;
  readonly salt: Buffer;
  readonly regions: RegionTable;
  /** Where the first region begins, from the front of the container. */
  readonly regionsOffset: number;
  readonly count: number;
  /** Of so many chunks. */
  readonly ordinals: Uint16Array;
  readonly lengths: Uint32Array;
  readonly fingerprintsOffset: number;
  readonly fingerprintsChecksum: bigint;
}

/** Makes `head`, which is as long as it must be, the head of the container, checksum included. Once for an image: it is sealed. */
export function encodeHead(
  name: ContainerName,
  fields: HeadFields,
  head: Buffer,
  cipher: RegionCipher = plainRegions,
): void {
  const { regions, count } = fields;
  assert(head.length === headBytesOf(regions.count, count));
  assert(head.length <= headBytesMax && count <= containerChunksMax);
  head.fill(0);
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt16LE(VERSION, 4);
  head.writeUInt8(fields.kind, 6);
  head.writeBigUInt64LE(name.group, 8);
  head.writeUInt32LE(fields.id, 16);
  head.writeUInt32LE(fields.generation, 20);
  head.writeUInt32LE(name.place.pack, 24);
  head.writeUInt32LE(name.place.offset, 28);
  head.writeUInt32LE(name.place.bytes, 32);
  head.writeUInt32LE(head.length, 36);
  head.writeUInt16LE(regions.count, 40);
  head.writeUInt16LE(count, 42);
  head.writeUInt32LE(fields.fingerprintsOffset, 44);
  head.writeBigUInt64LE(fields.fingerprintsChecksum, 48);
  fields.salt.copy(head, saltAt);
  encodeTables(fields, head);
  if (cipher.overheadBytes > 0) {
    const tables = head.subarray(headerBytes);
    const sealed = Buffer.alloc(tables.length + cipher.overheadBytes);
    cipher.seal(fields, PLACE.head, tables, sealed, head.subarray(0, tagAt));
    sealed.copy(tables, 0, 0, tables.length);
    sealed.copy(head, tagAt, tables.length);
  }
  head.writeBigUInt64LE(xxh64(head), headChecksumAt);
}
function encodeTables({ regions, regionsOffset, count, ordinals, lengths }: HeadFields, head: Buffer): void {
  let at = headerBytes;
  for (let region = 0; region < regions.count; region++) {
    head.writeUInt8(regions.codecOf(region), at);
    head.writeUInt8(regions.isDense(region) ? 1 : 0, at + 1);
    head.writeUInt16LE(regions.chunksOf(region), at + 2);
    head.writeUInt32LE(regionsOffset + regions.offsetOf(region), at + 4);
    head.writeUInt32LE(regions.storedBytesOf(region), at + 8);
    head.writeUInt32LE(regions.rawBytesOf(region), at + 12);
    writeBigint(head, regions.checksumOf(region), at + 16);
    at += regionEntryBytes;
  }
  for (let index = 0; index < count; index++) {
    head.writeUInt16LE(ordinals[index] ?? 0, at);
    head.writeUIntLE(lengths[index] ?? 0, at + 2, 3);
    at += chunkEntryBytes;
  }
}
/** The directory says what the head was made of. */
export function isDirectoryOf(directory: Directory, fields: HeadFields): boolean {
  const { regions, regionsOffset, count } = fields;
  if (directory.id !== fields.id || directory.generation !== fields.generation) return false;
  if (directory.kind !== fields.kind || !directory.salt.equals(fields.salt)) return false;
  if (directory.fingerprintsOffset !== fields.fingerprintsOffset) return false;
  if (directory.fingerprintsChecksum !== fields.fingerprintsChecksum) return false;
  if (directory.regions.length !== regions.count || directory.count !== count) return false;
  for (let number = 0; number < regions.count; number++) {
    const region = directory.regions[number];
    const isSame =
      region?.codec === regions.codecOf(number) &&
      region.dense === regions.isDense(number) &&
      region.chunks === regions.chunksOf(number) &&
      region.offset === regionsOffset + regions.offsetOf(number) &&
      region.storedBytes === regions.storedBytesOf(number) &&
      region.rawBytes === regions.rawBytesOf(number) &&
      region.checksum === regions.checksumOf(number);
    if (!isSame) return false;
  }
  for (let index = 0; index < count; index++) {
    if (directory.ordinals[index] !== fields.ordinals[index]) return false;
    if (directory.lengths[index] !== fields.lengths[index]) return false;
  }
  return true;
}
export function encodeFoot(headBytes: number): Buffer {
  const foot = Buffer.alloc(footBytes);
  foot.writeUInt32LE(headBytes, 0);
  foot.writeUInt32LE(FOOT, 4);
  return foot;
}
/** Bytes of the head before this end of a container; undefined when that has rotted. */
export function headBytesBefore(end: Buffer): number | undefined {
  if (end.length < footBytes || end.readUInt32LE(end.length - 4) !== FOOT) return undefined;
  const bytes = end.readUInt32LE(end.length - footBytes);
  return bytes <= headBytesMax ? bytes : undefined;
}

/** What a head at an unknown place says of itself, before anything is believed. */
export function peekHead(source: Buffer): { readonly id: number; readonly bytes: number } | undefined {
  if (source.length < headerBytes || source.readUInt32LE(0) !== MAGIC) return undefined;
  return { id: source.readUInt32LE(16), bytes: source.readUInt32LE(32) };
}

/** The directory, if the head verifies and belongs here. */
export function decodeHead(
  name: ContainerName,
  id: number,
  source: Buffer,
  cipher: RegionCipher = plainRegions,
): Directory | undefined {
  if (source.length < headerBytes || source.readUInt32LE(0) !== MAGIC) return undefined;
  const bytes = source.readUInt32LE(36);
  if (bytes < headerBytes || bytes > source.length) return undefined;
  const head = Buffer.from(source.subarray(0, bytes));
  const checksum = head.readBigUInt64LE(headChecksumAt);
  head.fill(0, headChecksumAt, headChecksumAt + 8);
  if (xxh64(head) !== checksum) return undefined;
  if (head.readUInt16LE(4) !== VERSION) {
    const facts = { container: id, version: head.readUInt16LE(4) };
    throw new StoreError('corrupt', `Container ${id} is of a format that this release does not know`, facts);
  }
  const { place, group } = name;
  if (head.readBigUInt64LE(8) !== group || head.readUInt32LE(16) !== id) return undefined;
  if (head.readUInt32LE(24) !== place.pack || head.readUInt32LE(28) !== place.offset) return undefined;
  if (head.readUInt32LE(32) !== place.bytes) return undefined;
  const salt = Buffer.from(head.subarray(saltAt, saltAt + saltBytes));
  const tables = head.subarray(headerBytes);
  const sealed = Buffer.concat([tables, head.subarray(tagAt, tagAt + cipher.overheadBytes)]);
  if (!cipher.open({ id, salt }, PLACE.head, sealed, tables, head.subarray(0, tagAt))) return undefined;
  return decodeTables(id, head, place, salt);
}
function decodeTables(id: number, head: Buffer, place: Place, salt: Buffer): Directory | undefined {
  const regions: Region[] = [];
  const regionCount = head.readUInt16LE(40);
  const count = head.readUInt16LE(42);
  if (headBytesOf(regionCount, count) !== head.length || regionCount > containerRegionsMax) return undefined;
  let at = headerBytes;
  let chunks = 0;
  for (let i = 0; i < regionCount; i++, at += regionEntryBytes) {
    const region = {
      codec: head.readUInt8(at),
      dense: head.readUInt8(at + 1) === 1,
      chunks: head.readUInt16LE(at + 2),
      offset: head.readUInt32LE(at + 4),
      storedBytes: head.readUInt32LE(at + 8),
      rawBytes: head.readUInt32LE(at + 12),
      checksum: bigintOf(head.readUInt32LE(at + 16), head.readUInt32LE(at + 20)),
    };
    if (region.rawBytes > regionBytesMax || region.offset + region.storedBytes > place.bytes)
      return undefined;
    chunks += region.chunks;
    regions.push(region);
  }
  if (chunks !== count) return undefined;
  const ordinals = new Uint16Array(count);
  const lengths = new Uint32Array(count);
  for (let i = 0; i < count; i++, at += chunkEntryBytes) {
    ordinals[i] = head.readUInt16LE(at);
    lengths[i] = head.readUIntLE(at + 2, 3);
  }
  return new Directory({
    id,
    generation: head.readUInt32LE(20),
    kind: head.readUInt8(6) === KIND.meta ? KIND.meta : KIND.data,
    place,
    salt,
    regions,
    ordinals,
    lengths,
    fingerprintsOffset: head.readUInt32LE(44),
    fingerprintsChecksum: head.readBigUInt64LE(48),
  });
}

/** What a container that does not say what it should is refused with. */
export const damaged = (
  container: number,
  what: string,
  facts: Readonly<Record<string, unknown>> = {},
): StoreError =>
  new StoreError('corrupt', `Container ${container}: its ${what} does not verify`, {
    container,
    what,
    ...facts,
  });
