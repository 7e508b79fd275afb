/** IndexMemory: the newest entries of the index, in an open-addressed table of plain arrays. */
import type { IndexEntry } from './index-run.js';

export class IndexMemory {
  #slots: number;
  #hi: Uint32Array;
  #lo: Uint32Array;
  #containers: Uint32Array;
  #ordinals: Uint16Array;
  size = 0;
  /** Lowest number of a container with entries here. */
  containerMin = Infinity;

  constructor(slots: number) {
    this.#slots = slots;
    this.#hi = new Uint32Array(slots);
    this.#lo = new Uint32Array(slots);
    this.#containers = new Uint32Array(slots);
    this.#ordinals = new Uint16Array(slots);
  }
  #slotOf(hi: number, lo: number): number {
    let slot = lo % this.#slots;
    for (; this.#containers[slot] !== 0; slot = (slot + 1) % this.#slots) {
      if (this.#hi[slot] === hi && this.#lo[slot] === lo) break;
    }
    return slot;
  }
  put(hi: number, lo: number, container: number, ordinal: number): void {
    if (this.size * 2 >= this.#slots) this.#grow();
    const slot = this.#slotOf(hi, lo);
    if (this.#containers[slot] === 0) this.size += 1;
    this.#hi[slot] = hi;
    this.#lo[slot] = lo;
    this.#containers[slot] = container;
    this.#ordinals[slot] = ordinal;
    this.containerMin = Math.min(this.containerMin, container);
  }
  /** The container, or 0; `ordinal` has the chunk then. */
  find(hi: number, lo: number): number {
    const slot = this.#slotOf(hi, lo);
    this.ordinal = this.#ordinals[slot] ?? 0;
    return this.#containers[slot] ?? 0;
  }
  ordinal = 0;
  #grow(): void {
    const bigger = new IndexMemory(2 * this.#slots);
    for (const { hi, lo, container, ordinal } of this.sorted()) bigger.put(hi, lo, container, ordinal);
    this.#slots = bigger.#slots;
    this.#hi = bigger.#hi;
    this.#lo = bigger.#lo;
    this.#containers = bigger.#containers;
    this.#ordinals = bigger.#ordinals;
  }
  /** By `hi`. One object is used again and again. */
  *sorted(): Iterable<IndexEntry> {
    const keys = new Float64Array(this.size);
    let count = 0;
    for (let slot = 0; slot < this.#slots; slot++) {
      if (this.#containers[slot] === 0) continue;
      keys[count] = (this.#hi[slot] ?? 0) * 0x20_0000 + slot; // exact: 32 and 21 bits
      count += 1;
    }
    keys.sort();
    const entry: IndexEntry = { hi: 0, lo: 0, container: 0, ordinal: 0 };
    for (const key of keys) {
      const slot = key % 0x20_0000;
      entry.hi = this.#hi[slot] ?? 0;
      entry.lo = this.#lo[slot] ?? 0;
      entry.container = this.#containers[slot] ?? 0;
      entry.ordinal = this.#ordinals[slot] ?? 0;
      yield entry;
    }
  }
  clear(): void {
    this.#containers.fill(0);
    this.size = 0;
    this.containerMin = Infinity;
  }
}
