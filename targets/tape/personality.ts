/**
 * What may differ between drives that the world knows: strings, capabilities, pages. Data only; a quirk that needs code is a
 * named flag that one handler reads.
 */

/** Logical block protection methods (SSC-4 8.3.9): 1 and 2 of the Control Data Protection mode page. */
export type ProtectionMethod = 'reed-solomon-crc' | 'crc32c';

export interface DrivePersonality {
  /** Key of the table, and what an operator types: vendor and product. */
  readonly name: string;
  readonly vendor: string;
  readonly product: string;
  readonly revision: string;
  /** LTO n. Media that it reads and writes follow from it (vtl's compatibility table). */
  readonly generation: number;
  /** MEDIUM TYPE of the mode parameter header: `generation` 38h, 3Ch, 48h … (IBM, Quantum), `kind` 00h, 01h, 80h (HP, HPE). */
  readonly mediumTypes: 'generation' | 'kind';
  /** Partitions of a cartridge of its own generation. */
  readonly partitionsMax: number;
  /** SECURITY PROTOCOL IN and OUT with tape data encryption. */
  readonly encryption: boolean;
  readonly protection: readonly ProtectionMethod[];
  /** Append-only mode and programmable early warning: mode page 10h, subpage 01h, and ALLOW OVERWRITE. */
  readonly appendOnly: boolean;
  /** Bytes 36 to 55 of standard INQUIRY data. */
  readonly inquiryTail: Uint8Array;
  /** Pages of the maker that are present beside those of the standards, as `24`, `30/20`. */
  readonly vendorModePages: readonly string[];
  readonly vendorLogPages: readonly string[];
  /** Pages of text: what the maker's tools read for component levels. */
  readonly vendorVpdPages: readonly VendorVpdPage[];
}

/** Fixed text fields behind a four-byte header; the rest of the page is zero or blank. */
export interface VendorVpdPage {
  readonly page: number;
  readonly name: string;
  /** Bytes after the header. */
  readonly length: number;
  readonly text: readonly {
    readonly byte: number;
    readonly span: number;
    /** Literal, or what the unit has under that name. */
    readonly value: string | { readonly from: 'serial' | 'revision' | 'product' };
  }[];
}

/** What follows from the generation alone, whoever made the drive. */
interface GenerationTraits {
  readonly partitionsMax: number;
  readonly encryption: boolean;
  readonly protection: readonly ProtectionMethod[];
  readonly appendOnly: boolean;
}
const traits: Readonly<Record<number, GenerationTraits>> = {
  3: { partitionsMax: 1, encryption: false, protection: [], appendOnly: false },
  4: { partitionsMax: 1, encryption: true, protection: [], appendOnly: false },
  5: { partitionsMax: 2, encryption: true, protection: ['reed-solomon-crc'], appendOnly: true },
  6: { partitionsMax: 4, encryption: true, protection: ['reed-solomon-crc'], appendOnly: true },
  7: { partitionsMax: 4, encryption: true, protection: ['reed-solomon-crc', 'crc32c'], appendOnly: true },
  8: { partitionsMax: 4, encryption: true, protection: ['reed-solomon-crc', 'crc32c'], appendOnly: true },
  9: { partitionsMax: 4, encryption: true, protection: ['reed-solomon-crc', 'crc32c'], appendOnly: true },
  10: { partitionsMax: 4, encryption: true, protection: ['reed-solomon-crc', 'crc32c'], appendOnly: true },
};

type Own = Omit<DrivePersonality, 'name' | keyof GenerationTraits> & Partial<GenerationTraits>;

/** A row: what the generation gives, and what is its own. */
export function drivePersonality(own: Own): DrivePersonality {
  const common = traits[own.generation];
  if (common === undefined) throw new RangeError(`no traits of LTO-${own.generation}`);
  return { ...common, ...own, name: `${own.vendor} ${own.product}` };
}
