/**
 * Library: elements, inventory, import and export, and changes of its shape while it is in use.
 *
 * Every change of what is where takes its turn at the one robot, is one catalog transaction (T3), and shows in
 * `elements()` when it is durable. What the robot does is in changer.ts, with the order that makes a crash safe.
 */
import { strict as assert } from 'node:assert';
import type { CartridgeRow, Catalog, DriveRow, LibraryRow } from '#catalog';
import type { Env, Logger } from '#env';
import { RefusedError } from '#errors';
import { drivesMax, mailSlotsMax, slotsMax } from '#limits';
import type { Cartridge } from './cartridge.js';
import { Changer, driveFailed } from './changer.js';
import type { Drive } from './drive.js';
import type { AlternateTag, ElementKind, ElementRef, ElementState } from './element.js';
import type { LibraryCartridge, LibraryDrive } from './element.js';
import { formatElement, LibraryError } from './element.js';
import { Inventory } from './inventory.js';
import type { Attribute } from './mam.js';
import type { LibraryEvent } from './library-event.js';
import type { Shelf } from './shelf.js';

export interface LibraryOptions<C, D> {
  readonly env: Pick<Env, 'log'>;
  readonly catalog: Catalog;
  readonly row: LibraryRow;
  readonly shelf: Shelf<C & LibraryCartridge>;
  /** The machine of a row. Called once for each, also for drives added later. */
  readonly driveOf: (row: DriveRow) => D;
  /** The cartridge of a row. Called once for each that is in the library when it opens. */
  readonly cartridgeOf: (row: CartridgeRow) => C;
}
/** Who asked for it. What an operator does is news to the hosts; what a host does, it knows. */
export type Cause = 'host' | 'operator';

const countsMax = { slot: slotsMax, mail: mailSlotsMax, drive: drivesMax } as const;

function checkLimit(kind: keyof typeof countsMax, count: number): void {
  const max = countsMax[kind];
  if (count > max) throw new RefusedError('conflict', `A library has at most ${max} ${kind} elements`);
}

/** The one that the daemon has; tests make lighter ones. */
export type TapeLibrary = Library<Cartridge, Drive>;

export class Library<C extends LibraryCartridge, D extends LibraryDrive<C>> {
  readonly id: string;
  readonly name: string;
  readonly #options: LibraryOptions<C, D>;
  readonly #catalog: Catalog;
  readonly #log: Logger;
  readonly #inventory = new Inventory<C, D>();
  readonly #changer: Changer<C, D>;
  readonly #prevented = new Set<string>();
  readonly #listeners = new Set<(event: LibraryEvent<C, D>) => void>();

  private constructor(options: LibraryOptions<C, D>) {
    this.#options = options;
    this.#catalog = options.catalog;
    this.id = options.row.id;
    this.name = options.row.name;
    this.#log = options.env.log.facility('library', { library: this.name });
    this.#changer = new Changer(this.id, this.#catalog, this.#inventory);
  }

  /** Records a new library with its elements and drives (their `libraryId` and `index` follow from their order). */
  static async create(
    catalog: Catalog,
    row: LibraryRow,
    counts: { readonly slots: number; readonly mailSlots: number },
    drives: readonly Omit<DriveRow, 'libraryId' | 'index'>[],
  ): Promise<void> {
    const wanted = { robot: 1, slot: counts.slots, mail: counts.mailSlots, drive: drives.length } as const;
    for (const kind of ['slot', 'mail', 'drive'] as const) checkLimit(kind, wanted[kind]);
    await catalog.transaction(async (tables) => {
      await tables.libraries.create(row);
      for (const kind of ['robot', 'slot', 'mail', 'drive'] as const)
        await tables.libraries.addElements(row.id, kind, 0, wanted[kind]);
      for (const [index, drive] of drives.entries())
        await tables.drives.create({ ...drive, libraryId: row.id, index });
    });
  }
  /** As the catalog has it. Cartridges that are in drives are loaded. */
  static async open<C extends LibraryCartridge, D extends LibraryDrive<C>>(
    options: LibraryOptions<C, D>,
  ): Promise<Library<C, D>> {
    const library = new Library<C, D>(options);
    const { catalog, row, driveOf, cartridgeOf } = options;
    const counts = await catalog.libraries.counts(row.id);
    for (const kind of ['robot', 'slot', 'mail', 'drive'] as const)
      library.#inventory.grow(kind, counts[kind]);
    for (const drive of await catalog.drives.list(row.id))
      library.#inventory.setDrive(drive.index, driveOf(drive));
    for (const cartridge of await catalog.cartridges.inLibrary(row.id))
      library.#settle(cartridge, cartridgeOf(cartridge));
    await Promise.all(library.#inventory.of('drive').map(async (state) => await library.#reload(state)));
    return library;
  }
  #settle(row: CartridgeRow, cartridge: C): void {
    const { elementKind: kind, elementIndex: index, sourceKind, sourceIndex } = row;
    const { alternateTag: identifier, alternateSequence: sequence } = row;
    if (kind === undefined || index === undefined) return;
    this.#inventory.put(
      { kind, index },
      {
        cartridge,
        byOperator: row.byOperator,
        source:
          sourceKind === undefined || sourceIndex === undefined
            ? undefined
            : { kind: sourceKind, index: sourceIndex },
        alternateTag:
          identifier === undefined || sequence === undefined ? undefined : { identifier, sequence },
      },
    );
  }
  async #reload({ drive, cartridge, ref }: ElementState<C, D>): Promise<void> {
    if (drive === undefined || cartridge === undefined) return;
    try {
      await drive.insert(cartridge);
    } catch (error) {
      const facts = { drive: formatElement(ref), barcode: cartridge.barcode, error: String(error) };
      this.#log.error('A cartridge could not be loaded at start', facts);
    }
  }

  // --- what is where --------------------------------------------------------------------------------------------

  /** In element order; empty bays have none. */
  get drives(): readonly D[] {
    return this.#inventory.of('drive').flatMap(({ drive }) => (drive === undefined ? [] : [drive]));
  }
  elements(): readonly ElementState<C, D>[] {
    return this.#inventory.elements();
  }
  /** The elements of one kind by index, as they are now; not a copy. */
  elementsOf(kind: ElementKind): readonly ElementState<C, D>[] {
    return this.#inventory.of(kind);
  }
  element(ref: ElementRef): ElementState<C, D> | undefined {
    return this.#inventory.find(ref);
  }
  whereIs(barcode: string): ElementRef | undefined {
    return this.#inventory.whereIs(barcode);
  }
  /** Where the robot stands. */
  get robotPosition(): ElementRef | undefined {
    return this.#changer.position;
  }

  // --- the robot ------------------------------------------------------------------------------------------------

  /** Moves a cartridge, unloading and loading drives. LibraryError when it cannot. */
  async move(from: ElementRef, to: ElementRef, cause: Cause = 'host'): Promise<void> {
    await this.#changer.move(from, to, () => {
      this.#tellMoved(from, to);
      if (cause === 'operator') this.#tell({ kind: 'inventory-changed' });
    });
  }
  /** What is in `source` goes to `first`, what was there to `second`, which may be `source`. One transaction. */
  async exchange(source: ElementRef, first: ElementRef, second: ElementRef): Promise<void> {
    await this.#changer.exchange(source, first, second, () => {
      this.#tellMoved(source, first);
      this.#tellMoved(first, second);
    });
  }
  /** Resolves when what was asked for before is done. */
  async settled(): Promise<void> {
    await this.#changer.inTurn(async () => await Promise.resolve());
  }
  async position(at: ElementRef): Promise<void> {
    await this.#changer.goTo(at);
  }
  #tellMoved(from: ElementRef, to: ElementRef): void {
    const cartridge = this.#inventory.find(to)?.cartridge;
    if (cartridge !== undefined) this.#tell({ kind: 'moved', cartridge, from, to });
  }

  /** Gives or takes (undefined) the alternate tag. `replace`: whether one is expected to be there. */
  async setAlternateTag(ref: ElementRef, tag: AlternateTag | undefined, replace: boolean): Promise<void> {
    await this.#changer.inTurn(async () => {
      const { cartridge, alternateTag } = this.#inventory.at(ref);
      if (cartridge === undefined)
        throw new LibraryError('source-empty', `${formatElement(ref)} is empty`, { ref });
      if ((alternateTag !== undefined) !== replace) {
        const code = replace ? 'tag-missing' : 'tag-exists';
        throw new LibraryError(
          code,
          `The cartridge in ${formatElement(ref)} has ${replace ? 'no' : 'an'} alternate tag`,
        );
      }
      const changes = { alternateTag: tag?.identifier, alternateSequence: tag?.sequence };
      await this.#catalog.cartridges.set(cartridge.id, changes);
      this.#inventory.setAlternateTag(ref, tag);
    });
  }

  /** Attributes of the cartridge in an element, by partition: from the drive, or read where it lies. */
  async readAttributes(ref: ElementRef): Promise<readonly (readonly Attribute[])[]> {
    return await this.#changer.inTurn(async () => {
      const { cartridge, drive } = this.#inventory.at(ref);
      if (cartridge === undefined)
        throw new LibraryError('source-empty', `${formatElement(ref)} is empty`, { ref });
      const mam = drive?.mam;
      if (mam !== undefined)
        return Array.from({ length: mam.partitions }, (_, number) => mam.attributes(number));
      try {
        return (await cartridge.readAttributes?.()) ?? [];
      } catch (cause) {
        const what = `The auxiliary memory of ${cartridge.barcode} cannot be read`;
        throw new LibraryError('memory-unreadable', what, { ref }, { cause });
      }
    });
  }

  // --- mail slots and the operator --------------------------------------------------------------------------------

  /** A holder (a nexus) asks that mail slots stay shut, or no longer. */
  prevent(holder: string, on: boolean): void {
    if (on) this.#prevented.add(holder);
    else this.#prevented.delete(holder);
  }
  get removalPrevented(): boolean {
    return this.#prevented.size > 0;
  }
  /** Opens the door of a mail slot: the robot cannot reach it until it is closed. */
  async openDoor(index: number): Promise<void> {
    await this.#setDoor(index, true);
  }
  async closeDoor(index: number): Promise<void> {
    await this.#setDoor(index, false);
  }
  async #setDoor(index: number, open: boolean): Promise<void> {
    await this.#changer.inTurn(async () => {
      this.#inventory.at({ kind: 'mail', index });
      if (open) this.#checkMail();
      this.#inventory.setDoor(index, open);
      await Promise.resolve();
    });
  }
  #checkMail(): void {
    if (this.removalPrevented)
      throw new LibraryError('removal-prevented', 'A host keeps the mail slots locked', {});
  }

  /** An operator puts a cartridge from the shelf into an empty element; one in a drive is loaded. */
  async importCartridge(cartridge: C, to: ElementRef): Promise<void> {
    await this.#changer.inTurn(async () => {
      const { drive } = this.#checkFree(to);
      if (to.kind === 'mail') this.#checkMail();
      assert(
        this.#options.shelf.find(cartridge.barcode) === cartridge,
        'what is imported comes from the shelf',
      );
      const byOperator = to.kind === 'mail';
      await this.#catalog.cartridges.place(cartridge.id, { libraryId: this.id, ...to }, { byOperator });
      this.#options.shelf.take(cartridge);
      const row = await this.#catalog.cartridges.get(cartridge.id);
      this.#settle(row, cartridge);
      this.#tellOperator(to);
      await drive?.insert(cartridge).catch((cause: unknown) => Promise.reject(driveFailed(to, cause)));
    });
  }
  /** An operator takes the cartridge of an element to the shelf; one in a drive is unloaded first. */
  async exportCartridge(from: ElementRef): Promise<C> {
    return await this.#changer.inTurn(async () => {
      const { cartridge, drive } = this.#inventory.at(from);
      if (cartridge === undefined)
        throw new LibraryError('source-empty', `${formatElement(from)} is empty`, { ref: from });
      if (from.kind === 'mail') this.#checkMail();
      if (drive?.removalPrevented === true)
        throw new LibraryError('removal-prevented', `A host prevents removal from ${formatElement(from)}`, {
          ref: from,
        });
      await drive?.remove().catch((cause: unknown) => Promise.reject(driveFailed(from, cause)));
      try {
        await this.#catalog.cartridges.shelve(cartridge.id);
      } catch (error) {
        await drive?.insert(cartridge);
        throw error;
      }
      this.#inventory.take(from);
      this.#options.shelf.put(cartridge);
      this.#tellOperator(from);
      return cartridge;
    });
  }
  #checkFree(to: ElementRef): ElementState<C, D> {
    const state = this.#inventory.at(to);
    if (to.kind === 'robot')
      throw new LibraryError('no-such-element', 'The robot holds no cartridges', { ref: to });
    if (to.kind === 'drive' && state.drive === undefined)
      throw new LibraryError('drive-missing', `There is no drive in ${formatElement(to)}`, { ref: to });
    if (state.cartridge !== undefined)
      throw new LibraryError('destination-full', `${formatElement(to)} is full`, { ref: to });
    return state;
  }
  #tellOperator({ kind }: ElementRef): void {
    this.#tell({ kind: kind === 'mail' ? 'import-export-accessed' : 'inventory-changed' });
  }

  // --- its shape --------------------------------------------------------------------------------------------------

  async addSlots(count: number): Promise<void> {
    await this.#grow('slot', count);
  }
  /** Removes the last slots. RefusedError 'conflict' when one is occupied. */
  async removeSlots(count: number): Promise<void> {
    await this.#shrink('slot', count);
  }
  async addMailSlots(count: number): Promise<void> {
    await this.#grow('mail', count);
  }
  async removeMailSlots(count: number): Promise<void> {
    await this.#shrink('mail', count);
  }
  async #grow(kind: 'slot' | 'mail', count: number): Promise<void> {
    await this.#changer.inTurn(async () => {
      checkLimit(kind, this.#inventory.of(kind).length + count);
      await this.#catalog.libraries.addElements(this.id, kind, this.#inventory.of(kind).length, count);
      this.#inventory.grow(kind, count);
      this.#tell({ kind: 'elements-changed' });
    });
  }
  async #shrink(kind: 'slot' | 'mail', count: number): Promise<void> {
    await this.#changer.inTurn(async () => {
      const left = this.#inventory.of(kind).length - count;
      if (left < 0) throw new RefusedError('conflict', `There are only ${left + count} ${kind} elements`);
      const occupied = this.#inventory.of(kind).findLast(({ cartridge }) => cartridge !== undefined)?.ref;
      if (occupied !== undefined && occupied.index >= left) {
        const what = `${formatElement(occupied)} holds a cartridge: move it, then remove the element`;
        throw new RefusedError('conflict', what, { ref: occupied });
      }
      await this.#catalog.transaction(async ({ libraries, cartridges }) => {
        await cartridges.forgetSources(this.id, kind, left);
        await libraries.removeElements(this.id, kind, left);
      });
      this.#inventory.shrink(kind, count);
      this.#tell({ kind: 'elements-changed' });
    });
  }
  /** Puts a drive into the first empty bay, or a new one. */
  async addDrive(row: Omit<DriveRow, 'libraryId' | 'index'>): Promise<D> {
    return await this.#changer.inTurn(async () => {
      const bays = this.#inventory.of('drive');
      const empty = bays.findIndex(({ drive }) => drive === undefined);
      const index = empty < 0 ? bays.length : empty;
      if (empty < 0) checkLimit('drive', bays.length + 1);
      const whole = { ...row, libraryId: this.id, index };
      await this.#catalog.transaction(async ({ libraries, drives }) => {
        if (empty < 0) await libraries.addElements(this.id, 'drive', index, 1);
        await drives.create(whole);
      });
      const drive = this.#options.driveOf(whole);
      if (empty < 0) this.#inventory.grow('drive', 1);
      this.#inventory.setDrive(index, drive);
      if (empty < 0) this.#tell({ kind: 'elements-changed' });
      this.#tell({ kind: 'drive-added', drive, index });
      return drive;
    });
  }
  /** Takes an empty drive out. Its bay stays when drives follow it, so that their addresses stay. Returns its index. */
  async removeDrive(id: string): Promise<number> {
    return await this.#changer.inTurn(async () => {
      const bays = this.#inventory.of('drive');
      const state = bays.find(({ drive }) => drive?.id === id);
      if (state?.drive === undefined)
        throw new RefusedError('not-found', `Library ${this.name} has no drive ${id}`);
      const { drive, ref } = state;
      if (state.cartridge !== undefined)
        throw new RefusedError('conflict', `${formatElement(ref)} holds a cartridge: move it first`);
      const kept = bays.findLastIndex((bay) => bay.drive !== undefined && bay.drive !== drive) + 1;
      await this.#catalog.transaction(async ({ libraries, drives, persistence }) => {
        await drives.remove(id);
        await persistence.forget(id);
        await libraries.removeElements(this.id, 'drive', kept);
      });
      this.#inventory.setDrive(ref.index, undefined);
      const gone = bays.length - kept;
      this.#inventory.shrink('drive', gone);
      if (gone > 0) this.#tell({ kind: 'elements-changed' });
      this.#tell({ kind: 'drive-removed', drive, index: ref.index });
      return ref.index;
    });
  }

  // --- events -----------------------------------------------------------------------------------------------------

  /** Calls `listener` after each change, until the returned function is called. */
  watch(listener: (event: LibraryEvent<C, D>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  #tell(event: LibraryEvent<C, D>): void {
    for (const listener of this.#listeners) listener(event);
  }
}
