/**
 * Bytes of a tape image: three streams per partition (little-endian, as the machine has them: they are written a million
 * times a minute).
 *
 *   data-P      stored bytes of the records, one after another, nothing between them
 *   objects-P   one entry of 24 bytes per logical object, entry n at 24 n
 *   marks-P     u64 object number of each filemark, ascending
 *
 * Entry: u32 stored length, u8 type, u8 flags, u16 prefix length, u64 offset in data-P, u64 checksum.
 * A filemark has length 0. The prefix is the crypto header at the front of the stored bytes (encryption.format.ts).
 *
 * Checksum: XXH64 of the stored bytes with a seed that is XXH64 of the entry's first 16 bytes, u64 object number, u32
 * partition, u32 zero and the 8 bytes of the partition's salt. So an entry that lies in the wrong place, or is left from
 * another life of the cartridge, never verifies.
 */
import { bigintOf, writeBigint, xxh64, xxh64Of } from '#wire';

export const entryBytes = 24;
export const markBytes = 8;
export const saltBytes = 8;

export const OBJECT_TYPE = { record: 1, filemark: 2 } as const;
export const OBJECT_FLAG = { encrypted: 0x01 } as const;

export const dataStream = (partition: number): string => `data-${partition}`;
export const objectsStream = (partition: number): string => `objects-${partition}`;
export const marksStream = (partition: number): string => `marks-${partition}`;

const high = 0x1_0000_0000;
export const readU64 = (source: Buffer, at: number): number =>
  source.readUInt32LE(at) + source.readUInt32LE(at + 4) * high;
export function writeU64(target: Buffer, value: number, at: number): void {
  target.writeUInt32LE(value % high, at);
  target.writeUInt32LE(Math.floor(value / high), at + 4);
}

export interface Entry {
  readonly type: number;
  readonly flags: number;
  readonly prefixBytes: number;
  readonly storedBytes: number;
  readonly offset: number;
  readonly checksum: bigint;
}
export const decodeEntry = (source: Buffer, at: number): Entry => ({
  storedBytes: source.readUInt32LE(at),
  type: source.readUInt8(at + 4),
  flags: source.readUInt8(at + 5),
  prefixBytes: source.readUInt16LE(at + 6),
  offset: readU64(source, at + 8),
  checksum: bigintOf(source.readUInt32LE(at + 16), source.readUInt32LE(at + 20)),
});

/** Makes and checks entries of one partition in one life of it. */
export class EntrySealer {
  /** First 16 bytes of the entry, then what else goes into the seed. */
  readonly #scratch = Buffer.alloc(40);
  /** Those 16 alone: of a part of a Buffer `copy` makes a view first. */
  readonly #entry = this.#scratch.subarray(0, 16);

  constructor(partition: number, salt: Buffer) {
    this.#scratch.writeUInt32LE(partition, 24);
    salt.copy(this.#scratch, 32, 0, saltBytes);
  }
  checksumOf(entry: Omit<Entry, 'checksum'>, object: number, stored: readonly Uint8Array[]): bigint {
    const { type, flags, prefixBytes, storedBytes, offset } = entry;
    this.#begin(type, flags, prefixBytes, storedBytes, offset);
    return this.#checksumOf(object, stored);
  }
  #begin(type: number, flags: number, prefixBytes: number, storedBytes: number, offset: number): void {
    const scratch = this.#scratch;
    scratch.writeUInt32LE(storedBytes, 0);
    scratch.writeUInt8(type, 4);
    scratch.writeUInt8(flags, 5);
    scratch.writeUInt16LE(prefixBytes, 6);
    writeU64(scratch, offset, 8);
  }
  #checksumOf(object: number, stored: readonly Uint8Array[]): bigint {
    writeU64(this.#scratch, object, 16);
    return xxh64Of(stored, xxh64(this.#scratch));
  }
  /** Puts the whole entry of a record at `at`. */
  writeRecord(
    target: Buffer,
    at: number,
    flags: number,
    prefixBytes: number,
    storedBytes: number,
    offset: number,
    object: number,
    stored: readonly Uint8Array[],
  ): void {
    this.#begin(OBJECT_TYPE.record, flags, prefixBytes, storedBytes, offset);
    this.#put(target, at, object, stored);
  }
  writeFilemark(target: Buffer, at: number, offset: number, object: number): void {
    this.#begin(OBJECT_TYPE.filemark, 0, 0, 0, offset);
    this.#put(target, at, object, []);
  }
  #put(target: Buffer, at: number, object: number, stored: readonly Uint8Array[]): void {
    const checksum = this.#checksumOf(object, stored);
    this.#entry.copy(target, at);
    writeBigint(target, checksum, at + 16);
  }
}
