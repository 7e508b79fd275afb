/** tape verbs that look after what is on a cartridge, or make sure that nobody ever reads it again. */
import { RefusedError, StoreError } from '#errors';
import { beginWork } from './group-verbs.js';
import { groupOf } from './installed-group.js';
import type { Installation } from './installation.js';
import { checkMayDestroy, checkNotProtected, destroyCartridge } from './tape-verbs.js';
import type { Told, VerbHandlers } from './verb.js';
import type { verbs } from './verbs.table.js';
import { viewTape } from './views.js';
import { reportOfVerify } from './work-reports.js';

export const tapeCareVerbs = (installation: Installation) =>
  ({
    TAPE_VERIFY: async ({ barcode }, told) => {
      const { cartridge } = installation.find(barcode);
      if (cartridge.cleaning !== undefined)
        throw new RefusedError('conflict', `${barcode} is a cleaning cartridge: nothing is written to it`);
      const group = groupOf(cartridge);
      group.check();
      return await beginWork(group, 'verify', told, async (controls) =>
        reportOfVerify(barcode, await cartridge.verify(controls)),
      );
    },
    TAPE_SHRED: async ({ barcode }, told) => await shredTape(installation, barcode, told),
  }) satisfies Partial<VerbHandlers<typeof verbs>>;

/** Its key first: should the rest not come about, it can be done again, and nobody can read it meanwhile. */
async function shredTape(installation: Installation, barcode: string, told: Told) {
  const found = installation.find(barcode);
  const { cartridge } = found;
  const { name, dedup } = groupOf(cartridge);
  if (cartridge.cleaning !== undefined || dedup?.isEncrypted !== true) {
    throw new RefusedError(
      'conflict',
      `${barcode} is not in an encrypted storage group (${name} is none), so there is no key to destroy: use \`tapesilo tape delete ${barcode}\``,
    );
  }
  checkMayDestroy(installation, found);
  if (cartridge.writeProtected) checkNotProtected(cartridge);
  const view = viewTape(found);
  if (found.installed !== undefined && found.element !== undefined) {
    await found.installed.library.exportCartridge(found.element);
  }
  try {
    await dedup.shred(cartridge.id);
  } catch (error) {
    const isGone = error instanceof StoreError && error.code === 'missing'; // by an attempt that got no further
    if (!isGone) throw error;
  }
  installation.shelf.take(cartridge);
  await destroyCartridge(installation, cartridge);
  told.note(`${barcode} is shredded: its key is destroyed, and that of its snapshots`);
  return view;
}
