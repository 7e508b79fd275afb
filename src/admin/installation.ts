/**
 * Installation: everything that is there, in memory: libraries with their units, cartridges on the shelf, targets. Opened
 * from the catalog; every verb changes the catalog first and then this.
 */
import type { Catalog, DriveRow, LibraryRow, LunRow, TargetRow } from '#catalog';
import type { Env } from '#env';
import { RefusedError } from '#errors';
import type { NdmpSessionView } from '#ndmp';
import { type LogicalUnit, TargetDevice } from '#scsi';
import { type Cartridge, type Drive, type ElementRef, Library, Shelf } from '#vtl';
import { TargetAccess } from './access.js';
import { elementName, parseElement } from './element-name.js';
import { groupOf, type InstalledGroup } from './installed-group.js';
import { removeUnowned } from './unowned.js';
import type { Groups } from './groups.js';
import type { ChangerFace, Factory, TapeFace, TapeLibrary, TargetServer } from './factory.js';

export interface InstalledDrive {
  row: DriveRow;
  readonly drive: Drive;
  readonly face: TapeFace;
}
export interface InstalledLibrary {
  row: LibraryRow;
  readonly library: TapeLibrary;
  readonly changer: ChangerFace;
  /** By the drive's id. */
  readonly drives: Map<string, InstalledDrive>;
}
export interface InstalledTarget {
  row: TargetRow;
  readonly device: TargetDevice;
  readonly access: TargetAccess;
  luns: readonly LunRow[];
}
/** A cartridge and where it is: on the shelf when no library is given. */
export interface Whereabouts {
  readonly cartridge: Cartridge;
  readonly installed?: InstalledLibrary;
  readonly element?: ElementRef;
}

export interface InstallationParts {
  readonly env: Env;
  readonly catalog: Catalog;
  readonly factory: Factory;
  readonly groups: Groups;
  readonly server: TargetServer;
}

export class Installation {
  readonly env: Env;
  readonly catalog: Catalog;
  readonly factory: Factory;
  readonly groups: Groups;
  readonly server: TargetServer;
  readonly shelf: Shelf<Cartridge>;
  /** Whoever knows which addresses others reach. */
  guard: { checkMayAppear(target: string): void } | undefined;
  /** Whoever knows what others than initiators have open. */
  openDevices: { holderOf(device: string): NdmpSessionView | undefined } | undefined;
  readonly #libraries = new Map<string, InstalledLibrary>();
  readonly #targets = new Map<string, InstalledTarget>();

  private constructor({ env, catalog, factory, groups, server }: InstallationParts, shelf: Shelf<Cartridge>) {
    this.env = env;
    this.catalog = catalog;
    this.factory = factory;
    this.groups = groups;
    this.server = server;
    this.shelf = shelf;
  }

  static async open(parts: InstallationParts): Promise<Installation> {
    await removeUnowned(parts.catalog, parts.groups);
    const shelf = await Shelf.open(parts.catalog, (row) => parts.factory.cartridge(row));
    const installation = new Installation(parts, shelf);
    for (const row of await parts.catalog.libraries.list()) await installation.openLibrary(row);
    for (const row of await parts.catalog.targets.list()) await installation.openTarget(row);
    return installation;
  }
  /** Unloads every drive, so that all that was written is durable. Cartridges stay in their drives. */
  async close(): Promise<void> {
    const drives = this.libraries.flatMap(({ drives }) => [...drives.values()]);
    await Promise.all(drives.map(async ({ drive }) => await drive.close()));
  }

  // --- libraries ------------------------------------------------------------------------------------------------

  get libraries(): readonly InstalledLibrary[] {
    return [...this.#libraries.values()];
  }
  async openLibrary(row: LibraryRow): Promise<InstalledLibrary> {
    const { env, catalog, factory, shelf } = this;
    await factory.recall(await catalog.drives.list(row.id));
    const library: TapeLibrary = await Library.open<Cartridge, Drive>({
      env,
      catalog,
      row,
      shelf,
      driveOf: (drive) => factory.drive(drive),
      cartridgeOf: (cartridge) => factory.cartridge(cartridge),
    });
    const drives = new Map<string, InstalledDrive>();
    const rows = (): DriveRow[] =>
      [...drives.values()].map((one) => one.row).toSorted((a, b) => a.index - b.index);
    const changer = await factory.changer(row, library, rows);
    const installed: InstalledLibrary = { row, library, changer, drives };
    for (const drive of library.drives) await this.equip(installed, drive);
    this.#libraries.set(row.id, installed);
    return installed;
  }
  /** Gives a drive of the library its face. */
  async equip(installed: InstalledLibrary, drive: Drive): Promise<InstalledDrive> {
    const row = await this.catalog.drives.get(drive.id);
    const around = {
      serial: installed.row.serial,
      elementAddress: () => installed.changer.addressOf({ kind: 'drive', index: row.index }),
    };
    const one = { row, drive, face: await this.factory.tape(row, drive, around) };
    installed.drives.set(row.id, one);
    return one;
  }
  forgetLibrary(id: string): void {
    this.#libraries.delete(id);
  }

  /** The library of that name, or the only one. RefusedError 'not-found' or 'usage'. */
  library(name: string | undefined): InstalledLibrary {
    if (name !== undefined) {
      const found = this.libraries.find(({ row }) => row.name === name);
      if (found !== undefined) return found;
      throw new RefusedError('not-found', `There is no library ${name}: see \`tapesilo library list\``);
    }
    const [only, ...others] = this.libraries;
    if (only === undefined) {
      throw new RefusedError(
        'not-found',
        'There is no library: make one with `tapesilo library create NAME`',
      );
    }
    if (others.length === 0) return only;
    const names = this.libraries.map(({ row }) => row.name).join(', ');
    throw new RefusedError('usage', `Say which library with --library: ${names}`);
  }
  /** All of them, or the one of that name. */
  librariesNamed(name: string | undefined): readonly InstalledLibrary[] {
    return name === undefined ? this.libraries : [this.library(name)];
  }
  /** "drive0" of a library. */
  drive(installed: InstalledLibrary, name: string): InstalledDrive {
    const { index } = parseElement(name);
    const found = [...installed.drives.values()].find(({ row }) => row.index === index);
    if (found !== undefined) return found;
    throw new RefusedError(
      'not-found',
      `Library ${installed.row.name} has no ${name}: see \`tapesilo drive list\``,
    );
  }
  /** Rows of everything that has a serial number. */
  get devices(): readonly (LibraryRow | DriveRow)[] {
    return this.libraries.flatMap(({ row, drives }) => [row, ...[...drives.values()].map((one) => one.row)]);
  }
  driveOfId(
    id: string,
  ): { readonly installed: InstalledLibrary; readonly drive: InstalledDrive } | undefined {
    for (const installed of this.libraries) {
      const drive = installed.drives.get(id);
      if (drive !== undefined) return { installed, drive };
    }
    return undefined;
  }

  // --- cartridges -----------------------------------------------------------------------------------------------

  find(barcode: string): Whereabouts {
    const shelved = this.shelf.find(barcode);
    if (shelved !== undefined) return { cartridge: shelved };
    for (const installed of this.libraries) {
      const element = installed.library.whereIs(barcode);
      const cartridge = element === undefined ? undefined : installed.library.element(element)?.cartridge;
      if (element !== undefined && cartridge !== undefined) return { cartridge, installed, element };
    }
    throw new RefusedError('not-found', `There is no cartridge ${barcode}: see \`tapesilo tape list\``);
  }
  /** Everything that can be found. */
  get cartridges(): readonly Cartridge[] {
    const inside = this.libraries.flatMap(({ library }) =>
      library.elements().flatMap(({ cartridge }) => (cartridge === undefined ? [] : [cartridge])),
    );
    return [...inside, ...this.shelf.cartridges];
  }
  /** What is kept in a storage group. */
  tapesOf(group: InstalledGroup): readonly Cartridge[] {
    return this.cartridges.filter((one) => one.cleaning === undefined && groupOf(one) === group);
  }
  /** "A00001L8" or, of a snapshot, "A00001L8@name". */
  tapeOfVolume(volume: string): string | undefined {
    const [id, name] = volume.split('@');
    const cartridge = this.cartridges.find((one) => one.id === id);
    if (cartridge === undefined || name === undefined) return cartridge?.barcode;
    return `${cartridge.barcode}@${name}`;
  }
  /** In a library and for people: "slot12 of library0" when there are several libraries. */
  nameOf(installed: InstalledLibrary, element: ElementRef): string {
    return this.#libraries.size > 1
      ? `${elementName(element)} of ${installed.row.name}`
      : elementName(element);
  }

  // --- targets --------------------------------------------------------------------------------------------------

  get targets(): readonly InstalledTarget[] {
    return [...this.#targets.values()];
  }
  async openTarget(row: TargetRow): Promise<InstalledTarget> {
    const device = new TargetDevice(this.env.log.facility('target', { target: row.name }));
    const target: InstalledTarget = { row, device, access: new TargetAccess(row), luns: [] };
    this.#targets.set(row.id, target);
    await this.refreshTarget(target);
    for (const lun of target.luns) {
      const unit = this.unitOf(lun);
      if (unit !== undefined) device.plug(lun.lun, unit);
    }
    this.server.addTarget({
      name: row.name,
      device,
      access: target.access,
      get alias() {
        return target.row.alias; // may be changed
      },
    });
    return target;
  }
  /** Reads again what the catalog says of the target: access and LUNs. */
  async refreshTarget(target: InstalledTarget): Promise<void> {
    const { targets, access } = this.catalog;
    const { id } = target.row;
    target.row = await targets.get(id);
    target.luns = await targets.luns(id);
    target.access.refresh(target.row, await access.accounts(id), await access.initiators(id));
    await target.device.remask();
  }
  /** Ends its sessions. */
  async closeTarget({ row }: InstalledTarget): Promise<void> {
    this.#targets.delete(row.id);
    await this.server.removeTarget(row.name);
  }
  unitOf(lun: LunRow): LogicalUnit | undefined {
    if (lun.libraryId !== undefined) return this.#libraries.get(lun.libraryId)?.changer.unit;
    return lun.driveId === undefined ? undefined : this.driveOfId(lun.driveId)?.drive.face.unit;
  }

  /** The target of that name, or the only one. RefusedError 'not-found' or 'usage'. */
  target(name: string | undefined): InstalledTarget {
    if (name !== undefined) {
      const found = this.targets.find(({ row }) => row.name === name);
      if (found !== undefined) return found;
      throw new RefusedError('not-found', `There is no target ${name}: see \`tapesilo target list\``);
    }
    const [only, ...others] = this.targets;
    if (only === undefined) {
      throw new RefusedError('not-found', 'There is no target: make one with `tapesilo target create NAME`');
    }
    if (others.length === 0) return only;
    throw new RefusedError(
      'usage',
      `Say which target: ${this.targets.map(({ row }) => row.name).join(', ')}`,
    );
  }
}
