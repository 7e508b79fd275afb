/** What an NDMP session has open is not moved, unloaded or taken away under it, unless an operator insists. */
import { RefusedError } from '#errors';
import type { ElementRef } from '#vtl';
import { elementName } from './element-name.js';
import type { Installation, InstalledLibrary } from './installation.js';
import { changerDevice, driveDevice } from './ndmp-devices.js';
import { describeHolder } from './ndmp-views.js';

/** RefusedError 'conflict' for a drive that a session has open; `insist`: what else can be done. */
export function checkNotOpen(
  installation: Installation,
  installed: InstalledLibrary,
  { kind, index }: ElementRef,
  insist = '',
): void {
  if (kind !== 'drive') return;
  const name = driveDevice(installed, { row: { index } });
  refuse(installation, name, elementName({ kind, index }), insist);
}
/** The same for everything in a library. */
export function checkNothingOpen(installation: Installation, installed: InstalledLibrary): void {
  refuse(installation, changerDevice(installed), 'its changer', '');
  for (const { row } of installed.drives.values())
    checkNotOpen(installation, installed, { kind: 'drive', index: row.index });
}

function refuse({ openDevices }: Installation, device: string, what: string, insist: string): void {
  const holder = openDevices?.holderOf(device);
  if (holder === undefined) return;
  throw new RefusedError(
    'conflict',
    `NDMP ${describeHolder(holder)}, has ${what} open: let it close ${what}, or end it with \`tapesilo ndmp session drop ${holder.id}\`${insist}`,
    { session: holder.id },
  );
}
