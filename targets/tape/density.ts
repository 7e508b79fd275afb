/** REPORT DENSITY SUPPORT from the media table (SSC-4 7.9). */
import { accessOf, type Medium, mediaOf, type MediumAccess } from '#vtl';
import { ascii, bytes, flag, record, u16, u24, u32, u8 } from '#wire';
import type { DrivePersonality } from './personality.js';

/** Assigning organization of the LTO consortium. */
const organization = 'LTO-CVE';
const MB = 1e6;

const header = record(4, { availableLength: u16(0) });

/** SSC-4 7.9.2 */
const DENSITY_DESCRIPTOR = record(52, {
  primaryDensityCode: u8(0),
  secondaryDensityCode: u8(1),
  writable: flag(2, 7),
  duplicate: flag(2, 6),
  default: flag(2, 5),
  descriptorLengthValid: flag(2, 0),
  descriptorLength: u16(3),
  bitsPerMm: u24(5),
  mediaWidth: u16(8),
  tracks: u16(10),
  capacityMB: u32(12),
  organization: ascii(16, 8),
  name: ascii(24, 8),
  description: ascii(32, 20),
});

/** SSC-4 7.9.3 */
const MEDIUM_TYPE_DESCRIPTOR = record(56, {
  mediumType: u8(0),
  descriptorLength: u16(2),
  densityCodes: u8(4),
  densities: bytes(5, 9),
  mediaWidth: u16(14),
  mediumLength: u16(16),
  organization: ascii(20, 8),
  name: ascii(28, 8),
  description: ascii(36, 20),
});

export interface MountedMedium {
  readonly medium: Medium;
  readonly worm: boolean;
  readonly sizeBytes: number;
}

/** Medium type as the mode parameter header shows it, in the maker's way. */
export function mediumTypeOf(personality: DrivePersonality, medium: Medium, worm: boolean): number {
  if (personality.mediumTypes === 'kind') return worm ? 0x01 : 0x00;
  return worm ? (medium.mediumType.worm ?? medium.mediumType.data) : medium.mediumType.data;
}

/** With `mounted`: of that medium only (MEDIA = 1). */
export function densityReport(personality: DrivePersonality, mounted?: MountedMedium): Buffer {
  const media = mounted === undefined ? mediaOf(personality.generation) : [mounted.medium];
  const descriptors = media.map((medium) =>
    DENSITY_DESCRIPTOR.encode({
      primaryDensityCode: medium.densityCode,
      secondaryDensityCode: medium.densityCode,
      writable: isWritable(accessOf(personality.generation, medium)),
      duplicate: false,
      default: medium.generation === personality.generation && medium.key === `LTO-${medium.generation}`,
      descriptorLengthValid: false,
      descriptorLength: 0,
      bitsPerMm: medium.bitsPerMm,
      mediaWidth: medium.widthTenthsMm,
      tracks: medium.tracks,
      capacityMB: Math.min(0xffff_ffff, Math.floor((mounted?.sizeBytes ?? medium.capacityBytes) / MB)),
      organization,
      name: medium.densityName.slice(0, 8),
      description: medium.description,
    }),
  );
  return withHeader(descriptors);
}
const isWritable = (access: MediumAccess | undefined): boolean => access === 'read-write';

export function mediumTypeReport(personality: DrivePersonality, mounted?: MountedMedium): Buffer {
  const media = mounted === undefined ? mediaOf(personality.generation) : [mounted.medium];
  const kinds = media.flatMap((medium) => {
    const worms = mounted === undefined ? [false, true] : [mounted.worm];
    return worms
      .filter((worm) => !worm || medium.mediumType.worm !== undefined)
      .map((worm) => ({ medium, worm, type: mediumTypeOf(personality, medium, worm) }));
  });
  // One descriptor per type; makers that name only the kind have all densities under it.
  const descriptors = [...new Set(kinds.map(({ type }) => type))]
    .toSorted((a, b) => a - b)
    .map((type) => mediumTypeDescriptor(kinds.filter((kind) => kind.type === type)));
  return withHeader(descriptors);
}

function mediumTypeDescriptor(
  kinds: readonly { readonly medium: Medium; readonly worm: boolean; readonly type: number }[],
): Buffer {
  const latest = kinds.at(-1);
  if (latest === undefined) return Buffer.alloc(0);
  const codes = [...new Set(kinds.map(({ medium }) => medium.densityCode))].slice(0, 9);
  const densities = Buffer.alloc(9);
  densities.set(codes);
  return MEDIUM_TYPE_DESCRIPTOR.encode({
    mediumType: latest.type,
    descriptorLength: MEDIUM_TYPE_DESCRIPTOR.length - 4,
    densityCodes: codes.length,
    densities,
    mediaWidth: latest.medium.widthTenthsMm,
    mediumLength: latest.medium.lengthMeters,
    organization,
    name: latest.worm ? 'WORM' : 'Data',
    description: `Ultrium ${latest.medium.generation} ${latest.worm ? 'WORM' : 'Data'}`,
  });
}

function withHeader(descriptors: readonly Buffer[]): Buffer {
  const body = Buffer.concat(descriptors);
  // The available length counts what follows it: two reserved bytes and the descriptors.
  return Buffer.concat([header.encode({ availableLength: body.length + 2 }), body]);
}
