/** What long work has done, in a sentence for a person and as plain data for a program. */
import type { CollectionReport, DedupVerifyReport, ScrubReport } from '#store';
import type { WorkReport } from './group-work.js';
import type { Installation } from './installation.js';
import { formatSize } from './size.js';

/** Recompressing may take more than it gives back, until the next collection. */
export const freedInWords = (bytes: number): string =>
  bytes >= 0 ? `${formatSize(bytes)} became free` : `${formatSize(-bytes)} more are taken`;

export function reportOfCollection(
  installation: Installation,
  { plan, freedBytes, unreadable }: CollectionReport,
  onlyPlanned: boolean,
): WorkReport {
  const { packs, garbageBytes } = plan;
  const tapes = unreadable.map(({ volume }) => installation.tapeOfVolume(volume) ?? volume);
  const kept = 'cannot be read wholly, so what it may need is kept: delete it, or roll it back';
  const warning = tapes.length === 0 ? {} : { warning: `${tapes.join(', ')} ${kept}` };
  const rest = { garbageBytes, unreadable: tapes, ...warning };
  if (!onlyPlanned) {
    return { summary: freedInWords(freedBytes), freedBytes, packs: packs.length, ...rest };
  }
  const summary =
    packs.length === 0
      ? 'There is nothing to free'
      : `Would rewrite ${packs.length} ${packs.length === 1 ? 'pack' : 'packs'} and free ${formatSize(plan.freedBytes)} of ${formatSize(garbageBytes)} that nothing needs`;
  const rows = packs.map(({ pack, copiedBytes, freedBytes: bytes }) => ({
    pack,
    freedBytes: bytes,
    copiedBytes,
  }));
  return { summary, freedBytes: plan.freedBytes, ...rest, plan: rows };
}

/** Volumes are named by their cartridges; a snapshot as A00001L8@name. */
export function reportOfScrub(installation: Installation, found: ScrubReport): WorkReport {
  const { containers, chunks, repaired, damaged, ranges, volumes } = found;
  const nameOf = (volume: string): string => installation.tapeOfVolume(volume) ?? volume;
  const tapes = [...new Set([...ranges.map(({ volume }) => volume), ...volumes])].map(nameOf);
  const isSound = damaged.size === 0 && volumes.length === 0;
  const mended = repaired.length === 0 ? '' : `, ${repaired.length} of them made whole again`;
  return {
    summary: `Read ${containers} containers with ${chunks} chunks${mended}${isSound ? ': all of it is sound' : ''}`,
    ...(isSound ? {} : { warning: damageInWords(damaged.size, tapes) }),
    containers,
    chunks,
    repaired,
    damagedContainers: damaged.size,
    tapes,
    ranges: ranges.map(({ volume, ...range }) => ({ tape: nameOf(volume), ...range })),
  };
}
const damageInWords = (containers: number, tapes: readonly string[]): string =>
  `${containers} ${containers === 1 ? 'container is' : 'containers are'} damaged, which concerns ${tapes.length === 0 ? 'no cartridge' : tapes.join(', ')}`;

export function reportOfVerify(
  barcode: string,
  { bytes, ranges, lost }: Pick<DedupVerifyReport, 'bytes' | 'ranges' | 'lost'>,
): WorkReport {
  const isSound = !lost && ranges.length === 0;
  const places = ranges.map(({ stream, offset, bytes: length }) => ({ stream, offset, bytes: length }));
  const damage = lost
    ? `${barcode} cannot be read at all: roll it back to a snapshot, if it has one`
    : `${ranges.length} ${ranges.length === 1 ? 'part' : 'parts'} of ${barcode} cannot be read`;
  return {
    summary: `Read ${formatSize(bytes)} of ${barcode}${isSound ? ': all of it is sound' : ''}`,
    ...(isSound ? {} : { warning: damage }),
    bytes,
    sound: isSound,
    ranges: places,
  };
}
