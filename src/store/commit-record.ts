/** The commit record of a volume (FORMAT.md, "commit"): two slots, of which the valid one with the higher sequence counts. */
import { strict as assert } from 'node:assert';
import { ascii, record, u16, u32, u64, xxh64 } from '#wire';

export const slotBytes = 128 * 1024;
export const slots = 2;
/** Records are written in whole sectors: the unit in which a write tears. */
const sectorBytes = 512;
const MAGIC = 'TSVC';
const VERSION = 1;

export interface CommitRecord {
  readonly sequence: number;
  /** Committed bytes of each stream that is not empty. */
  readonly streams: ReadonlyMap<string, number>;
  readonly label: Buffer;
}

const header = record(48, {
  magic: ascii(0, 4),
  version: u16(4),
  slot: u16(6),
  sequence: u64(8),
  volume: u64(16),
  streams: u32(24),
  labelBytes: u32(28),
  bytes: u32(32),
  checksum: u64(40),
});
const checksumAt = 40;
/** Largest label that always fits with 64 streams. */
export const labelBytesMax = 120 * 1024;

const identityOf = (volume: string): bigint => xxh64(volume);

export function encodeCommit(volume: string, slot: number, commit: CommitRecord): Buffer {
  const streams = [...commit.streams].map(([name, length]) => {
    const entry = Buffer.alloc(1 + name.length + 8);
    entry.writeUInt8(name.length, 0);
    entry.write(name, 1, 'latin1');
    entry.writeBigUInt64BE(BigInt(length), 1 + name.length);
    return entry;
  });
  const body = Buffer.concat([...streams, commit.label]);
  const bytes = header.length + body.length;
  const fields = {
    magic: MAGIC,
    version: VERSION,
    slot,
    sequence: BigInt(commit.sequence),
    volume: identityOf(volume),
    streams: streams.length,
    labelBytes: commit.label.length,
    bytes,
    checksum: 0n,
  };
  const padded = Buffer.alloc(Math.ceil(bytes / sectorBytes) * sectorBytes);
  assert(padded.length <= slotBytes, 'streams and label fit a slot');
  header.encode(fields).copy(padded);
  body.copy(padded, header.length);
  padded.writeBigUInt64BE(xxh64(padded.subarray(0, bytes)), checksumAt);
  return padded;
}

/** The record in the bytes of a slot; undefined when there is none that verifies. */
export function decodeCommit(volume: string, slot: number, source: Buffer): CommitRecord | undefined {
  if (source.length < header.length) return undefined;
  const fields = header.decode(source);
  if (fields.magic !== MAGIC || fields.version !== VERSION || fields.slot !== slot) return undefined;
  if (fields.volume !== identityOf(volume)) return undefined;
  if (fields.bytes > source.length || fields.bytes < header.length + fields.labelBytes) return undefined;
  const copy = Buffer.from(source.subarray(0, fields.bytes));
  copy.fill(0, checksumAt, checksumAt + 8);
  if (xxh64(copy) !== fields.checksum) return undefined;
  const streams = new Map<string, number>();
  let at = header.length;
  for (let i = 0; i < fields.streams; i++) {
    const nameBytes = copy.readUInt8(at);
    const name = copy.toString('latin1', at + 1, at + 1 + nameBytes);
    streams.set(name, Number(copy.readBigUInt64BE(at + 1 + nameBytes)));
    at += 1 + nameBytes + 8;
  }
  return { sequence: Number(fields.sequence), streams, label: copy.subarray(at, at + fields.labelBytes) };
}
