/** What long work has done, in a sentence for a person and as plain data for a program. */
import { StoreError } from '#errors';
import type { CollectionReport, DamagedRange, ScrubReport } from '#store';
import { type CartridgeReport, type DamagedObjects, inWords } from '#vtl';
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

export async function reportOfScrub(installation: Installation, found: ScrubReport): Promise<WorkReport> {
  const { containers, chunks, repaired, damaged, volumes } = found;
  const isSound = damaged.size === 0 && volumes.length === 0;
  const concerned = isSound ? [] : await concernedBy(installation, found);
  const mended = repaired.length === 0 ? '' : `, ${repaired.length} of them made whole again`;
  return {
    summary: `Read ${containers} containers with ${chunks} chunks${mended}${isSound ? ': all of it is sound' : ''}`,
    ...(isSound ? {} : { warning: damageInWords(damaged.size, concerned) }),
    containers,
    chunks,
    repaired,
    damagedContainers: damaged.size,
    damage: concerned.map(({ tape, objects }) => ({
      tape,
      records: objects.map((one) => inWords(tape, one)),
    })),
  };
}
/** A cartridge, or a snapshot as A00001L8@name, and what cannot be read of it; nothing is said of what is lost wholly. */
interface Concerned {
  readonly tape: string;
  readonly objects: readonly DamagedObjects[];
}
async function concernedBy(
  installation: Installation,
  { ranges, volumes }: Pick<ScrubReport, 'ranges' | 'volumes'>,
): Promise<Concerned[]> {
  const all = new Map<string, DamagedRange[]>(volumes.map((volume) => [volume, []]));
  for (const range of ranges) {
    const known = all.get(range.volume);
    if (known === undefined) all.set(range.volume, [range]);
    else known.push(range);
  }
  const found: Concerned[] = [];
  for (const [volume, ofVolume] of all) {
    const tape = installation.tapeOfVolume(volume) ?? volume;
    found.push({ tape, objects: await objectsOf(installation, volume, ofVolume) });
  }
  return found;
}
async function objectsOf(
  installation: Installation,
  volume: string,
  ranges: readonly DamagedRange[],
): Promise<readonly DamagedObjects[]> {
  const cartridge = installation.cartridges.find(({ id }) => id === volume);
  try {
    return (await cartridge?.objectsOf(ranges)) ?? [];
  } catch (error) {
    if (error instanceof StoreError) return []; // it cannot even be shown
    throw error;
  }
}
const damageInWords = (containers: number, concerned: readonly Concerned[]): string => {
  const what = concerned.map(({ tape, objects }) =>
    objects.length === 0 ? tape : objects.map((one) => inWords(tape, one)).join('; '),
  );
  const count = `${containers} ${containers === 1 ? 'container is' : 'containers are'} damaged`;
  return `${count}, which concerns ${what.length === 0 ? 'no cartridge' : what.join('; ')}`;
};

export function reportOfVerify(barcode: string, found: CartridgeReport): WorkReport {
  const { objects, bytes, damaged, lost } = found;
  const isSound = !lost && damaged.length === 0;
  const records = damaged.map((one) => inWords(barcode, one));
  const damage = lost
    ? `${barcode} cannot be read at all: roll it back to a snapshot, if it has one`
    : `Cannot be read: ${records.join('; ')}`;
  const read = `Read ${objects} records and filemarks of ${barcode}, ${formatSize(bytes)}`;
  return {
    summary: `${read}${isSound ? ': all of it is sound' : ''}`,
    ...(isSound ? {} : { warning: damage }),
    sound: isSound,
    objects,
    bytes,
    damaged: records,
  };
}
