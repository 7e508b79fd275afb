/** IndexMemory: the newest entries of the index, in an open-addressed table of plain arrays that is used again and again. */
import { strict as assert } from 'node:assert';

const slotBytes = 14;
const partBits = 5;
/** Slots that a key of `parts` has room for. */
const slotsMax = 0x20_0000;

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
  get bytes(): number {
    return this.#slots * slotBytes;
  }
  /** At most, of a table with so many entries. */
  static bytesFor(entries: number): number {
    return Math.ceil((entries * 8) / 3) * slotBytes;
  }
  /** Of `hi` and `lo`, here and below, 32 bits count, whatever their sign: numbers above 2^31 would be made objects of. */
  #slotOf(hi: number, lo: number): number {
    let slot = (lo >>> 0) % this.#slots;
    for (; this.#containers[slot] !== 0; slot = (slot + 1) % this.#slots) {
      if (this.#hi[slot] === hi >>> 0 && this.#lo[slot] === lo >>> 0) break;
    }
    return slot;
  }
  put(hi: number, lo: number, container: number, ordinal: number): void {
    if (this.size * 4 >= this.#slots * 3) this.#grow();
    const slot = this.#slotOf(hi, lo);
    if (this.#containers[slot] === 0) this.size += 1;
    this.#hi[slot] = hi;
    this.#lo[slot] = lo;
    this.#containers[slot] = container;
    this.#ordinals[slot] = ordinal;
    if (container < this.containerMin) this.containerMin = container;
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
    this.copyTo(bigger);
    this.#slots = bigger.#slots;
    this.#hi = bigger.#hi;
    this.#lo = bigger.#lo;
    this.#containers = bigger.#containers;
    this.#ordinals = bigger.#ordinals;
  }
  /** Adds all of it to another. */
  copyTo(other: IndexMemory): void {
    for (let slot = 0; slot < this.#slots; slot++) {
      const container = this.#containers[slot] ?? 0;
      if (container !== 0)
        other.put(this.#hi[slot] ?? 0, this.#lo[slot] ?? 0, container, this.#ordinals[slot] ?? 0);
    }
  }
  /** Slots by fingerprint, part by part of the range: sorting all of it at once would keep others waiting. */
  *parts(): Iterable<Float64Array> {
    assert(this.#slots <= slotsMax);
    const starts = new Uint32Array((1 << partBits) + 1);
    for (let slot = 0; slot < this.#slots; slot++) {
      if (this.#containers[slot] === 0) continue;
      const part = ((this.#hi[slot] ?? 0) >>> (32 - partBits)) + 1;
      starts[part] = (starts[part] ?? 0) + 1;
    }
    for (let part = 1; part < starts.length; part++)
      starts[part] = (starts[part] ?? 0) + (starts[part - 1] ?? 0);
    const slots = new Float64Array(this.size);
    const next = starts.slice();
    for (let slot = 0; slot < this.#slots; slot++) {
      if (this.#containers[slot] === 0) continue;
      const hi = this.#hi[slot] ?? 0;
      const part = hi >>> (32 - partBits);
      slots[next[part] ?? 0] = hi * slotsMax + slot; // exact: 32 and 21 bits
      next[part] = (next[part] ?? 0) + 1;
    }
    for (let part = 0; part < 1 << partBits; part++) {
      const some = slots.subarray(starts[part], starts[part + 1]).sort();
      keepSlots(some);
      this.#sortTwins(some);
      yield some;
    }
  }
  /** Those with one `hi`, which are few, by `lo`. */
  #sortTwins(slots: Float64Array): void {
    for (let end = 1; end < slots.length; end++) {
      for (let at = end; at > 0 && this.#areSwapped(slots[at - 1] ?? 0, slots[at] ?? 0); at--) {
        const slot = slots[at] ?? 0;
        slots[at] = slots[at - 1] ?? 0;
        slots[at - 1] = slot;
      }
    }
  }
  #areSwapped(before: number, behind: number): boolean {
    return this.#hi[before] === this.#hi[behind] && (this.#lo[before] ?? 0) > (this.#lo[behind] ?? 0);
  }
  /** Hands the entry in a slot to `take`. */
  at<T>(slot: number, take: (hi: number, lo: number, container: number, ordinal: number) => T): T {
    const hi = (this.#hi[slot] ?? 0) | 0;
    const lo = (this.#lo[slot] ?? 0) | 0;
    return take(hi, lo, this.#containers[slot] ?? 0, this.#ordinals[slot] ?? 0);
  }
  clear(): void {
    this.#containers.fill(0);
    this.size = 0;
    this.containerMin = Infinity;
  }
}
/** Of what was sorted the slots alone. Not in the generator, which is compiled too late to do it without making numbers. */
function keepSlots(sorted: Float64Array): void {
  for (let index = 0; index < sorted.length; index++) sorted[index] = (sorted[index] ?? 0) % slotsMax;
}
