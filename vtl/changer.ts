/**
 * Changer: the robot. One operation at a time; each is planned (nothing touched yet), then carried out.
 *
 * A crash at any moment leaves every cartridge in exactly one element (T3), because what counts is the catalog, which
 * changes in one transaction. The order around it keeps data and drives right:
 *
 * 1. Drives that give a cartridge away unload it, so what was written is durable. A crash here: the cartridge is in the
 *    drive still, and the next start loads it again.
 * 2. The catalog records the move. A crash here: it happened, or it did not. A failure here: the cartridges go back into
 *    the drives that they came from, and the move has not happened.
 * 3. The inventory in memory follows, and who watches the library is told.
 * 4. Drives that get a cartridge load it. A crash or failure here: it is in the drive, not loaded; the next start loads it.
 */
import type { Arrival, Catalog } from '#catalog';
import { DriveError } from './drive-error.js';
import type { ElementRef, ElementState, LibraryCartridge, LibraryDrive } from './element.js';
import { formatElement, LibraryError, sameElement } from './element.js';
import type { Inventory } from './inventory.js';

interface Step<C, D> {
  readonly from: ElementState<C, D>;
  readonly to: ElementState<C, D>;
}

export class Changer<C extends LibraryCartridge, D extends LibraryDrive<C>> {
  readonly #libraryId: string;
  readonly #catalog: Catalog;
  readonly #inventory: Inventory<C, D>;
  #last: Promise<unknown> = Promise.resolve();
  #position: ElementRef | undefined;

  constructor(libraryId: string, catalog: Catalog, inventory: Inventory<C, D>) {
    this.#libraryId = libraryId;
    this.#catalog = catalog;
    this.#inventory = inventory;
  }

  /** The element in front of which it stands; undefined before its first motion. */
  get position(): ElementRef | undefined {
    return this.#position;
  }

  /** Whatever changes what is where takes its turn here. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined); // whoever asked gets the error
    return await turn;
  }

  async goTo(ref: ElementRef): Promise<void> {
    await this.inTurn(async () => {
      this.#inventory.at(ref);
      this.#position = ref;
      await Promise.resolve();
    });
  }
  /** `moved` is called once it has happened, before drives load, which may fail. */
  async move(from: ElementRef, to: ElementRef, moved: () => void): Promise<void> {
    await this.inTurn(async () => await this.#carryOut([this.#planMove(from, to)], moved));
  }
  /** `first` gets what is in `source`; what was in `first` goes to `second`, which is empty or `source` itself. */
  async exchange(
    source: ElementRef,
    first: ElementRef,
    second: ElementRef,
    moved: () => void,
  ): Promise<void> {
    await this.inTurn(async () => await this.#carryOut(this.#planExchange(source, first, second), moved));
  }

  // --- plan -----------------------------------------------------------------------------------------------------

  #planMove(source: ElementRef, destination: ElementRef): Step<C, D> {
    const from = this.#full(source, 'source');
    const to = this.#reachable(destination, 'destination');
    // SMC-3 6.6: full is no obstacle when it is the source itself. It is taken out and put back; a drive loads it anew.
    if (to.cartridge !== undefined && !sameElement(source, destination)) throw full(destination);
    return { from, to };
  }
  #planExchange(source: ElementRef, first: ElementRef, second: ElementRef): Step<C, D>[] {
    const from = this.#full(source, 'source');
    const between = this.#full(first, 'first');
    const to = this.#reachable(second, 'second');
    if (sameElement(source, first) || sameElement(first, second)) throw full(first);
    if (to.cartridge !== undefined && !sameElement(source, second)) throw full(second);
    return [
      { from, to: between },
      { from: between, to },
    ];
  }
  /** An element with a cartridge that may leave it. `operand` tells which one it was, when it is refused. */
  #full(ref: ElementRef, operand: string): ElementState<C, D> {
    const state = this.#reachable(ref, operand);
    if (state.cartridge === undefined)
      throw new LibraryError('source-empty', `${formatElement(ref)} is empty`, { ref, operand });
    if (state.drive?.removalPrevented === true)
      throw new LibraryError('removal-prevented', `A host prevents removal from ${formatElement(ref)}`, {
        ref,
      });
    return state;
  }
  #reachable(ref: ElementRef, operand: string): ElementState<C, D> {
    const state = this.#inventory.find(ref);
    // The robot puts nothing down in itself.
    if (state === undefined || ref.kind === 'robot')
      throw new LibraryError('no-such-element', `No cartridge can be in ${formatElement(ref)}`, {
        ref,
        operand,
      });
    if (ref.kind === 'drive' && state.drive === undefined)
      throw new LibraryError('drive-missing', `There is no drive in ${formatElement(ref)}`, { ref });
    if (state.doorOpen === true)
      throw new LibraryError('door-open', `The door of ${formatElement(ref)} is open`, { ref });
    return state;
  }

  // --- do -------------------------------------------------------------------------------------------------------

  async #carryOut(steps: readonly Step<C, D>[], moved: () => void): Promise<void> {
    await this.#unload(steps);
    try {
      await this.#record(steps);
    } catch (cause) {
      await this.#load(steps.map(({ from }) => from));
      throw new LibraryError(
        'not-recorded',
        'The move could not be recorded, so it was not made',
        {},
        { cause },
      );
    }
    const taken = steps.map(({ from }) => this.#inventory.take(from.ref));
    const arrived = steps.map(({ to }, index) => {
      const state = taken[index] as (typeof taken)[number]; // one for each step
      this.#inventory.put(to.ref, { ...state, byOperator: false, source: sourceOf(state) });
      return this.#inventory.at(to.ref);
    });
    this.#position = arrived.at(-1)?.ref;
    moved();
    await this.#load(arrived);
  }

  /** Step 1. When one drive fails, those that gave theirs take it back. */
  async #unload(steps: readonly Step<C, D>[]): Promise<void> {
    const given: ElementState<C, D>[] = [];
    for (const { from } of steps) {
      try {
        await from.drive?.remove();
        given.push(from);
      } catch (cause) {
        await this.#load(given);
        throw driveFailed(from.ref, cause);
      }
    }
  }
  /** Step 2. Everything that moves is lifted first, so that two cartridges can change places. */
  async #record(steps: readonly Step<C, D>[]): Promise<void> {
    await this.#catalog.transaction(async ({ cartridges }) => {
      if (steps.length > 1) for (const { from } of steps) await cartridges.lift(idOf(from));
      for (const { from, to } of steps) {
        const arrival: Arrival = { source: sourceOf(from), byOperator: false };
        await cartridges.place(idOf(from), { libraryId: this.#libraryId, ...to.ref }, arrival);
      }
    });
  }
  /** Step 4. */
  async #load(states: readonly ElementState<C, D>[]): Promise<void> {
    let failure: LibraryError | undefined;
    for (const { drive, cartridge, ref } of states) {
      try {
        if (cartridge !== undefined) await drive?.insert(cartridge);
      } catch (cause) {
        failure = driveFailed(ref, cause);
      }
    }
    if (failure !== undefined) throw failure;
  }
}

const idOf = (state: { readonly cartridge?: LibraryCartridge | undefined }): string =>
  state.cartridge?.id ?? '';

/** SMC-3 6.11: the source is the last storage element, so a cartridge that leaves a drive keeps the one it had. */
const sourceOf = ({ ref, source }: Pick<ElementState<unknown, unknown>, 'ref' | 'source'>) =>
  ref.kind === 'drive' ? source : ref;

const full = (ref: ElementRef): LibraryError =>
  new LibraryError('destination-full', `${formatElement(ref)} is full`, { ref });

export function driveFailed(ref: ElementRef, cause: unknown): LibraryError {
  // A host may have asked for it since the plan was made.
  const prevented = cause instanceof DriveError && cause.code === 'prevented';
  const code = prevented ? 'removal-prevented' : 'drive-failed';
  return new LibraryError(code, `The drive in ${formatElement(ref)} failed`, { ref }, { cause });
}
