/** Units behind targets: what library and drive verbs do to LUNs. In a library's own target LUN 0 is the changer, LUN n + 1 drive n. */
import { RefusedError } from '#errors';
import type { ChapAccountRow, LunRow, TargetRow } from '#catalog';
import type { Installation, InstalledDrive, InstalledLibrary, InstalledTarget } from './installation.js';

export const lunMax = 16383;

/** What keeps strangers out of a new target. */
export interface FirstAccess {
  readonly accounts: readonly Omit<ChapAccountRow, 'id' | 'targetId'>[];
  readonly initiator: string | undefined;
}
const open: FirstAccess = { accounts: [], initiator: undefined };

/** Makes a target, recorded and opened. RefusedError 'unauthorized' when strangers could use it at once. */
export async function createTarget(
  installation: Installation,
  name: string,
  alias: string,
  first: FirstAccess = open,
): Promise<InstalledTarget> {
  const { env, catalog } = installation;
  if ((await catalog.targets.findByName(name)) !== undefined) {
    throw new RefusedError('conflict', `There is a target ${name} already: choose another name`);
  }
  if (first.accounts.length === 0 && first.initiator === undefined) installation.guard?.checkMayAppear(name);
  const id = env.random.uuid();
  const row: TargetRow = { id, name, alias, redirectPermanent: false, createdMs: env.clock.wallMs() };
  await catalog.transaction(async ({ targets, access }) => {
    await targets.create(row);
    for (const account of first.accounts) await access.addAccount({ ...account, targetId: id });
    if (first.initiator !== undefined) await access.addInitiator({ targetId: id, name: first.initiator });
  });
  return await installation.openTarget(row);
}

/** The lowest LUN from `from` that nothing has. */
export function freeLun(target: InstalledTarget, from = 0): number {
  const taken = new Set(target.luns.map(({ lun }) => lun));
  for (let lun = from; lun <= lunMax; lun++) if (!taken.has(lun)) return lun;
  throw new RefusedError('conflict', `Target ${target.row.name} has no free LUN`);
}

export async function plug(installation: Installation, target: InstalledTarget, row: LunRow): Promise<void> {
  const unit = installation.unitOf(row);
  if (unit === undefined) throw new RefusedError('not-found', 'There is no such unit');
  await installation.catalog.targets.addLun(row);
  await installation.refreshTarget(target);
  target.device.plug(row.lun, unit);
}
export async function unplug(
  installation: Installation,
  target: InstalledTarget,
  row: LunRow,
): Promise<void> {
  await installation.catalog.targets.removeLun(target.row.id, row.lun);
  await installation.refreshTarget(target);
  await target.device.unplug(row.lun);
}

/** A new library behind a target of its own, or behind another's after what is there. */
export async function plugLibrary(
  installation: Installation,
  installed: InstalledLibrary,
  name: string,
): Promise<InstalledTarget> {
  const { row } = installed;
  const target =
    installation.targets.find((one) => one.row.name === name) ??
    (await createTarget(installation, name, row.name));
  await plug(installation, target, { targetId: target.row.id, lun: freeLun(target), libraryId: row.id });
  const drives = [...installed.drives.values()].toSorted((a, b) => a.row.index - b.row.index);
  for (const drive of drives) await plugDrive(installation, installed, drive);
  return target;
}
/** Eight hexadecimal digits, drawn once. */
export async function installationId({
  catalog,
  env,
}: Pick<Installation, 'catalog' | 'env'>): Promise<string> {
  const key = 'installation';
  const id = (await catalog.settings.get(key)) ?? env.random.bytes(4).toString('hex');
  await catalog.settings.set(key, id);
  return id;
}
/** Stable, and unlike that of any other installation: names are unique in the world (RFC 7143 4.2.7). */
export async function ownTargetName(installation: Installation, library: string): Promise<string> {
  const id = await installationId(installation);
  return `iqn.2026-11.org.tapesilo:${id}:${library.toLowerCase().replaceAll('_', '-')}`;
}
export async function unplugLibrary(installation: Installation, installed: InstalledLibrary): Promise<void> {
  const isIts = (row: LunRow): boolean =>
    row.libraryId === installed.row.id || (row.driveId !== undefined && installed.drives.has(row.driveId));
  for (const target of installation.targets) {
    for (const row of target.luns.filter(isIts)) await unplug(installation, target, row);
  }
}

/** Behind every target that has the changer of its library: there, at the LUN of its place among the drives, if that is free. */
export async function plugDrive(
  installation: Installation,
  installed: InstalledLibrary,
  { row }: InstalledDrive,
): Promise<void> {
  for (const target of installation.targets) {
    const changer = target.luns.find(({ libraryId }) => libraryId === installed.row.id);
    if (changer === undefined) continue;
    const place = changer.lun + 1 + row.index;
    const isFree = !target.luns.some(({ lun }) => lun === place);
    const lun = isFree ? place : freeLun(target, place);
    await plug(installation, target, { targetId: target.row.id, lun, driveId: row.id });
  }
}
export async function unplugDrive(installation: Installation, driveId: string): Promise<void> {
  for (const target of installation.targets) {
    const row = target.luns.find((one) => one.driveId === driveId);
    if (row !== undefined) await unplug(installation, target, row);
  }
}
