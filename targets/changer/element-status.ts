/**
 * READ ELEMENT STATUS data (SMC-3 6.11): header, a page for each kind that has elements to report, whole descriptors only.
 *
 * Invariants: no page without descriptors (mtx stops at one); counts and lengths in headers tell what the request would
 * give with room enough, whatever the allocation length cuts off.
 */
import type { ElementKind } from '#vtl';
import { bits, flag, record, u16, u24, u8 } from '#wire';
import type { AddressRange } from './addresses.js';
import { encodeVolumeTag, type VolumeTag, volumeTagBytes } from './volume-tag.js';

/** ELEMENT TYPE CODE (SMC-3 table 22); 0 is all. */
export const ELEMENT_TYPE = { robot: 1, slot: 2, mail: 3, drive: 4 } as const satisfies Record<
  ElementKind,
  number
>;

export const STATUS_HEADER = record(8, {
  firstElementAddress: u16(0),
  elements: u16(2),
  /** REQUEST VOLUME ELEMENT ADDRESS only. */
  sendActionCode: bits(4, 4, 0),
  reportBytes: u24(5),
});
export const PAGE_HEADER = record(8, {
  elementType: u8(0),
  primaryVolumeTag: flag(1, 7),
  alternateVolumeTag: flag(1, 6),
  descriptorBytes: u16(2),
  pageBytes: u24(5),
});
/** What descriptors of all kinds begin with; bits that a kind does not have are zero. */
export const DESCRIPTOR_HEAD = record(12, {
  elementAddress: u16(0),
  operatorIntervention: flag(2, 7),
  mediaCapacityReached: flag(2, 6),
  importEnabled: flag(2, 5),
  exportEnabled: flag(2, 4),
  accessible: flag(2, 3),
  exception: flag(2, 2),
  importedByOperator: flag(2, 1),
  full: flag(2, 0),
  asc: u8(4),
  ascq: u8(5),
  sourceValid: flag(9, 7),
  inverted: flag(9, 6),
  disabled: flag(9, 3),
  mediumType: bits(9, 2, 0),
  sourceAddress: u16(10),
});
export const IDENTIFIER_HEAD = record(4, {
  codeSet: bits(0, 3, 0),
  identifierType: bits(1, 3, 0),
  identifierBytes: u8(3),
});

/** MEDIUM TYPE (SMC-3 table 27). */
export const MEDIUM_TYPE = { unspecified: 0, data: 1, cleaning: 2, worm: 4 } as const;

/** One element as its descriptor tells it. */
export interface ElementReport {
  readonly address: number;
  readonly full: boolean;
  readonly accessible: boolean;
  readonly importedByOperator: boolean;
  /** Import and export enabled: mail slots. */
  readonly importExport: boolean;
  /** Additional sense of an abnormal state. */
  readonly exception?: { readonly asc: number; readonly ascq: number } | undefined;
  readonly disabled: boolean;
  readonly sourceAddress?: number | undefined;
  readonly mediumType: number;
  readonly primaryTag?: VolumeTag | undefined;
  readonly alternateTag?: VolumeTag | undefined;
  /** DVCID: what identifies the device in the element. */
  readonly identifier?: ElementIdentifier | undefined;
}
export interface ElementIdentifier {
  readonly codeSet: number;
  readonly type: number;
  readonly value: Buffer;
}

export interface StatusRequest {
  readonly volumeTags: boolean;
  readonly identifiers: boolean;
  /** What to report, in ascending order of address. */
  readonly pages: readonly { readonly kind: ElementKind; readonly addresses: readonly number[] }[];
  readonly allocationLength: number;
  /** REQUEST VOLUME ELEMENT ADDRESS tells the action that it is the answer to. */
  readonly sendActionCode?: number;
}
type Reporter = (address: number) => ElementReport;

interface Page {
  readonly kind: ElementKind;
  readonly reports: readonly ElementReport[];
  readonly alternateTags: boolean;
  readonly identifierBytes: number;
  readonly descriptorBytes: number;
}

/** The elements of some ranges from a starting address up, at most as many as asked for, in ascending order. */
export function selectElements(
  ranges: readonly AddressRange[],
  startingAddress: number,
  elementsMax: number,
): StatusRequest['pages'] {
  let left = elementsMax;
  return ranges
    .toSorted((a, b) => a.first - b.first)
    .map(({ kind, first, count }) => {
      const from = Math.max(first, startingAddress);
      const length = Math.max(0, Math.min(left, first + count - from));
      left -= length;
      return { kind, addresses: Array.from({ length }, (_, index) => from + index) };
    });
}

export interface ElementStatus {
  readonly data: Buffer;
  /** Descriptors in it. */
  readonly reported: number;
}

/** Header and pages, cut to the allocation length after the last descriptor that fits. */
export function elementStatus(request: StatusRequest, report: Reporter): ElementStatus {
  const pages = request.pages
    .filter(({ addresses }) => addresses.length > 0)
    .map(({ kind, addresses }) => planPage(request, kind, addresses, report));
  const header = STATUS_HEADER.encode({
    firstElementAddress: pages[0]?.reports[0]?.address ?? 0,
    elements: pages.reduce((sum, { reports }) => sum + reports.length, 0),
    sendActionCode: request.sendActionCode ?? 0,
    reportBytes: pages.reduce((sum, page) => sum + PAGE_HEADER.length + bytesOf(page), 0),
  });
  const parts: Buffer[] = [header];
  let room = request.allocationLength - header.length;
  let reported = 0;
  for (const page of pages) {
    const fitting = Math.floor((room - PAGE_HEADER.length) / page.descriptorBytes);
    if (fitting <= 0) break;
    parts.push(pageHeader(request, page));
    for (const element of page.reports.slice(0, fitting)) parts.push(descriptor(request, page, element));
    reported += Math.min(fitting, page.reports.length);
    if (fitting < page.reports.length) break;
    room -= PAGE_HEADER.length + bytesOf(page);
  }
  return { data: Buffer.concat(parts), reported };
}

const bytesOf = ({ reports, descriptorBytes }: Page): number => reports.length * descriptorBytes;

/** All descriptors of a page have one length, so the longest identifier counts, and any alternate tag. */
function planPage(
  { volumeTags, identifiers }: StatusRequest,
  kind: ElementKind,
  addresses: readonly number[],
  report: Reporter,
): Page {
  const reports = addresses.map(report);
  const alternateTags = volumeTags && reports.some(({ alternateTag }) => alternateTag !== undefined);
  const identifierBytes = identifiers
    ? reports.reduce((max, { identifier }) => Math.max(max, identifier?.value.length ?? 0), 0)
    : 0;
  const tagsBytes = (volumeTags ? volumeTagBytes : 0) + (alternateTags ? volumeTagBytes : 0);
  const descriptorBytes = DESCRIPTOR_HEAD.length + tagsBytes + IDENTIFIER_HEAD.length + identifierBytes;
  return { kind, reports, alternateTags, identifierBytes, descriptorBytes };
}

function pageHeader({ volumeTags }: StatusRequest, page: Page): Buffer {
  return PAGE_HEADER.encode({
    elementType: ELEMENT_TYPE[page.kind],
    primaryVolumeTag: volumeTags,
    alternateVolumeTag: page.alternateTags,
    descriptorBytes: page.descriptorBytes,
    pageBytes: bytesOf(page),
  });
}

function descriptor({ volumeTags, identifiers }: StatusRequest, page: Page, element: ElementReport): Buffer {
  const head = DESCRIPTOR_HEAD.encode({
    elementAddress: element.address,
    operatorIntervention: false,
    mediaCapacityReached: false,
    importEnabled: element.importExport,
    exportEnabled: element.importExport,
    accessible: element.accessible,
    exception: element.exception !== undefined,
    importedByOperator: element.importedByOperator,
    full: element.full,
    asc: element.exception?.asc ?? 0,
    ascq: element.exception?.ascq ?? 0,
    sourceValid: element.sourceAddress !== undefined,
    inverted: false,
    disabled: element.disabled,
    mediumType: element.mediumType,
    sourceAddress: element.sourceAddress ?? 0,
  });
  const identifier = identifiers ? element.identifier : undefined;
  const value = Buffer.alloc(page.identifierBytes);
  identifier?.value.copy(value);
  return Buffer.concat([
    head,
    ...(volumeTags ? [encodeVolumeTag(element.primaryTag)] : []),
    ...(page.alternateTags ? [encodeVolumeTag(element.alternateTag)] : []),
    IDENTIFIER_HEAD.encode({
      codeSet: identifier?.codeSet ?? 0,
      identifierType: identifier?.type ?? 0,
      identifierBytes: identifier?.value.length ?? 0,
    }),
    value,
  ]);
}
