/** What is shown of things: plain values for JSON and for tables. Names are part of the contract with scripts. */
import type { LunRow } from '#catalog';
import type { ElementRef } from '#vtl';
import { elementName } from './element-name.js';
import { groupOf } from './installed-group.js';
import type { Installation, InstalledDrive, InstalledLibrary, Whereabouts } from './installation.js';
import { driveDevice } from './ndmp-devices.js';
import { describeHolder } from './ndmp-views.js';

export interface LunView {
  readonly lun: number;
  readonly kind: 'changer' | 'tape';
  readonly library: string;
  /** "changer", or the name of the drive. */
  readonly name: string;
  readonly serial: string;
}

export function viewLibrary(installation: Installation, { row, library, drives }: InstalledLibrary) {
  const targets = installation.targets.filter(({ luns }) =>
    luns.some(({ libraryId }) => libraryId === row.id),
  );
  return {
    name: row.name,
    type: row.personality,
    drives: drives.size,
    slots: library.elementsOf('slot').length,
    mailSlots: library.elementsOf('mail').length,
    tapes: library.elements().filter(({ cartridge }) => cartridge !== undefined).length,
    target: targets.map((target) => target.row.name),
  };
}
/** With how it names itself. */
export const viewLibraryWhole = (installation: Installation, installed: InstalledLibrary) => {
  const type = installation.factory.libraryTypes.find(({ name }) => name === installed.row.personality);
  return { ...viewLibrary(installation, installed), ...identityView(installed.row, type) };
};

interface NamedRow {
  readonly vendor?: string | undefined;
  readonly product?: string | undefined;
  readonly revision?: string | undefined;
  readonly serial: string;
  readonly naa: string;
}
const identityView = (
  row: NamedRow,
  type: { readonly vendor: string; readonly product: string } | undefined,
) => ({
  vendor: row.vendor ?? type?.vendor ?? null,
  product: row.product ?? type?.product ?? null,
  ...(row.revision === undefined ? {} : { revision: row.revision }),
  serial: row.serial,
  naa: row.naa,
});

export function viewDrive(installed: InstalledLibrary, { row, drive }: InstalledDrive) {
  const element = { kind: 'drive', index: row.index } as const;
  return {
    name: elementName(element),
    library: installed.row.name,
    type: row.personality,
    serial: row.serial,
    elementAddress: installed.changer.addressOf(element) ?? null,
    state: drive.state,
    barcode: drive.cartridge?.barcode ?? null,
  };
}
export function viewDriveWhole(installation: Installation, installed: InstalledLibrary, one: InstalledDrive) {
  const type = installation.factory.driveTypes.find(({ name }) => name === one.row.personality);
  const { drive } = one;
  const holder = installation.openDevices?.holderOf(driveDevice(installed, one));
  const isReady = drive.state === 'ready';
  return {
    ...viewDrive(installed, one),
    ...identityView(one.row, type),
    ...(drive.refusal === undefined ? {} : { refusal: drive.refusal }),
    ...(holder === undefined ? {} : { heldBy: `NDMP ${describeHolder(holder)}` }),
    removalPrevented: drive.removalPrevented,
    ...(isReady ? { writable: drive.writable, position: drive.position } : {}),
  };
}

export function viewElement(installed: InstalledLibrary, element: ElementRef) {
  const state = installed.library.element(element);
  return {
    name: elementName(element),
    library: installed.row.name,
    elementAddress: installed.changer.addressOf(element) ?? null,
    barcode: state?.cartridge?.barcode ?? null,
  };
}

export function viewTape({ cartridge, installed, element }: Whereabouts) {
  return {
    barcode: cartridge.barcode,
    type: cartridge.cleaning === undefined ? cartridge.medium.key : 'cleaning',
    group: cartridge.cleaning === undefined ? groupOf(cartridge).name : null,
    library: installed?.row.name ?? null,
    location: element === undefined ? 'shelf' : elementName(element),
    elementAddress: element === undefined ? null : (installed?.changer.addressOf(element) ?? null),
    size: cartridge.sizeBytes,
    used: cartridge.usedBytes,
    worm: cartridge.worm,
    protected: cartridge.writeProtected,
    ...(cartridge.cleaning === undefined ? {} : { usesLeft: cartridge.cleaning.usesLeft }),
  };
}

/** With what its storage group says of it. */
export async function viewTapeWhole(found: Whereabouts, withSizes: boolean) {
  const view = viewTape(found);
  if (found.cartridge.cleaning !== undefined) return view;
  const group = groupOf(found.cartridge);
  if (group.problem !== undefined) return { ...view, problem: group.problem.message };
  const { dedup } = group;
  if (dedup === undefined) return view;
  const { id } = found.cartridge;
  const snapshots = await dedup.snapshots(id);
  if (!withSizes) return { ...view, snapshots };
  const { logicalBytes, ownBytes, usedBytes } = await dedup.volumeSizes(id);
  return { ...view, snapshots, logicalBytes, ownBytes, sharedBytes: usedBytes - ownBytes };
}

export function viewLun(installation: Installation, { lun, libraryId, driveId }: LunRow): LunView {
  const library = installation.libraries.find(({ row }) => row.id === libraryId)?.row;
  if (library !== undefined) {
    return { lun, kind: 'changer', library: library.name, name: 'changer', serial: library.serial };
  }
  const found = driveId === undefined ? undefined : installation.driveOfId(driveId);
  return {
    lun,
    kind: 'tape',
    library: found?.installed.row.name ?? '',
    name: found === undefined ? '' : elementName({ kind: 'drive', index: found.drive.row.index }),
    serial: found?.drive.row.serial ?? '',
  };
}
