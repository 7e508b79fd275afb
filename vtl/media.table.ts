/**
 * Media: what each LTO generation's cartridge is, and which drive generation takes it.
 *
 * Codes and figures: LTO format summaries and the SCSI references of the drives (medium type and density in the mode
 * parameter header and descriptor, REPORT DENSITY SUPPORT, MAM 0400h …).
 */
const GB = 1e9;
const TB = 1e12;

export type MediumKey =
  | 'LTO-1'
  | 'LTO-2'
  | 'LTO-3'
  | 'LTO-4'
  | 'LTO-5'
  | 'LTO-6'
  | 'LTO-7'
  | 'LTO-M8'
  | 'LTO-8'
  | 'LTO-9'
  | 'LTO-10'
  | 'LTO-10P';

/** One cartridge type of the table. */
export interface Medium {
  readonly key: MediumKey;
  /** LTO n of the cartridge. Type M is an LTO-7 cartridge written by LTO-8 drives in a format of its own. */
  readonly generation: number;
  /** Last two characters of the barcode. */
  readonly suffix: { readonly data: string; readonly worm?: string };
  readonly densityCode: number;
  /** Mode parameter header of IBM drives. */
  readonly mediumType: { readonly data: number; readonly worm?: number };
  /** Native, before compression: the early warning place of a cartridge of full size. */
  readonly capacityBytes: number;
  readonly bitsPerMm: number;
  readonly tracks: number;
  /** REPORT DENSITY SUPPORT: density name and description. */
  readonly densityName: string;
  readonly description: string;
  readonly lengthMeters: number;
  /** Tenths of a millimetre. */
  readonly widthTenthsMm: number;
  readonly partitionsMax: number;
  /** Bytes of medium auxiliary memory. */
  readonly mamBytes: number;
}

const LTO = { widthTenthsMm: 127 } as const;

// prettier-ignore
export const MEDIA: readonly Medium[] = [
  { ...LTO, key: 'LTO-1', generation: 1, suffix: { data: 'L1' }, densityCode: 0x40, mediumType: { data: 0x18 }, capacityBytes: 100 * GB, bitsPerMm: 4880, tracks: 384, densityName: 'U-18', description: 'Ultrium 1/8T', lengthMeters: 609, partitionsMax: 1, mamBytes: 4096 },
  { ...LTO, key: 'LTO-2', generation: 2, suffix: { data: 'L2' }, densityCode: 0x42, mediumType: { data: 0x28 }, capacityBytes: 200 * GB, bitsPerMm: 7398, tracks: 512, densityName: 'U-28', description: 'Ultrium 2/8T', lengthMeters: 609, partitionsMax: 1, mamBytes: 4096 },
  { ...LTO, key: 'LTO-3', generation: 3, suffix: { data: 'L3', worm: 'LT' }, densityCode: 0x44, mediumType: { data: 0x38, worm: 0x3c }, capacityBytes: 400 * GB, bitsPerMm: 9638, tracks: 704, densityName: 'U-316', description: 'Ultrium 3/16T', lengthMeters: 680, partitionsMax: 1, mamBytes: 4096 },
  { ...LTO, key: 'LTO-4', generation: 4, suffix: { data: 'L4', worm: 'LU' }, densityCode: 0x46, mediumType: { data: 0x48, worm: 0x4c }, capacityBytes: 800 * GB, bitsPerMm: 12725, tracks: 896, densityName: 'U-416', description: 'Ultrium 4/16T', lengthMeters: 820, partitionsMax: 1, mamBytes: 4096 },
  { ...LTO, key: 'LTO-5', generation: 5, suffix: { data: 'L5', worm: 'LV' }, densityCode: 0x58, mediumType: { data: 0x58, worm: 0x5c }, capacityBytes: 1.5 * TB, bitsPerMm: 15142, tracks: 1280, densityName: 'U-516', description: 'Ultrium 5/16T', lengthMeters: 846, partitionsMax: 2, mamBytes: 8192 },
  { ...LTO, key: 'LTO-6', generation: 6, suffix: { data: 'L6', worm: 'LW' }, densityCode: 0x5a, mediumType: { data: 0x68, worm: 0x6c }, capacityBytes: 2.5 * TB, bitsPerMm: 15142, tracks: 2176, densityName: 'U-616', description: 'Ultrium 6/16T', lengthMeters: 846, partitionsMax: 4, mamBytes: 16384 },
  { ...LTO, key: 'LTO-7', generation: 7, suffix: { data: 'L7', worm: 'LX' }, densityCode: 0x5c, mediumType: { data: 0x78, worm: 0x7c }, capacityBytes: 6 * TB, bitsPerMm: 19107, tracks: 3584, densityName: 'U-732', description: 'Ultrium 7/32T', lengthMeters: 960, partitionsMax: 4, mamBytes: 16384 },
  { ...LTO, key: 'LTO-M8', generation: 7, suffix: { data: 'M8' }, densityCode: 0x5d, mediumType: { data: 0x78 }, capacityBytes: 9 * TB, bitsPerMm: 19107, tracks: 5376, densityName: 'U-732M', description: 'Ultrium M8/32T', lengthMeters: 960, partitionsMax: 4, mamBytes: 16384 },
  { ...LTO, key: 'LTO-8', generation: 8, suffix: { data: 'L8', worm: 'LY' }, densityCode: 0x5e, mediumType: { data: 0x88, worm: 0x8c }, capacityBytes: 12 * TB, bitsPerMm: 20669, tracks: 6656, densityName: 'U-832', description: 'Ultrium 8/32T', lengthMeters: 960, partitionsMax: 4, mamBytes: 16384 },
  { ...LTO, key: 'LTO-9', generation: 9, suffix: { data: 'L9', worm: 'LZ' }, densityCode: 0x60, mediumType: { data: 0x98, worm: 0x9c }, capacityBytes: 18 * TB, bitsPerMm: 21459, tracks: 8960, densityName: 'U-932', description: 'Ultrium 9/32T', lengthMeters: 1035, partitionsMax: 4, mamBytes: 32768 },
  { ...LTO, key: 'LTO-10', generation: 10, suffix: { data: 'LA', worm: 'LH' }, densityCode: 0x62, mediumType: { data: 0xa8, worm: 0xac }, capacityBytes: 30 * TB, bitsPerMm: 21657, tracks: 15104, densityName: 'U-1032A', description: 'Ultrium 10/32T', lengthMeters: 1035, partitionsMax: 4, mamBytes: 32768 },
  { ...LTO, key: 'LTO-10P', generation: 10, suffix: { data: 'PA' }, densityCode: 0x63, mediumType: { data: 0xa9 }, capacityBytes: 40 * TB, bitsPerMm: 22441, tracks: 15104, densityName: 'U-1032P', description: 'Ultrium 10/32P', lengthMeters: 1337, partitionsMax: 4, mamBytes: 32768 },
];

export type MediumAccess = 'read-write' | 'read-only';

/** What a drive of LTO generation n does with each medium; what is not listed is refused at load. */
// prettier-ignore
export const COMPATIBILITY: Readonly<Record<number, Readonly<Partial<Record<MediumKey, MediumAccess>>>>> = {
  3: { 'LTO-1': 'read-only', 'LTO-2': 'read-write', 'LTO-3': 'read-write' },
  4: { 'LTO-2': 'read-only', 'LTO-3': 'read-write', 'LTO-4': 'read-write' },
  5: { 'LTO-3': 'read-only', 'LTO-4': 'read-write', 'LTO-5': 'read-write' },
  6: { 'LTO-4': 'read-only', 'LTO-5': 'read-write', 'LTO-6': 'read-write' },
  7: { 'LTO-5': 'read-only', 'LTO-6': 'read-write', 'LTO-7': 'read-write' },
  8: { 'LTO-7': 'read-write', 'LTO-M8': 'read-write', 'LTO-8': 'read-write' },
  9: { 'LTO-8': 'read-write', 'LTO-9': 'read-write' },
  10: { 'LTO-10': 'read-write', 'LTO-10P': 'read-write' },
};

export const mediumOf = (key: MediumKey): Medium => {
  const row = MEDIA.find((medium) => medium.key === key);
  if (row === undefined) throw new RangeError(`No medium ${key}`);
  return row;
};
/** Undefined: the drive refuses the medium. */
export const accessOf = (driveGeneration: number, medium: Medium): MediumAccess | undefined =>
  COMPATIBILITY[driveGeneration]?.[medium.key];
/** The rows that a drive takes, oldest first: REPORT DENSITY SUPPORT. */
export const mediaOf = (driveGeneration: number): readonly Medium[] =>
  MEDIA.filter((medium) => accessOf(driveGeneration, medium) !== undefined);
