/** What long work has done, in a sentence for a person and as plain data for a program. */
import type { DedupGroup } from '#store';
import type { WorkReport } from './group-work.js';
import type { Installation } from './installation.js';
import { formatSize } from './size.js';

type CollectionReport = Awaited<ReturnType<DedupGroup['collect']>>;
type ScrubReport = Awaited<ReturnType<DedupGroup['scrub']>>;

export function reportOfCollection({ plan, freedBytes }: CollectionReport, onlyPlanned: boolean): WorkReport {
  const { packs, garbageBytes } = plan;
  if (!onlyPlanned) {
    return {
      summary: `${formatSize(freedBytes)} became free`,
      garbageBytes,
      freedBytes,
      packs: packs.length,
    };
  }
  const summary =
    packs.length === 0
      ? 'There is nothing to free'
      : `Would rewrite ${packs.length} ${packs.length === 1 ? 'pack' : 'packs'} and free ${formatSize(plan.freedBytes)} of ${formatSize(garbageBytes)} that nothing needs`;
  return {
    summary,
    garbageBytes,
    freedBytes: plan.freedBytes,
    plan: packs.map(({ pack, copiedBytes, freedBytes: bytes }) => ({ pack, freedBytes: bytes, copiedBytes })),
  };
}

/** Volumes are named by their cartridges; a snapshot as A00001L8@name. */
export function reportOfScrub(installation: Installation, found: ScrubReport): WorkReport {
  const { containers, chunks, damaged, ranges, volumes } = found;
  const tapes = [...new Set([...ranges.map(({ volume }) => volume), ...volumes])].map(
    (volume) => installation.tapeOfVolume(volume) ?? volume,
  );
  const read = `Read ${containers} containers with ${chunks} chunks`;
  const summary =
    damaged.size === 0 && volumes.length === 0
      ? `${read}: all of it is sound`
      : `${read}: ${damaged.size} are damaged; it concerns ${tapes.length === 0 ? 'no cartridge' : tapes.join(', ')}`;
  return {
    summary,
    containers,
    chunks,
    damagedContainers: damaged.size,
    tapes,
    ranges: ranges.map(({ volume, ...range }) => ({
      tape: installation.tapeOfVolume(volume) ?? volume,
      ...range,
    })),
  };
}
