/** Where each cartridge is: T3, a cartridge is in exactly one element, and a move happens or does not. */

export class InventoryModel {
  /** Element address by barcode. */
  readonly #places: Map<string, number>;
  /** A move whose answer is still out. */
  #open: { readonly barcode: string; readonly to: number } | undefined;

  constructor(places: Readonly<Record<string, number>>) {
    this.#places = new Map(Object.entries(places));
  }
  get barcodes(): string[] {
    return [...this.#places.keys()];
  }
  at(element: number): string | undefined {
    return this.barcodes.find((barcode) => this.#places.get(barcode) === element);
  }
  placeOf(barcode: string): number {
    const place = this.#places.get(barcode);
    if (place === undefined) throw new Error(`No cartridge ${barcode}`);
    return place;
  }
  moving(barcode: string, to: number): void {
    this.#open = { barcode, to };
  }
  /** The move was answered. */
  moved(done: boolean): void {
    if (done && this.#open !== undefined) this.#places.set(this.#open.barcode, this.#open.to);
    this.#open = undefined;
  }

  /** Holds what READ ELEMENT STATUS says against the model, and goes on from it. Returns what is wrong, if anything. */
  found(seen: readonly { readonly barcode: string; readonly element: number }[]): string | undefined {
    const expected = new Map(this.#places);
    const open = this.#open;
    if (open !== undefined && seen.some((one) => one.barcode === open.barcode && one.element === open.to)) {
      expected.set(open.barcode, open.to);
    }
    const wanted = [...expected].map(([barcode, element]) => `${barcode}@${element}`).toSorted();
    const got = seen.map(({ barcode, element }) => `${barcode}@${element}`).toSorted();
    if (wanted.join() !== got.join()) {
      return `Inventory: expected ${wanted.join(' ')}, found ${got.join(' ')}`;
    }
    for (const [barcode, element] of expected) this.#places.set(barcode, element);
    this.#open = undefined;
    return undefined;
  }
}
