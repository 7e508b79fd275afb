/** What a new home gets: one library that backup programs know, with cartridges. May be interrupted and done again. */
import { mediumOfSuffix } from '#vtl';
import type { Installation } from './installation.js';
import { createLibrary } from './library-verbs.js';
import { ownTargetName, plugDrive, plugLibrary } from './plugging.js';
import { createCartridge, nextBarcodes } from './tape-verbs.js';

const doneKey = 'first-start';
const first = { name: 'library0', drives: 4, slots: 40, mailSlots: 4 } as const;
const cartridges = { count: 20, prefix: 'TS', suffix: 'L8' } as const;

/** True when it was the first start. */
export async function makeFirstLibrary(installation: Installation): Promise<boolean> {
  const { catalog } = installation;
  if ((await catalog.settings.get(doneKey)) !== undefined) return false;
  const installed =
    installation.libraries.find(({ row }) => row.name === first.name) ??
    (await createLibrary(installation, first));
  const hasTarget = installation.targets.some(({ luns }) =>
    luns.some(({ libraryId }) => libraryId === installed.row.id),
  );
  if (!hasTarget) {
    await plugLibrary(installation, installed, await ownTargetName(installation, first.name));
  }
  for (const drive of installed.drives.values()) {
    const isPlugged = installation.targets.some(({ luns }) =>
      luns.some(({ driveId }) => driveId === drive.row.id),
    );
    if (!isPlugged) await plugDrive(installation, installed, drive);
  }
  await fillSlots(installation);
  await catalog.settings.set(doneKey, 'done');
  return true;
}

async function fillSlots(installation: Installation): Promise<void> {
  const { library } = installation.library(first.name);
  const kind = mediumOfSuffix(cartridges.suffix);
  if (kind === undefined) return;
  const there = library.elements().filter(({ cartridge }) => cartridge !== undefined).length;
  const missing = Math.max(0, cartridges.count - there);
  for (const barcode of nextBarcodes(installation, cartridges.prefix, cartridges.suffix, missing)) {
    const free = library.elementsOf('slot').find(({ cartridge }) => cartridge === undefined);
    const cartridge = await createCartridge(installation, barcode, kind, undefined);
    if (free !== undefined) await library.importCartridge(cartridge, free.ref);
  }
}
