/** Lru: things that are made once and kept as long as they are used now and then. What fails to be made is not kept. */
export class Lru<T extends Promise<unknown>> {
  readonly #max: number;
  readonly #items = new Map<number, T>();
  constructor(max: number) {
    this.#max = max;
  }
  get(key: number, make: () => T): T {
    const held = this.#items.get(key);
    if (held !== undefined) {
      this.#items.delete(key);
      this.#items.set(key, held);
      return held;
    }
    const made = make();
    this.#items.set(key, made);
    made.catch(() => {
      if (this.#items.get(key) === made) this.#items.delete(key);
    });
    for (const oldest of this.#items.keys()) {
      if (this.#items.size <= this.#max) break;
      this.#items.delete(oldest);
    }
    return made;
  }
  /** Forgets those of which `which` is true. */
  forget(which: (key: number) => boolean): void {
    for (const key of this.#items.keys()) if (which(key)) this.#items.delete(key);
  }
}
