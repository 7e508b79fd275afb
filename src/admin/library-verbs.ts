/** library, drive, slot and mail-slot verbs. */
import { RefusedError } from '#errors';
import type { DriveRow, LibraryRow } from '#catalog';
import { Library } from '#vtl';
import { elementName, parseElement } from './element-name.js';
import { findType, type PersonalityView } from './factory.js';
import { checkUnique, identityOf, newNaa, newSerial, someIdentityOf } from './identity.js';
import type { Installation, InstalledDrive, InstalledLibrary } from './installation.js';
import { libraryMap } from './library-map.js';
import { checkNotOpen, checkNothingOpen } from './ndmp-holding.js';
import { ownTargetName, plugDrive, plugLibrary, unplugDrive, unplugLibrary } from './plugging.js';
import type { InputOf, VerbHandlers } from './verb.js';
import type { verbs } from './verbs.table.js';
import { viewDrive, viewDriveWhole, viewElement, viewLibrary, viewLibraryWhole } from './views.js';

type Verbs = typeof verbs;
type Row<K extends keyof Verbs> = InputOf<Verbs[K]>;

/** The changer that backup programs know best, whose real model takes every LTO generation that we have. */
export const defaultLibraryType = '03584L32';
export const defaultDriveType = 'ULT3580-TD8';

function typeOf(types: readonly PersonalityView[], given: string, noun: string): string {
  const type = findType(types, given);
  if (type !== undefined) return type.name;
  throw new RefusedError('usage', `There is no ${noun} type ${given}: see \`tapesilo ${noun} types\``);
}

/** A drive that is about to be made. */
export function newDriveRow(
  { env, factory, devices }: Installation,
  input: Parameters<typeof identityOf>[0] & { readonly type?: string },
): Omit<DriveRow, 'libraryId' | 'index'> {
  checkUnique(input, devices);
  return {
    id: env.random.uuid(),
    personality: typeOf(factory.driveTypes, input.type ?? defaultDriveType, 'drive'),
    serial: newSerial(env.random),
    naa: newNaa(env.random),
    createdMs: env.clock.wallMs(),
    ...identityOf(input),
  };
}

/** Makes a library with its drives, recorded and opened, behind its target. */
export async function createLibrary(
  installation: Installation,
  input: Row<'LIBRARY_CREATE'>,
): Promise<InstalledLibrary> {
  const { env, catalog, factory } = installation;
  if ((await catalog.libraries.findByName(input.name)) !== undefined) {
    throw new RefusedError('conflict', `There is a library ${input.name} already: choose another name`);
  }
  // Before anything is made: a target of its own must not stand open to strangers.
  const targetName = input.target ?? (await ownTargetName(installation, input.name));
  if (!installation.targets.some((target) => target.row.name === targetName))
    installation.guard?.checkMayAppear(targetName);
  checkUnique(input, installation.devices);
  const row: LibraryRow = {
    id: env.random.uuid(),
    name: input.name,
    personality: typeOf(factory.libraryTypes, input.type ?? defaultLibraryType, 'library'),
    serial: newSerial(env.random),
    naa: newNaa(env.random),
    createdMs: env.clock.wallMs(),
    ...identityOf(input),
  };
  const driveType = input.driveType === undefined ? {} : { type: input.driveType };
  const drives = Array.from({ length: input.drives }, () => newDriveRow(installation, driveType));
  await Library.create(catalog, row, { slots: input.slots, mailSlots: input.mailSlots }, drives);
  const installed = await installation.openLibrary(row);
  await plugLibrary(installation, installed, targetName);
  return installed;
}

export const libraryVerbs = (installation: Installation) =>
  ({
    LIBRARY_CREATE: async (input, told) => {
      const installed = await createLibrary(installation, input);
      told.note(`Made library ${input.name}`);
      return viewLibraryWhole(installation, installed);
    },
    LIBRARY_LIST: async () =>
      await Promise.resolve(installation.libraries.map((one) => viewLibrary(installation, one))),
    LIBRARY_SHOW: async ({ name }) =>
      await Promise.resolve(viewLibraryWhole(installation, installation.library(name))),
    LIBRARY_SET: async (input, told) => {
      const installed = installation.library(input.name);
      const identity = someIdentityOf(input);
      checkUnique(identity, installation.devices, installed.row.id);
      await installation.catalog.libraries.set(installed.row.id, identity);
      installed.row = await installation.catalog.libraries.get(installed.row.id);
      installed.changer.rename(installed.row);
      told.note(`Changed library ${input.name}`);
      return viewLibraryWhole(installation, installed);
    },
    LIBRARY_DELETE: async ({ name }, told) => {
      const installed = installation.library(name);
      const view = viewLibrary(installation, installed);
      await deleteLibrary(installation, installed);
      told.note(`Deleted library ${name}; its ${view.tapes} cartridges are on the shelf`);
      return view;
    },
    LIBRARY_MAP: async ({ name }) =>
      await Promise.resolve(installation.librariesNamed(name).map(libraryMap).join('\n')),
    LIBRARY_TYPES: async () => await Promise.resolve(installation.factory.libraryTypes),
  }) satisfies Partial<VerbHandlers<Verbs>>;

async function deleteLibrary(installation: Installation, installed: InstalledLibrary): Promise<void> {
  const { library, drives, row } = installed;
  const held = [...drives.values()].find(({ drive }) => drive.removalPrevented);
  if (held !== undefined) {
    const name = elementName({ kind: 'drive', index: held.row.index });
    throw new RefusedError(
      'conflict',
      `An initiator keeps ${name} locked: end its session (\`tapesilo session list\`) first`,
    );
  }
  checkNothingOpen(installation, installed);
  await unplugLibrary(installation, installed);
  installed.changer.close();
  for (const { face } of drives.values()) face.close();
  for (const { ref, cartridge } of library.elements()) {
    if (cartridge !== undefined) await library.exportCartridge(ref);
  }
  for (const id of drives.keys()) await library.removeDrive(id);
  await installation.catalog.persistence.forget(row.id);
  await installation.catalog.libraries.remove(row.id);
  installation.forgetLibrary(row.id);
}

export const driveVerbs = (installation: Installation) =>
  ({
    DRIVE_CREATE: async (input, told) => {
      const installed = installation.library(input.library);
      if (input.count > 1 && (input.serial ?? input.naa) !== undefined) {
        throw new RefusedError('usage', 'Give a serial number or NAA name to one drive at a time');
      }
      const made = [];
      for (let count = 0; count < input.count; count++) {
        const drive = await addDrive(installation, installed, newDriveRow(installation, input));
        made.push(viewDrive(installed, drive));
      }
      told.note(`Added ${made.map(({ name }) => name).join(', ')} to ${installed.row.name}`);
      return made;
    },
    DRIVE_LIST: async ({ library }) =>
      await Promise.resolve(
        installation
          .librariesNamed(library)
          .flatMap((installed) => inOrder(installed).map((drive) => viewDrive(installed, drive))),
      ),
    DRIVE_SHOW: async (input) => {
      const { installed, drive } = driveOf(installation, input);
      return await Promise.resolve(viewDriveWhole(installation, installed, drive));
    },
    DRIVE_SET: async (input, told) => {
      const { installed, drive } = driveOf(installation, input);
      const identity = someIdentityOf(input);
      checkUnique(identity, installation.devices, drive.row.id);
      await installation.catalog.drives.set(drive.row.id, identity);
      drive.row = await installation.catalog.drives.get(drive.row.id);
      drive.face.rename(drive.row);
      told.note(`Changed ${input.drive}`);
      return viewDriveWhole(installation, installed, drive);
    },
    DRIVE_DELETE: async (input, told) => {
      const { installed, drive } = driveOf(installation, input);
      const view = viewDrive(installed, drive);
      if (drive.drive.cartridge !== undefined) {
        const to = `\`tapesilo drive unload ${input.drive} --to home\``;
        throw new RefusedError(
          'conflict',
          `${input.drive} holds ${view.barcode}: take it out first with ${to}`,
        );
      }
      checkNotOpen(installation, installed, { kind: 'drive', index: drive.row.index });
      // First the library, which refuses when a host has just put a cartridge in.
      await installed.library.removeDrive(drive.row.id);
      await unplugDrive(installation, drive.row.id);
      drive.face.close();
      installed.drives.delete(drive.row.id);
      told.note(`Took ${input.drive} out of ${installed.row.name}`);
      return view;
    },
    DRIVE_LOAD: async (input, told) => {
      const { installed, drive } = driveOf(installation, input);
      if (drive.drive.cartridge === undefined) {
        const move = `\`tapesilo tape move BARCODE --to ${input.drive}\``;
        throw new RefusedError('conflict', `${input.drive} is empty: put a cartridge in with ${move}`);
      }
      if (drive.drive.state === 'unloaded') await drive.drive.load();
      told.note(`${input.drive} is ${drive.drive.state}`);
      return viewDrive(installed, drive);
    },
    DRIVE_UNLOAD: async (input, told) => await unloadDrive(installation, input, told),
    DRIVE_TYPES: async () => await Promise.resolve(installation.factory.driveTypes),
  }) satisfies Partial<VerbHandlers<Verbs>>;

const inOrder = ({ drives }: InstalledLibrary): InstalledDrive[] =>
  [...drives.values()].toSorted((a, b) => a.row.index - b.row.index);

function driveOf(
  installation: Installation,
  input: { readonly drive: string; readonly library?: string },
): { readonly installed: InstalledLibrary; readonly drive: InstalledDrive } {
  const installed = installation.library(input.library);
  return { installed, drive: installation.drive(installed, input.drive) };
}

async function addDrive(
  installation: Installation,
  installed: InstalledLibrary,
  wanted: Omit<DriveRow, 'libraryId' | 'index'>,
): Promise<InstalledDrive> {
  const drive = await installed.library.addDrive(wanted);
  const one = await installation.equip(installed, drive);
  await plugDrive(installation, installed, one);
  return one;
}

async function unloadDrive(
  installation: Installation,
  input: Row<'DRIVE_UNLOAD'>,
  told: { note(sentence: string): void },
) {
  const { installed, drive } = driveOf(installation, input);
  const { drive: machine } = drive;
  const { cartridge } = machine;
  if (cartridge === undefined) throw new RefusedError('conflict', `${input.drive} is empty`);
  if (machine.removalPrevented && input.force !== true) {
    throw new RefusedError(
      'conflict',
      `An initiator prevents removal from ${input.drive}: unload it there (mt offline), or add --force`,
    );
  }
  const from = { kind: 'drive', index: drive.row.index } as const;
  if (input.force !== true) checkNotOpen(installation, installed, from, ', or add --force');
  if (machine.removalPrevented) machine.allowRemoval();
  if (machine.state !== 'unloaded') await machine.unload();
  told.note(`Unloaded ${cartridge.barcode} in ${input.drive}`);
  if (input.to !== undefined) {
    if (input.to === 'shelf') await installed.library.exportCartridge(from);
    else
      await installed.library.move(
        from,
        input.to === 'home' ? homeOf(installed, drive) : parseElement(input.to),
        'operator',
      );
    const { element } = installation.find(cartridge.barcode);
    told.note(`${cartridge.barcode} is now in ${element === undefined ? 'the shelf' : elementName(element)}`);
  }
  return viewDrive(installed, drive);
}

/** Where the cartridge of a drive came from, or else the first free slot. */
function homeOf({ library }: InstalledLibrary, { row }: InstalledDrive) {
  const source = library.element({ kind: 'drive', index: row.index })?.source;
  if (source !== undefined && library.element(source)?.cartridge === undefined) return source;
  const free = library.elementsOf('slot').find(({ cartridge }) => cartridge === undefined);
  if (free !== undefined) return free.ref;
  throw new RefusedError(
    'conflict',
    'There is no free slot: add some with `tapesilo slot create`, or say --to shelf',
  );
}

export const slotVerbs = (installation: Installation) => {
  const list = (kind: 'slot' | 'mail', name: string | undefined) =>
    installation
      .librariesNamed(name)
      .flatMap((installed) =>
        installed.library.elementsOf(kind).map(({ ref }) => viewElement(installed, ref)),
      );
  return {
    SLOT_CREATE: async ({ library, count }, told) => {
      const installed = installation.library(library);
      await installed.library.addSlots(count);
      told.note(`Library ${installed.row.name} has ${installed.library.elementsOf('slot').length} slots now`);
      return viewLibrary(installation, installed);
    },
    SLOT_LIST: async ({ library }) => await Promise.resolve(list('slot', library)),
    SLOT_DELETE: async ({ library, count }, told) => {
      const installed = installation.library(library);
      await installed.library.removeSlots(count);
      told.note(`Library ${installed.row.name} has ${installed.library.elementsOf('slot').length} slots now`);
      return viewLibrary(installation, installed);
    },
    MAIL_SLOT_CREATE: async ({ library, count }, told) => {
      const installed = installation.library(library);
      await installed.library.addMailSlots(count);
      told.note(
        `Library ${installed.row.name} has ${installed.library.elementsOf('mail').length} mail slots now`,
      );
      return viewLibrary(installation, installed);
    },
    MAIL_SLOT_LIST: async ({ library }) => await Promise.resolve(list('mail', library)),
    MAIL_SLOT_DELETE: async ({ library, count }, told) => {
      const installed = installation.library(library);
      await installed.library.removeMailSlots(count);
      told.note(
        `Library ${installed.row.name} has ${installed.library.elementsOf('mail').length} mail slots now`,
      );
      return viewLibrary(installation, installed);
    },
  } satisfies Partial<VerbHandlers<Verbs>>;
};
