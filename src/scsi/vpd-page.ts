/** vpdPage(): one row per vital product data page; designators; standard INQUIRY data (SPC-5 6.7 and 7.7). */
import { strict as assert } from 'node:assert';
import { ascii, bits, bytes, flag, record, u8, type Fields, type ValueOf } from '#wire';
import type { Nexus } from './nexus.js';

export interface VpdPage<Unit> {
  readonly page: number;
  readonly name: string;
  readonly spec: string;
  /** The page after its four-byte header. */
  body(unit: Unit, nexus: Nexus): Buffer;
}
interface FixedVpdPage<Unit, F extends Fields> {
  readonly page: number;
  readonly name: string;
  readonly spec: string;
  /** Bytes of the whole page with its header of four bytes. */
  readonly length: number;
  /** Bytes are counted from the first byte of the header. */
  readonly fields: F;
  readonly value: (unit: Unit, nexus: Nexus) => ValueOf<F>;
}

const headerBytes = 4;

/** A page of fixed fields. Pages that vary in length are written as VpdPage. */
export function vpdPage<Unit, const F extends Fields>(row: FixedVpdPage<Unit, F>): VpdPage<Unit> {
  const codec = record(row.length, row.fields);
  const { page, name, spec } = row;
  return {
    page,
    name,
    spec,
    body: (unit, nexus) => codec.encode(row.value(unit, nexus)).subarray(headerBytes),
  };
}

export class VpdPages<Unit> {
  readonly #rows: readonly VpdPage<Unit>[];
  constructor(rows: readonly VpdPage<Unit>[]) {
    this.#rows = rows.toSorted((a, b) => a.page - b.page);
    for (const [index, row] of this.#rows.entries()) {
      assert(row.page !== this.#rows[index + 1]?.page, `${row.name} has the code of another page`);
    }
  }
  /** Ascending. */
  get rows(): readonly VpdPage<Unit>[] {
    return this.#rows;
  }
  get codes(): readonly number[] {
    return this.#rows.map((row) => row.page);
  }
  /** The whole page as INQUIRY answers it; undefined when there is none. */
  render(page: number, peripheral: number, unit: Unit, nexus: Nexus): Buffer | undefined {
    const row = this.#rows.find((one) => one.page === page);
    if (row === undefined) return undefined;
    const body = row.body(unit, nexus);
    const header = Buffer.from([peripheral, page, 0, 0]);
    header.writeUInt16BE(body.length, 2);
    return Buffer.concat([header, body]);
  }
}

// --- standard INQUIRY data -----------------------------------------------------------------------------------------

/** SPC-5 6.7.2, the first 74 bytes; 75 to 95 are reserved. */
export const STANDARD_INQUIRY = record(96, {
  peripheralQualifier: bits(0, 7, 5),
  peripheralDeviceType: bits(0, 4, 0),
  removableMedium: flag(1, 7),
  version: u8(2),
  normalAca: flag(3, 5),
  hierarchicalSupport: flag(3, 4),
  responseDataFormat: bits(3, 3, 0),
  additionalLength: u8(4),
  accessControls: flag(5, 6),
  targetPortGroupSupport: bits(5, 5, 4),
  thirdPartyCopy: flag(5, 3),
  protect: flag(5, 0),
  enclosureServices: flag(6, 6),
  vendorFlag: flag(6, 5),
  multiPort: flag(6, 4),
  commandQueuing: flag(7, 1),
  vendor: ascii(8, 8),
  product: ascii(16, 16),
  revision: ascii(32, 4),
  vendorSpecific: bytes(36, 20),
  versionDescriptors: bytes(58, 16),
});

/** What a device type and its personality say of themselves; the rest follows. */
export interface InquiryData {
  readonly deviceType: number;
  readonly removableMedium: boolean;
  /** VERSION: 06h SPC-4, 07h SPC-5. */
  readonly version: number;
  readonly vendor: string;
  readonly product: string;
  readonly revision: string;
  /** Of VERSION_DESCRIPTOR, up to eight. */
  readonly versionDescriptors: readonly number[];
  /** Bytes 36 to 55, up to 20. */
  readonly vendorSpecific?: Uint8Array;
  /** PROTECT: logical block protection is possible (SSC). */
  readonly protect?: boolean;
  /** Vendor-specific bytes from 96. */
  readonly tail?: Uint8Array;
}

export function standardInquiry(data: InquiryData, multiPort: boolean): Buffer {
  const tail = data.tail ?? new Uint8Array(0);
  const vendorSpecific = Buffer.alloc(20);
  vendorSpecific.set(data.vendorSpecific ?? []);
  const versionDescriptors = Buffer.alloc(16);
  for (const [index, code] of data.versionDescriptors.entries())
    versionDescriptors.writeUInt16BE(code, 2 * index);
  const head = STANDARD_INQUIRY.encode({
    peripheralQualifier: 0,
    peripheralDeviceType: data.deviceType,
    removableMedium: data.removableMedium,
    version: data.version,
    normalAca: false,
    hierarchicalSupport: true, // LUNs as SAM-5 4.7 has them
    responseDataFormat: 2,
    additionalLength: STANDARD_INQUIRY.length + tail.length - 5,
    accessControls: false,
    targetPortGroupSupport: 1, // implicit: REPORT TARGET PORT GROUPS is there
    thirdPartyCopy: false,
    protect: data.protect ?? false,
    enclosureServices: false,
    vendorFlag: false,
    multiPort,
    commandQueuing: true,
    vendor: data.vendor,
    product: data.product,
    revision: data.revision,
    vendorSpecific,
    versionDescriptors,
  });
  return Buffer.concat([head, tail]);
}

// --- designators (SPC-5 7.7.6) ---------------------------------------------------------------------------------------

export interface Designator {
  readonly protocol?: 'iscsi';
  readonly codeSet: 'binary' | 'ascii' | 'utf-8';
  readonly association: 'logical-unit' | 'target-port' | 'target-device';
  /** DESIGNATOR TYPE. */
  readonly type: number;
  readonly value: Buffer;
}
const codeSets = { binary: 1, ascii: 2, 'utf-8': 3 } as const;
const associations = { 'logical-unit': 0, 'target-port': 1, 'target-device': 2 } as const;
const iscsiProtocol = 5;

export function encodeDesignator(designator: Designator): Buffer {
  const protocol = designator.protocol === undefined ? 0 : iscsiProtocol;
  const piv = designator.protocol === undefined ? 0 : 0x80;
  const header = Buffer.from([
    (protocol << 4) | codeSets[designator.codeSet],
    piv | (associations[designator.association] << 4) | designator.type,
    0,
    designator.value.length,
  ]);
  return Buffer.concat([header, designator.value]);
}

type Association = Designator['association'];

/** T10 vendor ID: eight bytes of vendor, then what is unique within it. */
export const t10Designator = (vendor: string, unique: string): Designator => ({
  codeSet: 'ascii',
  association: 'logical-unit',
  type: 1,
  value: Buffer.from(vendor.padEnd(8).slice(0, 8) + unique, 'latin1'),
});
/** NAA: 8 bytes (2h, 3h locally assigned, 5h), or 16 (6h). */
export const naaDesignator = (value: Buffer, association: Association = 'logical-unit'): Designator => {
  const naa = (value[0] ?? 0) >> 4;
  assert(
    value.length === (naa === 6 ? 16 : 8),
    'an NAA designator has 8 bytes, or 16 when its first digit is 6',
  );
  return { codeSet: 'binary', association, type: 3, value };
};
export const relativePortDesignator = (relativeTargetPort: number): Designator => ({
  protocol: 'iscsi',
  codeSet: 'binary',
  association: 'target-port',
  type: 4,
  value: Buffer.from([0, 0, relativeTargetPort >> 8, relativeTargetPort & 0xff]),
});
export const portGroupDesignator = (group: number): Designator => ({
  protocol: 'iscsi',
  codeSet: 'binary',
  association: 'target-port',
  type: 5,
  value: Buffer.from([0, 0, group >> 8, group & 0xff]),
});
/** SCSI name string: null-terminated, padded to a multiple of four bytes (SPC-5 7.7.6). */
export const nameDesignator = (name: string, association: Association): Designator => {
  const text = Buffer.from(`${name}\0`, 'utf8');
  const value = Buffer.alloc(Math.ceil(text.length / 4) * 4);
  text.copy(value);
  const plain: Designator = { codeSet: 'utf-8', association, type: 8, value };
  return association === 'logical-unit' ? plain : { ...plain, protocol: 'iscsi' };
};
