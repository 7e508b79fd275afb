/**
 * Inventory: what is where in one library, in memory. The catalog has the same, durably, and is changed first.
 *
 * Invariant T3: a cartridge is in exactly one element, an element holds at most one cartridge (asserted here, kept by
 * constraints in the catalog).
 */
import { strict as assert } from 'node:assert';
import type { ElementKind, ElementRef, ElementState, LibraryCartridge } from './element.js';
import { formatElement, LibraryError } from './element.js';

type Arrival<C, D> = Omit<ElementState<C, D>, 'ref' | 'drive' | 'doorOpen'>;

export class Inventory<C extends LibraryCartridge, D> {
  readonly #elements: Readonly<Record<ElementKind, ElementState<C, D>[]>> = {
    robot: [],
    slot: [],
    mail: [],
    drive: [],
  };
  readonly #byBarcode = new Map<string, ElementRef>();

  /** All elements of a kind by index. A view of what is now. */
  of(kind: ElementKind): readonly ElementState<C, D>[] {
    return this.#elements[kind];
  }
  find(ref: ElementRef): ElementState<C, D> | undefined {
    return this.#elements[ref.kind][ref.index];
  }
  /** LibraryError 'no-such-element' when there is none. */
  at(ref: ElementRef): ElementState<C, D> {
    const state = this.find(ref);
    if (state === undefined)
      throw new LibraryError('no-such-element', `There is no element ${formatElement(ref)}`, { ref });
    return state;
  }
  whereIs(barcode: string): ElementRef | undefined {
    return this.#byBarcode.get(barcode);
  }

  grow(kind: ElementKind, count: number): void {
    const elements = this.#elements[kind];
    for (let i = 0; i < count; i++)
      elements.push({ ref: { kind, index: elements.length }, byOperator: false });
  }
  /** Removes the last elements, which are empty. */
  shrink(kind: ElementKind, count: number): void {
    const gone = this.#elements[kind].splice(this.#elements[kind].length - count, count);
    assert(gone.every((state) => state.cartridge === undefined && state.drive === undefined));
    for (const state of this.elements()) {
      if (state.source?.kind === kind && this.find(state.source) === undefined)
        this.#set({ ...state, source: undefined });
    }
  }
  elements(): readonly ElementState<C, D>[] {
    return Object.values(this.#elements).flat();
  }

  put(ref: ElementRef, arrival: Arrival<C, D>): void {
    const state = this.at(ref);
    assert(state.cartridge === undefined && arrival.cartridge !== undefined);
    assert(!this.#byBarcode.has(arrival.cartridge.barcode), 'T3: a cartridge is in one element');
    this.#byBarcode.set(arrival.cartridge.barcode, ref);
    const { cartridge, source, alternateTag, byOperator } = arrival; // nothing else of where it comes from
    this.#set({ ...state, cartridge, source, alternateTag, byOperator });
  }
  /** What was in the element, which is empty now. */
  take(ref: ElementRef): ElementState<C, D> & { readonly cartridge: C } {
    const state = this.at(ref);
    const { cartridge } = state;
    assert(cartridge !== undefined);
    this.#byBarcode.delete(cartridge.barcode);
    this.#set({
      ...state,
      cartridge: undefined,
      source: undefined,
      alternateTag: undefined,
      byOperator: false,
    });
    return { ...state, cartridge };
  }
  setDrive(index: number, drive: D | undefined): void {
    this.#set({ ...this.at({ kind: 'drive', index }), drive });
  }
  setDoor(index: number, doorOpen: boolean): void {
    this.#set({ ...this.at({ kind: 'mail', index }), doorOpen });
  }
  setAlternateTag(ref: ElementRef, alternateTag: ElementState<C, D>['alternateTag']): void {
    this.#set({ ...this.at(ref), alternateTag });
  }
  #set(state: ElementState<C, D>): void {
    this.#elements[state.ref.kind][state.ref.index] = state;
  }
}
