/** Shelf: where cartridges are that are in no library. Export puts them there, import takes them from there. */
import { strict as assert } from 'node:assert';
import type { Catalog, CartridgeRow } from '#catalog';
import type { Cartridge } from './cartridge.js';
import type { LibraryCartridge } from './element.js';

export class Shelf<C extends LibraryCartridge = Cartridge> {
  readonly #byBarcode = new Map<string, C>();

  static async open<C extends LibraryCartridge>(
    catalog: Catalog,
    cartridgeOf: (row: CartridgeRow) => C,
  ): Promise<Shelf<C>> {
    const shelf = new Shelf<C>();
    for (const row of await catalog.cartridges.onShelf()) shelf.put(cartridgeOf(row));
    return shelf;
  }

  /** By barcode. */
  get cartridges(): readonly C[] {
    return [...this.#byBarcode.values()].toSorted((a, b) => (a.barcode < b.barcode ? -1 : 1));
  }
  find(barcode: string): C | undefined {
    return this.#byBarcode.get(barcode);
  }
  /** The catalog must say that it is here. */
  put(cartridge: C): void {
    assert(!this.#byBarcode.has(cartridge.barcode));
    this.#byBarcode.set(cartridge.barcode, cartridge);
  }
  take(cartridge: C): void {
    assert(this.#byBarcode.delete(cartridge.barcode), 'an imported cartridge comes from the shelf');
  }
}
