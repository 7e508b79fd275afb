/** What is shown of storage groups; names are part of the contract with scripts. Bytes unless the name says otherwise. */
import { StoreError } from '#errors';
import { DedupGroup } from '#store';
import type { WorkView } from './group-work.js';
import type { InstalledGroup, Store } from './installed-group.js';
import type { Installation } from './installation.js';

export interface Capacity {
  /** What hosts have written, of all cartridges. */
  readonly logicalBytes: number;
  /** Of that, what is not the same as something else. */
  readonly uniqueBytes: number;
  /** That, compressed. */
  readonly compressedBytes: number;
  /** All that the group takes of its disk. */
  readonly physicalBytes: number;
  /** Of that, what collecting would free. */
  readonly reclaimableBytes: number;
  /** What may still be written to the disk. */
  readonly freeBytes: number;
}

async function capacityOf(store: Store): Promise<Capacity> {
  const { freeBytes, usedBytes } = await store.space();
  if (!(store instanceof DedupGroup)) {
    const same = { logicalBytes: usedBytes, uniqueBytes: usedBytes, compressedBytes: usedBytes };
    return { ...same, physicalBytes: usedBytes, reclaimableBytes: 0, freeBytes };
  }
  const { logicalBytes, uniqueBytes, compressedBytes, physicalBytes, reclaimableBytes } = await store.sizes();
  return { logicalBytes, uniqueBytes, compressedBytes, physicalBytes, reclaimableBytes, freeBytes };
}

/** Undefined when the store has failed; it recovers by itself when its disk is back. */
async function capacityIfKnown({ store }: InstalledGroup): Promise<Capacity | undefined> {
  try {
    return await capacityOf(store);
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

/** How many bytes of hosts a byte of the disk stands for; nothing can be said of an empty group. */
const ratioOf = ({
  logicalBytes,
  physicalBytes,
}: Pick<Capacity, 'logicalBytes' | 'physicalBytes'>): number | null =>
  logicalBytes === 0 || physicalBytes === 0 ? null : Math.round((100 * logicalBytes) / physicalBytes) / 100;

export async function viewGroup({ catalog }: Installation, group: InstalledGroup) {
  const { row, problem } = group;
  const progress = group.work.view(row.name);
  const view = {
    name: row.name,
    state: group.state,
    ...(problem === undefined ? {} : { problem: problem.message }),
    kind: row.kind,
    default: row.isDefault,
    folder: group.folder,
    density: row.kind === 'plain' ? null : row.density,
    encryption: row.keyKind ?? 'none',
    ...(row.keyPlace === undefined ? {} : { keyPlace: row.keyPlace }),
    tapes: await catalog.cartridges.countOf(row.id),
    quotaBytes: row.quotaBytes ?? null,
  };
  if (problem !== undefined) return view;
  const capacity = await capacityIfKnown(group);
  if (capacity === undefined)
    return { ...view, state: 'failed', problem: 'Its disk does not answer: see the daemon’s log' };
  const work = progress === undefined ? {} : { work: inWords(progress), progress };
  const upkeep = group.upkeep === undefined ? {} : { upkeep: upkeepInWords(group.upkeep) };
  return { ...view, ...capacity, ratio: ratioOf(capacity), ...upkeep, ...work };
}

function upkeepInWords({ work, done, total, waiting }: NonNullable<InstalledGroup['upkeep']>): string {
  if (work === undefined) return `waits: ${waiting ?? 'the drives have to be idle for a while'}`;
  return total > 0 ? `${work}, ${Math.floor((100 * done) / total)} %` : work;
}
function inWords({ work, state, percent, seconds, report, error }: WorkView): string {
  if (state === 'running')
    return `${work}, ${percent === undefined ? '' : `${percent} % `}after ${seconds} s`;
  const came = report?.warning ?? report?.summary ?? error?.message;
  return `${work}, ${state} after ${seconds} s${came === undefined ? '' : `: ${came}`}`;
}

/** Of all groups that are open together. Not what is free: groups may share a disk. */
export async function totalCapacity(groups: readonly InstalledGroup[]) {
  const sum = { logicalBytes: 0, uniqueBytes: 0, compressedBytes: 0, physicalBytes: 0, reclaimableBytes: 0 };
  for (const group of groups) {
    if (group.state !== 'open') continue;
    const one = await capacityIfKnown(group);
    if (one === undefined) continue;
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += one[name]; // its own keys
  }
  return { ...sum, ratio: ratioOf(sum) };
}
