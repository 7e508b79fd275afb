/**
 * The label of a cartridge's volume: everything about a cartridge that is not a record or a filemark, made durable
 * with them by one commit.
 *
 * Bytes (big-endian): magic "TSCL", u16 version, u16 zero, u32 length of the body, u64 XXH64 of the body, body: JSON,
 * UTF-8. A later version may add members; a reader refuses versions above its own.
 */
import { StoreError } from '#errors';
import { ascii, record, u16, u32, u64, xxh64 } from '#wire';
import { noVolumeStatistics, type VolumeStatistics } from './drive-counters.js';
import type { AttributeFormat } from './mam.table.js';

export interface StoredAttribute {
  readonly format: AttributeFormat;
  /** Base64. */
  readonly value: string;
}
export interface PartitionLabel {
  /** Hex; goes into every checksum of the partition, and is new whenever the partition becomes empty. */
  salt: string;
  /** Bytes up to early warning. */
  capacityBytes: number;
  /** Host attributes by id (decimal), of partition scope; partition 0 also holds those of volume scope. */
  attributes: Record<string, StoredAttribute>;
  /** Object numbers; absent while there is none. */
  firstEncrypted?: number;
  firstPlainAfterEncrypted?: number;
}
export interface CartridgeLabel {
  /** Medium serial number, MAM 0401h. */
  serial: string;
  /** YYYYMMDD, MAM 0406h. */
  manufactured: string;
  partitions: PartitionLabel[];
  /** SET CAPACITY: 65535 is all of it. */
  capacityProportion: number;
  /** FORMAT MEDIUM and SET CAPACITY. */
  initializations: number;
  /** MAM 0009h: changes at most once per load, with the first change of content (T7). */
  changeReference: number;
  /** Vendor and serial of the drives of the last four loads, latest first. */
  loadedBy: string[];
  statistics: VolumeStatistics;
  /** Hex of 64 bits, flag 1 first: those of the load before this one (MAM 0002h). */
  tapeAlerts: string;
}

const header = record(20, { magic: ascii(0, 4), version: u16(4), length: u32(8), checksum: u64(12) });
const MAGIC = 'TSCL';
const VERSION = 1;

export function encodeLabel(label: CartridgeLabel): Buffer {
  const body = Buffer.from(JSON.stringify(label), 'utf8');
  const head = header.encode({ magic: MAGIC, version: VERSION, length: body.length, checksum: xxh64(body) });
  return Buffer.concat([head, body]);
}

/** Throws StoreError 'corrupt'; facts.version when it is of a later release. */
export function decodeLabel(bytes: Buffer): CartridgeLabel {
  if (bytes.length < header.length) throw new StoreError('corrupt', 'The cartridge label is too short');
  const { magic, version, length, checksum } = header.decode(bytes);
  if (magic !== MAGIC) throw new StoreError('corrupt', 'This is no cartridge label', { magic });
  if (version > VERSION)
    throw new StoreError('corrupt', 'The cartridge label is of a later release', { version });
  const body = bytes.subarray(header.length, header.length + length);
  if (body.length !== length || xxh64(body) !== checksum) {
    throw new StoreError('corrupt', 'The cartridge label does not match its checksum');
  }
  const label = JSON.parse(body.toString('utf8')) as CartridgeLabel; // ours: the checksum just said so
  return {
    ...label,
    tapeAlerts: label.tapeAlerts ?? '0',
    statistics: { ...noVolumeStatistics(), ...label.statistics },
  };
}
