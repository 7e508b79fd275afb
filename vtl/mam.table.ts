/**
 * Attributes of the medium auxiliary memory (SPC-5 7.4, LTO). `device`: written by drives; `medium`: by the maker; `host`: by
 * applications. `volume` scope: one value, whichever partition is asked.
 */
export type AttributeFormat = 'binary' | 'ascii' | 'text';
export type AttributeOwner = 'device' | 'medium' | 'host';

export interface AttributeRow {
  readonly id: number;
  readonly name: string;
  readonly owner: AttributeOwner;
  readonly format: AttributeFormat;
  /** Bytes; variable attributes have a range. */
  readonly length: number | { readonly min: number; readonly max: number };
  readonly scope: 'volume' | 'partition';
}

const row = (
  id: number,
  name: string,
  owner: AttributeOwner,
  format: AttributeFormat,
  length: AttributeRow['length'],
  scope: AttributeRow['scope'] = 'volume',
): AttributeRow => ({ id, name, owner, format, length, scope });

// prettier-ignore
export const ATTRIBUTES: readonly AttributeRow[] = [
  row(0x0000, 'REMAINING CAPACITY IN PARTITION', 'device', 'binary', 8, 'partition'),
  row(0x0001, 'MAXIMUM CAPACITY IN PARTITION', 'device', 'binary', 8, 'partition'),
  row(0x0002, 'TAPEALERT FLAGS', 'device', 'binary', 8),
  row(0x0003, 'LOAD COUNT', 'device', 'binary', 8),
  row(0x0004, 'MAM SPACE REMAINING', 'device', 'binary', 8),
  row(0x0005, 'ASSIGNING ORGANIZATION', 'device', 'ascii', 8),
  row(0x0006, 'FORMATTED DENSITY CODE', 'device', 'binary', 1),
  row(0x0007, 'INITIALIZATION COUNT', 'device', 'binary', 2),
  row(0x0008, 'VOLUME IDENTIFIER', 'device', 'ascii', 32),
  row(0x0009, 'VOLUME CHANGE REFERENCE', 'device', 'binary', 4),
  row(0x020a, 'DEVICE VENDOR/SERIAL NUMBER AT LAST LOAD', 'device', 'ascii', 40),
  row(0x020b, 'DEVICE VENDOR/SERIAL NUMBER AT LOAD-1', 'device', 'ascii', 40),
  row(0x020c, 'DEVICE VENDOR/SERIAL NUMBER AT LOAD-2', 'device', 'ascii', 40),
  row(0x020d, 'DEVICE VENDOR/SERIAL NUMBER AT LOAD-3', 'device', 'ascii', 40),
  row(0x0220, 'TOTAL MBYTES WRITTEN IN MEDIUM LIFE', 'device', 'binary', 8),
  row(0x0221, 'TOTAL MBYTES READ IN MEDIUM LIFE', 'device', 'binary', 8),
  row(0x0222, 'TOTAL MBYTES WRITTEN IN CURRENT/LAST LOAD', 'device', 'binary', 8),
  row(0x0223, 'TOTAL MBYTES READ IN CURRENT/LAST LOAD', 'device', 'binary', 8),
  row(0x0224, 'LOGICAL POSITION OF FIRST ENCRYPTED BLOCK', 'device', 'binary', 8, 'partition'),
  row(0x0225, 'LOGICAL POSITION OF FIRST UNENCRYPTED BLOCK AFTER THE FIRST ENCRYPTED BLOCK', 'device', 'binary', 8, 'partition'),
  row(0x0340, 'MEDIUM USAGE HISTORY', 'device', 'binary', 90),
  row(0x0341, 'PARTITION USAGE HISTORY', 'device', 'binary', 60, 'partition'),
  row(0x0400, 'MEDIUM MANUFACTURER', 'medium', 'ascii', 8),
  row(0x0401, 'MEDIUM SERIAL NUMBER', 'medium', 'ascii', 32),
  row(0x0402, 'MEDIUM LENGTH', 'medium', 'binary', 4),
  row(0x0403, 'MEDIUM WIDTH', 'medium', 'binary', 4),
  row(0x0404, 'ASSIGNING ORGANIZATION', 'medium', 'ascii', 8),
  row(0x0405, 'MEDIUM DENSITY CODE', 'medium', 'binary', 1),
  row(0x0406, 'MEDIUM MANUFACTURE DATE', 'medium', 'ascii', 8),
  row(0x0407, 'MAM CAPACITY', 'medium', 'binary', 8),
  row(0x0408, 'MEDIUM TYPE', 'medium', 'binary', 1),
  row(0x0409, 'MEDIUM TYPE INFORMATION', 'medium', 'binary', 2),
  row(0x0800, 'APPLICATION VENDOR', 'host', 'ascii', 8),
  row(0x0801, 'APPLICATION NAME', 'host', 'ascii', 32),
  row(0x0802, 'APPLICATION VERSION', 'host', 'ascii', 8),
  row(0x0803, 'USER MEDIUM TEXT LABEL', 'host', 'text', 160),
  row(0x0804, 'DATE AND TIME LAST WRITTEN', 'host', 'ascii', 12),
  row(0x0805, 'TEXT LOCALIZATION IDENTIFIER', 'host', 'binary', 1),
  row(0x0806, 'BARCODE', 'host', 'ascii', 32),
  row(0x0807, 'OWNING HOST TEXTUAL NAME', 'host', 'text', 80),
  row(0x0808, 'MEDIA POOL', 'host', 'text', 160),
  row(0x0809, 'PARTITION USER TEXT LABEL', 'host', 'ascii', 16, 'partition'),
  row(0x080a, 'LOAD/UNLOAD AT PARTITION', 'host', 'binary', 1, 'partition'),
  row(0x080b, 'APPLICATION FORMAT VERSION', 'host', 'ascii', 16),
  // LTFS: volume change reference, count, set identifier and up to 1000 bytes of the application's own.
  row(0x080c, 'VOLUME COHERENCY INFORMATION', 'host', 'binary', { min: 23, max: 1023 }, 'partition'),
  row(0x0820, 'MEDIUM GLOBALLY UNIQUE IDENTIFIER', 'host', 'binary', 36),
  row(0x0821, 'MEDIA POOL GLOBALLY UNIQUE IDENTIFIER', 'host', 'binary', 36),
];

/** Vendor-specific host attributes: any format, kept as given. LTFS keeps its volume lock state at 1623h. */
export const VENDOR_HOST_ATTRIBUTES = { first: 0x1400, last: 0x17ff, lengthMax: 1023 } as const;

export const attributeRow = (id: number): AttributeRow | undefined => BY_ID.get(id);
const BY_ID = new Map(ATTRIBUTES.map((attribute) => [attribute.id, attribute]));
