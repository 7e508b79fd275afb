/** tape verbs: cartridges, wherever they are. */
import type { CartridgeRow } from '#catalog';
import { RefusedError } from '#errors';
import {
  cleaningUsesOfNew,
  type Cartridge,
  type ElementRef,
  MEDIA,
  mediumOfBarcode,
  type MediumKind,
  type Refusal,
} from '#vtl';
import { elementName, parseElement } from './element-name.js';
import { groupOf, type InstalledGroup } from './installed-group.js';
import type { Installation, InstalledLibrary, Whereabouts } from './installation.js';
import { noteUnowned, unownedKey } from './unowned.js';
import { checkNotOpen } from './ndmp-holding.js';
import type { InputOf, Told, VerbHandlers } from './verb.js';
import type { verbs } from './verbs.table.js';
import { viewTape, viewTapeWhole } from './views.js';

type Verbs = typeof verbs;
type Row<K extends keyof Verbs> = InputOf<Verbs[K]>;
type Creation = Row<'TAPE_CREATE'>;

export const tapeVerbs = (installation: Installation) =>
  ({
    TAPE_CREATE: async (input, told) => {
      const barcodes = barcodesFor(installation, input);
      const kind = kindOf(input);
      const places = placesFor(installation, input, barcodes.length);
      const group = installation.groups.named(input.group);
      if (!kind.cleaning) group.check();
      const made = [];
      for (const [at, barcode] of barcodes.entries()) {
        const cartridge = await createCartridge(installation, barcode, kind, input.size, group);
        const place = places[at];
        if (place !== undefined) await place.installed.library.importCartridge(cartridge, place.element);
        made.push(viewTape(installation.find(barcode)));
      }
      const shelved = made.filter(({ location }) => location === 'shelf').length;
      told.note(
        `Made ${made.length === 1 ? made[0]?.barcode : `${made.length} cartridges`}${where(shelved, made.length)}`,
      );
      return made;
    },
    TAPE_LIST: async (input) => await Promise.resolve(listTapes(installation, input).map(viewTape)),
    TAPE_SHOW: async ({ barcode, sizes }) => await viewTapeWhole(installation.find(barcode), sizes === true),
    TAPE_MOVE: async (input, told) => await moveTape(installation, input, told),
    TAPE_IMPORT: async (input, told) => {
      const found = installation.find(input.barcode);
      if (found.installed !== undefined) {
        throw new RefusedError(
          'conflict',
          `${input.barcode} is in ${placeName(installation, found)} already`,
        );
      }
      const installed = installation.library(input.library);
      const element = input.to === undefined ? freeMailSlot(installed) : parseElement(input.to);
      await installed.library.importCartridge(found.cartridge, element);
      return tellMoved(installation, input.barcode, told);
    },
    TAPE_EXPORT: async ({ barcode }, told) => await moveTape(installation, { barcode, to: 'shelf' }, told),
    TAPE_PROTECT: async ({ barcode, off }, told) => {
      const found = installation.find(barcode);
      const isProtected = off !== true;
      await installation.catalog.cartridges.set(found.cartridge.id, { writeProtected: isProtected });
      found.cartridge.setWriteProtected(isProtected);
      told.note(isProtected ? `${barcode} is write-protected` : `${barcode} may be written again`);
      return viewTape(installation.find(barcode));
    },
    TAPE_ERASE: async ({ barcode }, told) => {
      const found = installation.find(barcode);
      checkMayDestroy(installation, found);
      checkNotProtected(found.cartridge);
      await found.cartridge.erase();
      told.note(`${barcode} is blank`);
      return viewTape(installation.find(barcode));
    },
    TAPE_DELETE: async ({ barcode, withSnapshots }, told) => {
      const found = installation.find(barcode);
      checkMayDestroy(installation, found);
      if (found.cartridge.writeProtected) checkNotProtected(found.cartridge);
      if (withSnapshots !== true) await checkNoSnapshots(found.cartridge);
      const view = viewTape(found);
      if (found.installed !== undefined && found.element !== undefined) {
        await found.installed.library.exportCartridge(found.element);
      }
      installation.shelf.take(found.cartridge);
      await destroyCartridge(installation, found.cartridge);
      told.note(`${barcode} is destroyed`);
      return view;
    },
  }) satisfies Partial<VerbHandlers<Verbs>>;

function where(shelved: number, made: number): string {
  if (shelved === 0) return '';
  return shelved === made
    ? ' on the shelf'
    : `; ${shelved} of them on the shelf, because no more slots are free`;
}

/** Of one library or of all, and then those on the shelf; in the order of elements. */
function listTapes(installation: Installation, { library, group }: Row<'TAPE_LIST'>): Whereabouts[] {
  const inside = installation
    .librariesNamed(library)
    .flatMap((installed) =>
      installed.library
        .elements()
        .flatMap(({ ref, cartridge }) =>
          cartridge === undefined ? [] : [{ cartridge, installed, element: ref }],
        ),
    );
  const shelved = library === undefined ? installation.shelf.cartridges : [];
  const all = [...inside, ...shelved.map((cartridge) => ({ cartridge }))];
  if (group === undefined) return all;
  const held = new Set(installation.tapesOf(installation.groups.named(group)));
  return all.filter(({ cartridge }) => held.has(cartridge));
}

// --- making -------------------------------------------------------------------------------------------------------------

/** What the barcode says, unless --type or --worm say it. */
function kindOf({ barcode, suffix, type, worm }: Creation): MediumKind {
  const said = type === undefined ? mediumOfBarcode(barcode ?? `A${suffix ?? ''}`) : kindOfType(type);
  if (said === undefined) {
    throw new RefusedError(
      'usage',
      `The barcode does not say what medium it is: end it with a suffix such as L8, or name one with --type (${MEDIA.map(({ key }) => key).join(', ')})`,
    );
  }
  if (worm !== true) return said;
  if (said.cleaning || said.medium.suffix.worm === undefined) {
    throw new RefusedError(
      'usage',
      `There is no WORM medium of the kind ${said.cleaning ? 'cleaning' : said.medium.key}`,
    );
  }
  return { ...said, worm: true };
}
function kindOfType(type: string): MediumKind | undefined {
  const wanted = type.toUpperCase();
  if (wanted === 'CLEANING') return mediumOfBarcode('CLN000CU');
  const worm = wanted.endsWith('-WORM');
  const key = worm ? wanted.slice(0, -'-WORM'.length) : wanted;
  const medium = MEDIA.find((row) => row.key === key);
  return medium === undefined ? undefined : { medium, worm, cleaning: false };
}

const barcodeLengthMax = 32;
const labelLength = 8; // what LTO labels have, with the two of the suffix

/** The given one, or the next free numbers behind the prefix. */
function barcodesFor(installation: Installation, { barcode, count, prefix, suffix }: Creation): string[] {
  if (barcode !== undefined) {
    if (count > 1 || prefix !== undefined || suffix !== undefined) {
      throw new RefusedError('usage', 'Give either --barcode, or --count with --prefix and --suffix');
    }
    if (isTaken(installation, barcode))
      throw new RefusedError('conflict', `There is a cartridge ${barcode} already`);
    return [barcode];
  }
  if (suffix === undefined) {
    throw new RefusedError('usage', 'Give --barcode, or --suffix (such as L8) with --count and --prefix');
  }
  return nextBarcodes(installation, prefix ?? '', suffix, count);
}
export function nextBarcodes(
  installation: Installation,
  prefix: string,
  suffix: string,
  count: number,
): string[] {
  const digits = Math.max(labelLength - prefix.length - suffix.length, `${count}`.length);
  const found: string[] = [];
  for (let number = 1; found.length < count && number < 10 ** digits; number++) {
    const barcode = `${prefix}${`${number}`.padStart(digits, '0')}${suffix}`;
    if (!isTaken(installation, barcode)) found.push(barcode);
  }
  if (found.length === count && prefix.length + digits + suffix.length <= barcodeLengthMax) return found;
  throw new RefusedError(
    'conflict',
    `There are not ${count} free numbers between ${prefix} and ${suffix}: use another prefix`,
  );
}
export function isTaken(installation: Installation, barcode: string): boolean {
  return (
    installation.shelf.find(barcode) !== undefined ||
    installation.libraries.some(({ library }) => library.whereIs(barcode) !== undefined)
  );
}

interface Place {
  readonly installed: InstalledLibrary;
  readonly element: ElementRef;
}
/** Elements for the new ones, in order; those without one go to the shelf. */
export function placesFor(
  installation: Installation,
  { to, library }: Pick<Creation, 'to' | 'library'>,
  count: number,
): Place[] {
  if (to === 'shelf' || (to === undefined && library === undefined && installation.libraries.length !== 1))
    return [];
  const installed = installation.library(library);
  const { kind, index } = to === undefined ? { kind: 'slot' as const, index: 0 } : parseElement(to);
  const elements = installed.library.elementsOf(kind);
  if (to !== undefined && elements[index]?.cartridge !== undefined) {
    throw new RefusedError(
      'conflict',
      `${to} holds ${elements[index].cartridge.barcode}: choose another place`,
    );
  }
  if (to !== undefined && elements[index] === undefined)
    throw new RefusedError('not-found', `There is no ${to}`);
  return elements
    .slice(index)
    .filter(({ cartridge }) => cartridge === undefined)
    .slice(0, count)
    .map(({ ref }) => ({ installed, element: ref }));
}

/** A new cartridge on the shelf. Its volume is noted as unowned until its row is there: a crash leaves neither alone. */
export async function createCartridge(
  installation: Installation,
  barcode: string,
  kind: MediumKind,
  sizeBytes?: number,
  group: InstalledGroup = installation.groups.default,
): Promise<Cartridge> {
  const { env, catalog, factory, shelf } = installation;
  const id = env.random.uuid();
  const row: CartridgeRow = {
    id,
    barcode,
    medium: kind.medium.key,
    worm: kind.worm,
    writeProtected: false,
    ...(kind.cleaning ? { cleaningUses: cleaningUsesOfNew } : { groupId: group.row.id }),
    sizeBytes: sizeBytes ?? (kind.cleaning ? 0 : kind.medium.capacityBytes),
    usedBytes: 0,
    volumeId: id,
    createdMs: env.clock.wallMs(),
    byOperator: false,
  };
  await noteUnowned(catalog, id, group.row.id);
  const cartridge = await factory.newCartridge(row);
  await catalog.transaction(async ({ cartridges, settings }) => {
    await cartridges.create(row);
    await settings.remove(unownedKey(id));
  });
  shelf.put(cartridge);
  return cartridge;
}

export async function destroyCartridge({ catalog }: Installation, cartridge: Cartridge): Promise<void> {
  const { id } = cartridge;
  await catalog.transaction(async (tables) => {
    await tables.cartridges.remove(id);
    await noteUnowned(tables, id, groupOf(cartridge).row.id);
  });
  await cartridge.destroy();
  await catalog.settings.remove(unownedKey(id));
}

// --- moving -------------------------------------------------------------------------------------------------------------

async function moveTape(installation: Installation, input: Row<'TAPE_MOVE'>, told: Told) {
  const { barcode, to } = input;
  const { cartridge, installed, element } = installation.find(barcode);
  if (installed === undefined || element === undefined) {
    if (to === 'shelf') throw new RefusedError('conflict', `${barcode} is on the shelf already`);
    await installation.library(input.library).library.importCartridge(cartridge, parseElement(to));
  } else if (to === 'shelf') {
    checkNotOpen(installation, installed, element);
    await installed.library.exportCartridge(element);
  } else {
    checkNotOpen(installation, installed, element);
    if (input.library !== undefined && input.library !== installed.row.name) {
      const way = `export it first (\`tapesilo tape export ${barcode}\`), then import it there`;
      throw new RefusedError('conflict', `${barcode} is in library ${installed.row.name}: ${way}`);
    }
    await installed.library.move(element, parseElement(to), 'operator');
  }
  return tellMoved(installation, barcode, told);
}
function tellMoved(installation: Installation, barcode: string, told: Told) {
  const found = installation.find(barcode);
  told.note(
    `${barcode} is now ${found.installed === undefined ? 'on the shelf' : `in ${placeName(installation, found)}`}`,
  );
  tellRefusal(found, told);
  return viewTape(found);
}
/** A drive that does not take the medium: the move is done, but a host will not be glad of it. */
function tellRefusal({ installed, element, cartridge }: Whereabouts, told: Told): void {
  if (installed === undefined || element?.kind !== 'drive') return;
  const drive = installed.library.element(element)?.drive;
  if (drive?.refusal === undefined) return;
  const why: Readonly<Record<Refusal, string>> = {
    incompatible: `an LTO-${drive.generation} drive does not take ${cartridge.medium.key}`,
    unsupported: 'a later release has written it',
    'expired-cleaning': 'no cleaning uses are left',
    damaged: "it does not open: the daemon's log says why",
    unavailable: 'its storage group is not open: see `tapesilo group list`',
    'in-use': 'something else has it open',
  };
  told.warn(`${elementName(element)} refuses ${cartridge.barcode}: ${why[drive.refusal]}`);
}
const placeName = (installation: Installation, { installed, element }: Whereabouts): string =>
  installed === undefined || element === undefined ? 'the shelf' : installation.nameOf(installed, element);

function freeMailSlot({ library, row }: InstalledLibrary): ElementRef {
  const free = library.elementsOf('mail').find(({ cartridge }) => cartridge === undefined);
  if (free !== undefined) return free.ref;
  throw new RefusedError(
    'conflict',
    `No mail slot of ${row.name} is free: empty one, or name a slot with --to`,
  );
}

// --- destroying ---------------------------------------------------------------------------------------------------------

export function checkMayDestroy(
  installation: Installation,
  { cartridge, element, installed }: Whereabouts,
): void {
  if (element?.kind !== 'drive' || installed === undefined) return;
  const drive = elementName(element);
  throw new RefusedError(
    'conflict',
    `${cartridge.barcode} is in ${installation.nameOf(installed, element)}: take it out first with \`tapesilo drive unload ${drive} --to home\``,
  );
}
/** They are there for the day on which somebody deletes what he should not. */
async function checkNoSnapshots({ id, barcode, group, cleaning }: Cartridge): Promise<void> {
  const names = cleaning === undefined ? ((await groupOf({ group }).dedup?.snapshots(id)) ?? []) : [];
  if (names.length === 0) return;
  const some = names.slice(0, 3).join(', ');
  throw new RefusedError(
    'conflict',
    `${barcode} has ${names.length} ${names.length === 1 ? 'snapshot' : 'snapshots'} (${some}${names.length > 3 ? ', …' : ''}), which would go with it: drop them first with \`tapesilo tape drop-snapshot\`, or add --with-snapshots`,
  );
}
export function checkNotProtected({ barcode, writeProtected, worm }: Cartridge, done = 'erased'): void {
  if (worm) throw new RefusedError('protected', `${barcode} is a WORM cartridge: it cannot be ${done}`);
  if (!writeProtected) return;
  throw new RefusedError(
    'protected',
    `${barcode} is write-protected: allow writing first with \`tapesilo tape protect ${barcode} --off\``,
  );
}
