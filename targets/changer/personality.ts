/**
 * What may differ between libraries that the world knows: strings, element addresses, forms. Data only; a quirk that needs
 * code is a named flag that one place reads.
 */
import type { ElementKind } from '#vtl';

export interface LibraryPersonality {
  /** Key of the table, and what an operator types: vendor and product. */
  readonly name: string;
  readonly vendor: string;
  readonly product: string;
  readonly revision: string;
  /** Other revisions that are known, for programs that match them. */
  readonly otherRevisions: readonly string[];
  /** First element address of each kind. Kinds that would overlap are moved: see addresses.ts. */
  readonly bases: Readonly<Record<ElementKind, number>>;
  /** INQUIRY bytes 36 to 55. */
  readonly inquiry: InquiryForm;
  /** UNIT SERIAL NUMBER (VPD page 80h): the serial number alone, or with the first storage address as four digits behind it. */
  readonly serialForm: 'serial' | 'serial-and-storage';
  /** What identifies a drive in its element descriptor (DVCID): its T10 vendor ID designator, or its serial number alone. */
  readonly driveIdentifier: 't10' | 'serial';
  /** Names of SMC commands that the library does not have. */
  readonly without: readonly string[];
  /** Pages of text: what the maker's tools read. */
  readonly vendorVpdPages: readonly VendorVpdPage[];
}

export interface InquiryForm {
  /** Text before the serial number at byte 36. */
  readonly prefix: string;
  /** The serial number follows, cut to this many bytes; 0: it is not shown. */
  readonly serialBytes: number;
  /** BARC, bit 0 of byte 55: a bar code reader is there. */
  readonly barcodeBit: boolean;
}

/** Fixed text fields behind a four-byte header; the rest of the page is blank. */
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

type Own = Pick<LibraryPersonality, 'vendor' | 'product' | 'revision' | 'bases'> &
  Partial<LibraryPersonality>;

/** A row: its own, and what most libraries share. */
export function libraryPersonality(own: Own): LibraryPersonality {
  return {
    otherRevisions: [],
    inquiry: { prefix: '', serialBytes: 0, barcodeBit: true },
    serialForm: 'serial',
    driveIdentifier: 't10',
    without: [],
    vendorVpdPages: [],
    ...own,
    name: own.name ?? `${own.vendor} ${own.product}`,
  };
}
