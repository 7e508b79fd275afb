/**
 * Mam: the medium auxiliary memory of a mounted cartridge. Attributes of hosts are kept in the label; all others are
 * computed when asked. Writing here changes the label only: the drive commits it.
 */
import { TapesiloError } from '#errors';
import type { Cartridge } from './cartridge.js';
import type { CartridgeLabel, PartitionLabel } from './cartridge-label.js';
import type { Medium } from './media.table.js';
import {
  type AttributeFormat,
  attributeRow,
  type AttributeRow,
  ATTRIBUTES,
  VENDOR_HOST_ATTRIBUTES as VENDOR,
} from './mam.table.js';

export interface Attribute {
  readonly id: number;
  readonly readOnly: boolean;
  readonly format: AttributeFormat;
  readonly value: Buffer;
}
export interface AttributeChange {
  readonly id: number;
  readonly format: AttributeFormat;
  /** Empty: the attribute is removed. */
  readonly value: Buffer;
}

export type MamErrorCode =
  'no-such-partition' | 'unsupported' | 'read-only' | 'format' | 'length' | 'no-space';
/** facts.id is the attribute, facts.index its place in the list. */
export class MamError extends TapesiloError<MamErrorCode> {}

/** What the attributes of devices are computed from. */
export interface MamSource {
  readonly cartridge: Cartridge;
  readonly label: CartridgeLabel;
  remainingBytes(partition: number): number;
}

const MiB = 1024 * 1024;
/** Each attribute also takes its header. */
const headerBytes = 5;

export class Mam {
  readonly #source: MamSource;
  constructor(source: MamSource) {
    this.#source = source;
  }

  get partitions(): number {
    return this.#source.label.partitions.length;
  }

  /** All that have a value, ascending by id. */
  attributes(partition: number): readonly Attribute[] {
    const own = this.#partition(partition);
    const found: Attribute[] = [];
    for (const row of ATTRIBUTES) {
      const attribute = this.#attribute(row, partition);
      if (attribute !== undefined) found.push(attribute);
    }
    for (const [id, stored] of Object.entries(own.attributes)) {
      if (attributeRow(Number(id)) === undefined) found.push(fromStored(Number(id), stored));
    }
    return found.toSorted((a, b) => a.id - b.id);
  }
  attribute(id: number, partition: number): Attribute | undefined {
    const row = attributeRow(id);
    if (row !== undefined) return this.#attribute(row, partition);
    const stored = this.#partition(partition).attributes[id];
    return stored === undefined ? undefined : fromStored(id, stored);
  }

  /** Changes all or nothing. Throws MamError. */
  write(partition: number, changes: readonly AttributeChange[]): void {
    this.#partition(partition);
    changes.forEach((change, index) => checkChange(change, index));
    const added = changes.reduce(
      (sum, { value }) => sum + (value.length > 0 ? value.length + headerBytes : 0),
      0,
    );
    const removed = changes.reduce((sum, change) => sum + this.#storedBytes(change.id, partition), 0);
    if (added - removed > this.spaceRemaining()) {
      throw new MamError('no-space', 'The medium auxiliary memory is full', { needed: added - removed });
    }
    for (const change of changes) this.#store(partition, change);
  }

  spaceRemaining(): number {
    let used = 0;
    for (const { attributes } of this.#source.label.partitions) {
      for (const { value } of Object.values(attributes))
        used += Buffer.byteLength(value, 'base64') + headerBytes;
    }
    return Math.max(0, this.#source.cartridge.medium.mamBytes - used);
  }

  #partition(partition: number): PartitionLabel {
    const own = this.#source.label.partitions[partition];
    if (own === undefined)
      throw new MamError('no-such-partition', `There is no partition ${partition}`, { partition });
    return own;
  }
  #home(row: AttributeRow | undefined, partition: number): PartitionLabel {
    return this.#partition(row?.scope === 'volume' ? 0 : partition);
  }
  #storedBytes(id: number, partition: number): number {
    const stored = this.#home(attributeRow(id), partition).attributes[id];
    return stored === undefined ? 0 : Buffer.byteLength(stored.value, 'base64') + headerBytes;
  }
  #store(partition: number, { id, format, value }: AttributeChange): void {
    const row = attributeRow(id);
    const home = this.#home(row, partition);
    if (value.length === 0) {
      delete home.attributes[id];
      return;
    }
    home.attributes[id] = { format, value: padded(row, value).toString('base64') };
  }
  #attribute(row: AttributeRow, partition: number): Attribute | undefined {
    const stored = this.#home(row, partition).attributes[row.id];
    if (stored !== undefined) return fromStored(row.id, stored);
    const live = LIVE[row.id]?.(this.#source, this.#partition(partition), partition, this);
    if (live === undefined) return undefined;
    const bytes = typeof live === 'string' ? asciiBytes(live, row) : live;
    return { id: row.id, readOnly: row.owner !== 'host', format: row.format, value: bytes };
  }
}

const fromStored = (
  id: number,
  stored: { readonly format: AttributeFormat; readonly value: string },
): Attribute => ({ id, readOnly: false, format: stored.format, value: Buffer.from(stored.value, 'base64') });

function checkChange({ id, format, value }: AttributeChange, index: number): void {
  const refuse = (code: MamErrorCode, why: string): never => {
    throw new MamError(code, `Attribute ${id.toString(16).padStart(4, '0')}h: ${why}`, { id, index });
  };
  const row = attributeRow(id);
  if (row === undefined) {
    if (id < VENDOR.first || id > VENDOR.last) refuse('unsupported', 'not known');
    if (value.length > VENDOR.lengthMax) refuse('length', `at most ${VENDOR.lengthMax} bytes`);
    return;
  }
  if (row.owner !== 'host') refuse('read-only', 'not for hosts to write');
  if (value.length === 0) return;
  if (format !== row.format) refuse('format', `the format is ${row.format}`);
  const { min, max } = lengthRange(row);
  if (value.length < min || value.length > max) refuse('length', `${min} to ${max} bytes`);
}

/** Characters may be given short and are padded; binary values have one length. */
function lengthRange({ length, format }: AttributeRow): { min: number; max: number } {
  if (typeof length !== 'number') return length;
  return { min: format === 'binary' ? length : 1, max: length };
}
function padded(row: AttributeRow | undefined, value: Buffer): Buffer {
  if (row === undefined || typeof row.length !== 'number' || row.format === 'binary')
    return Buffer.from(value);
  return Buffer.concat([value], row.length).fill(row.format === 'ascii' ? ' ' : '\0', value.length);
}
const asciiBytes = (text: string, { length }: AttributeRow): Buffer => {
  const bytes = typeof length === 'number' ? length : text.length;
  return Buffer.from(text.slice(0, bytes).padEnd(bytes), 'latin1');
};
function number(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, Math.max(0, length - 6), Math.min(6, length));
  return bytes;
}
function big(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}
const megabytes = (bytes: number): Buffer => number(Math.floor(bytes / MiB), 8);

type Live = (
  source: MamSource,
  own: PartitionLabel,
  partition: number,
  mam: Mam,
) => Buffer | string | undefined;
const loadedBy =
  (index: number): Live =>
  ({ label }) =>
    label.loadedBy[index] ?? '';
/** LTO media carry 32 bytes of medium serial; ours begin with the maker's letters. */
const manufacturer = 'TAPESILO';

const position = (object: number | undefined): Buffer =>
  object === undefined ? big(0xffff_ffff_ffff_ffffn) : number(object, 8);

/** MAM 0408h: 00 data, 01 cleaning, 80 WORM. */
const mediumType = ({ cartridge }: MamSource): Buffer =>
  Buffer.from([cartridge.cleaning === undefined ? (cartridge.worm ? 0x80 : 0x00) : 0x01]);
const density = (medium: Medium): Buffer => Buffer.from([medium.densityCode]);

const LIVE: Readonly<Record<number, Live>> = {
  0x0000: (source, _, partition) => megabytes(source.remainingBytes(partition)),
  0x0001: (_, own) => megabytes(own.capacityBytes),
  0x0002: ({ label }) => big(BigInt(`0x${label.tapeAlerts}`)),
  0x0003: ({ label }) => number(label.statistics.loads, 8),
  0x0004: (_, __, ___, mam) => number(mam.spaceRemaining(), 8),
  0x0005: () => 'LTO-CVE',
  0x0006: ({ cartridge }) => density(cartridge.medium),
  0x0007: ({ label }) => number(Math.min(label.initializations, 0xffff), 2),
  0x0008: ({ cartridge }) => cartridge.barcode,
  0x0009: ({ label }) => number(label.changeReference, 4),
  0x020a: loadedBy(0),
  0x020b: loadedBy(1),
  0x020c: loadedBy(2),
  0x020d: loadedBy(3),
  0x0220: ({ label }) => megabytes(label.statistics.life.mediumBytesWritten),
  0x0221: ({ label }) => megabytes(label.statistics.life.mediumBytesRead),
  0x0222: ({ label }) => megabytes(label.statistics.lastLoad.mediumBytesWritten),
  0x0223: ({ label }) => megabytes(label.statistics.lastLoad.mediumBytesRead),
  0x0224: (_, own) => position(own.firstEncrypted),
  0x0225: (_, own) => position(own.firstPlainAfterEncrypted),
  0x0400: () => manufacturer,
  0x0401: ({ label }) => label.serial,
  0x0402: ({ cartridge }) => number(cartridge.medium.lengthMeters, 4),
  0x0403: ({ cartridge }) => number(cartridge.medium.widthTenthsMm, 4),
  0x0404: () => 'LTO-CVE',
  0x0405: ({ cartridge }) => density(cartridge.medium),
  0x0406: ({ label }) => label.manufactured,
  0x0407: ({ cartridge }) => number(cartridge.medium.mamBytes, 8),
  0x0408: mediumType,
  0x0409: () => number(0, 2),
  0x0806: ({ cartridge }) => cartridge.barcode,
};
