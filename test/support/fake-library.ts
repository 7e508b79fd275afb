/** A library with drives that only hold cartridges: for tests of the robot and of its SCSI face. */
import { createHash } from 'node:crypto';
import type { Catalog, CartridgeRow, DriveRow, LibraryRow } from '#catalog';
import { silentLog } from '#env';
import { Library, type LibraryDrive, Shelf } from '#vtl';

export interface FakeCartridge {
  readonly id: string;
  readonly barcode: string;
}

export class FakeDrive implements LibraryDrive<FakeCartridge> {
  readonly id: string;
  readonly serial: string;
  cartridge: FakeCartridge | undefined;
  removalPrevented = false;
  loads = 0;
  /** Fails the next insert or remove. */
  failure: Error | undefined;
  constructor(row: DriveRow) {
    this.id = row.id;
    this.serial = row.serial;
  }
  async insert(cartridge: FakeCartridge): Promise<void> {
    await this.#fail();
    if (this.cartridge !== undefined) throw new Error(`${this.id} has ${this.cartridge.barcode}`);
    this.cartridge = cartridge;
    this.loads += 1;
  }
  async remove(): Promise<FakeCartridge> {
    await this.#fail();
    const { cartridge } = this;
    if (cartridge === undefined) throw new Error(`${this.id} is empty`);
    this.cartridge = undefined;
    return cartridge;
  }
  async #fail(): Promise<void> {
    await Promise.resolve();
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }
}

const naaOf = (text: string): string => `5${createHash('sha256').update(text).digest('hex').slice(0, 15)}`;

export type FakeLibrary = Library<FakeCartridge, FakeDrive>;

export const fakeLibraryRow = (id = 'lib', personality = 'plain'): LibraryRow => ({
  id,
  name: `library ${id}`,
  personality,
  serial: `SERIAL-${id}`,
  naa: naaOf(id),
  createdMs: 0,
});
export const fakeDriveRow = (name: string): Omit<DriveRow, 'libraryId' | 'index'> => ({
  id: name,
  personality: 'plain',
  serial: `SN${name.toUpperCase()}`,
  naa: naaOf(name),
  createdMs: 0,
});
const cartridgeOf = ({ id, barcode }: CartridgeRow): FakeCartridge => ({ id, barcode });

/** The library as the catalog has it, and the shelf. */
export async function openFakeLibrary(
  catalog: Catalog,
  id = 'lib',
): Promise<{ library: FakeLibrary; shelf: Shelf<FakeCartridge> }> {
  const shelf = await Shelf.open(catalog, cartridgeOf);
  const row = await catalog.libraries.get(id);
  const driveOf = (drive: DriveRow): FakeDrive => new FakeDrive(drive);
  const library = await Library.open({ env: { log: silentLog }, catalog, row, shelf, driveOf, cartridgeOf });
  return { library, shelf };
}

/** The row of a storage group, for cartridges that a catalog shall have; it has no store. */
export async function fakeGroup({ groups }: Pick<Catalog, 'groups'>): Promise<string> {
  const id = 'group';
  if ((await groups.find(id)) !== undefined) return id;
  const store = { kind: 'dedup', folder: 'store', storeId: id, made: true, density: 'adaptive' } as const;
  await groups.create({ id, name: 'default', ...store, isDefault: true, createdMs: 0 });
  return id;
}

/** Makes a cartridge on the shelf. */
export async function fakeCartridge(
  catalog: Catalog,
  shelf: Shelf<FakeCartridge>,
  barcode: string,
): Promise<FakeCartridge> {
  const row: CartridgeRow = {
    id: `id-${barcode}`,
    barcode,
    medium: 'LTO-8',
    worm: false,
    writeProtected: false,
    sizeBytes: 1_000_000,
    usedBytes: 0,
    groupId: await fakeGroup(catalog),
    volumeId: `volume-${barcode}`,
    createdMs: 0,
    byOperator: false,
  };
  await catalog.cartridges.create(row);
  const cartridge = cartridgeOf(row);
  shelf.put(cartridge);
  return cartridge;
}

/** A library in an empty catalog: cartridges T0L8, T1L8, … in the first slots. */
export async function makeFakeLibrary(
  catalog: Catalog,
  counts: {
    readonly slots: number;
    readonly mailSlots: number;
    readonly drives: number;
    readonly cartridges: number;
  },
  row = fakeLibraryRow(),
): Promise<{ library: FakeLibrary; shelf: Shelf<FakeCartridge> }> {
  const drives = Array.from({ length: counts.drives }, (_, index) => fakeDriveRow(`${row.id}d${index}`));
  await Library.create(catalog, row, counts, drives);
  const made = await openFakeLibrary(catalog, row.id);
  for (let index = 0; index < counts.cartridges; index++) {
    const cartridge = await fakeCartridge(catalog, made.shelf, `T${index}L8`);
    await made.library.importCartridge(cartridge, { kind: 'slot', index });
  }
  return made;
}
