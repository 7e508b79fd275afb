/** tape verbs about time: snapshots of a cartridge, going back to one, and forks. */
import type { CartridgeRow } from '#catalog';
import { RefusedError, StoreError } from '#errors';
import type { DedupGroup } from '#store';
import { type Cartridge, mediumOfBarcode } from '#vtl';
import { elementName } from './element-name.js';
import { groupOf } from './installed-group.js';
import type { Installation, Whereabouts } from './installation.js';
import { checkMayDestroy, checkNotProtected, isTaken, placesFor } from './tape-verbs.js';
import { noteUnowned, unownedKey } from './unowned.js';
import type { InputOf, Told, VerbHandlers } from './verb.js';
import type { verbs } from './verbs.table.js';
import { viewTape } from './views.js';

type Verbs = typeof verbs;
type Row<K extends keyof Verbs> = InputOf<Verbs[K]>;

export const snapshotVerbs = (installation: Installation) =>
  ({
    TAPE_SNAPSHOT: async ({ barcode, name }, told) => {
      const found = installation.find(barcode);
      const taken = await keep(found.cartridge, name ?? (await freeName(installation, found.cartridge, '')));
      told.note(`Kept ${barcode} as it is under the name ${taken.name}`);
      if (found.element?.kind === 'drive') {
        const drive = elementName(found.element);
        told.note(`It is in ${drive}: what its host has not synchronised yet is not in the snapshot`);
      }
      return taken;
    },
    TAPE_SNAPSHOTS: async ({ barcode }) => await listSnapshots(installation.find(barcode).cartridge),
    TAPE_DROP_SNAPSHOT: async ({ barcode, name }, told) => {
      const { cartridge } = installation.find(barcode);
      const shown = await snapshotOf(cartridge, name);
      await storeOf(cartridge).removeSnapshot(cartridge.id, name);
      told.note(`Snapshot ${name} of ${barcode} is gone`);
      return shown;
    },
    TAPE_ROLLBACK: async (input, told) => {
      const found = installation.find(input.barcode);
      await rollback(installation, found, input.name, told);
      return viewTape(installation.find(input.barcode));
    },
    TAPE_FORK: async (input, told) => {
      await fork(installation, input, told);
      return viewTape(installation.find(input.newBarcode));
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

/** Where a cartridge is kept, if that can keep points in time. RefusedError 'conflict', StoreError 'unavailable'. */
function storeOf(cartridge: Cartridge): DedupGroup {
  if (cartridge.cleaning !== undefined)
    throw new RefusedError(
      'conflict',
      `${cartridge.barcode} is a cleaning cartridge: nothing is written to it`,
    );
  const { dedup, name } = groupOf(cartridge);
  if (dedup !== undefined) return dedup;
  throw new RefusedError(
    'conflict',
    `${cartridge.barcode} is in storage group ${name}, which keeps plain files: snapshots need a deduplicating group`,
  );
}

// --- snapshots --------------------------------------------------------------------------------------------------------

export interface SnapshotView {
  readonly name: string;
  /** ISO 8601. */
  readonly taken: string;
  /** What was on it: records, and what tells where each is. */
  readonly logicalBytes: number;
}

async function listSnapshots(cartridge: Cartridge): Promise<SnapshotView[]> {
  const points = await storeOf(cartridge).pointsInTime(cartridge.id);
  return points.map(({ name, takenMs, logicalBytes }) => {
    return { name, taken: `${new Date(takenMs).toISOString().slice(0, 19)}Z`, logicalBytes };
  });
}
async function snapshotOf(cartridge: Cartridge, name: string): Promise<SnapshotView> {
  const found = (await listSnapshots(cartridge)).find((one) => one.name === name);
  if (found !== undefined) return found;
  const { barcode } = cartridge;
  throw new RefusedError(
    'not-found',
    `${barcode} has no snapshot ${name}: see \`tapesilo tape snapshots ${barcode}\``,
  );
}

/** "2026-11-22-003105", UTC; the second one of a second ends with -2. */
async function freeName({ env }: Installation, cartridge: Cartridge, before: string): Promise<string> {
  const now = new Date(env.clock.wallMs()).toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '');
  const taken = await storeOf(cartridge).snapshots(cartridge.id);
  let name = before + now;
  for (let count = 2; taken.includes(name); count++) name = `${before}${now}-${count}`;
  return name;
}

async function keep(cartridge: Cartridge, name: string): Promise<SnapshotView> {
  const store = storeOf(cartridge);
  if ((await store.snapshots(cartridge.id)).includes(name)) {
    throw new RefusedError(
      'conflict',
      `${cartridge.barcode} has a snapshot ${name} already: choose another name`,
    );
  }
  await store.snapshot(cartridge.id, name);
  return await snapshotOf(cartridge, name);
}

// --- back, and beside -------------------------------------------------------------------------------------------------

/** What it was before is kept as well: going back must not be the way to lose something. */
async function rollback(
  installation: Installation,
  found: Whereabouts,
  name: string,
  told: Told,
): Promise<void> {
  const { cartridge } = found;
  const { barcode, id } = cartridge;
  const store = storeOf(cartridge);
  checkMayDestroy(installation, found);
  checkNotProtected(cartridge, 'taken back');
  await snapshotOf(cartridge, name);
  const before = await freeName(installation, cartridge, 'before-');
  try {
    await keep(cartridge, before);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'corrupt') throw error;
    told.warn(`What ${barcode} was could not be kept: ${error.message}`);
  }
  await cartridge.replaceContent(async () => await store.rollback(id, name));
  told.note(`${barcode} is again what it was at ${name}`);
  if ((await store.snapshots(id)).includes(before)) told.note(`What it was until now is kept as ${before}`);
}

async function fork(installation: Installation, input: Row<'TAPE_FORK'>, told: Told): Promise<void> {
  const { env, catalog, factory, shelf } = installation;
  const { barcode, newBarcode, at, library, to } = input;
  const { cartridge: from } = installation.find(barcode);
  const store = storeOf(from);
  checkNewBarcode(installation, from, newBarcode);
  if (at !== undefined) await snapshotOf(from, at);
  const [place] = library === undefined && to === undefined ? [] : placesFor(installation, input, 1);
  const group = groupOf(from);
  const id = env.random.uuid();
  const row: CartridgeRow = {
    id,
    barcode: newBarcode,
    medium: from.medium.key,
    worm: from.worm,
    writeProtected: false,
    sizeBytes: from.sizeBytes,
    usedBytes: from.usedBytes,
    groupId: group.row.id,
    volumeId: id,
    createdMs: env.clock.wallMs(),
    byOperator: false,
  };
  await noteUnowned(catalog, id, group.row.id);
  await store.fork(from.id, id, at);
  const cartridge = factory.cartridge(row);
  await cartridge.becomeItself();
  await catalog.transaction(async ({ cartridges, settings }) => {
    await cartridges.create({ ...row, usedBytes: cartridge.usedBytes });
    await settings.remove(unownedKey(id));
  });
  shelf.put(cartridge);
  told.note(`${newBarcode} begins as ${barcode} ${at === undefined ? 'is' : `was at ${at}`}`);
  if (place === undefined) {
    if (library !== undefined) told.note('No slot is free: it is on the shelf');
    return;
  }
  await place.installed.library.importCartridge(cartridge, place.element);
}

function checkNewBarcode(installation: Installation, from: Cartridge, barcode: string): void {
  if (isTaken(installation, barcode))
    throw new RefusedError('conflict', `There is a cartridge ${barcode} already: choose another barcode`);
  const said = mediumOfBarcode(barcode);
  if (said === undefined || barcode.slice(-2) === from.barcode.slice(-2)) return;
  if (!said.cleaning && said.medium.key === from.medium.key && said.worm === from.worm) return;
  const { medium, worm } = from;
  const suffix = worm ? medium.suffix.worm : medium.suffix.data;
  throw new RefusedError(
    'usage',
    `${barcode} would say that it is another medium than ${from.barcode}: end it with ${suffix}`,
  );
}
