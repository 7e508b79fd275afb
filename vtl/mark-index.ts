/**
 * MarkIndex: object numbers of a partition's filemarks, ascending. Rank and select by binary search over pages of the
 * stream: memory is bounded whatever the number of marks (T2: equals a scan of the objects).
 */
import { strict as assert } from 'node:assert';
import type { Stream } from '#store';
import { markBytes, readU64, writeU64 } from './tape-image.format.js';

const pageMarks = 1024;

export class MarkIndex {
  readonly #stream: Stream;
  #stored: number;
  readonly #pending = Buffer.alloc(pageMarks * markBytes);
  #pendingCount = 0;
  /** There is space for what is going to be gathered. */
  #reserved = false;
  readonly #page = Buffer.alloc(pageMarks * markBytes);
  #pageFrom = 0;
  #pageTo = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.#stored = Math.floor(stream.length / markBytes);
  }
  get count(): number {
    return this.#stored + this.#pendingCount;
  }
  get full(): boolean {
    return this.#pendingCount === pageMarks;
  }
  /** Not full, and what is gathered can be handed over even if the group becomes full: else `makeRoom`. */
  get hasRoom(): boolean {
    return this.#reserved && !this.full;
  }
  /** Throws StoreError 'full'. */
  async makeRoom(): Promise<void> {
    if (this.full) await this.flush();
    await this.#stream.reserve(pageMarks * markBytes);
    this.#reserved = true;
  }
  /** Not when full. */
  add(object: number): void {
    assert(!this.full);
    writeU64(this.#pending, object, this.#pendingCount * markBytes);
    this.#pendingCount += 1;
  }
  async flush(): Promise<void> {
    const count = this.#pendingCount;
    if (count === 0) return;
    await this.#stream.append([this.#pending.subarray(0, count * markBytes)]);
    this.#stored += count;
    this.#pendingCount = 0;
    this.#reserved = false;
  }

  /** Object number of mark `index`. */
  async at(index: number): Promise<number> {
    assert(index >= 0 && index < this.count);
    if (index >= this.#stored) return readU64(this.#pending, (index - this.#stored) * markBytes);
    if (index < this.#pageFrom || index >= this.#pageTo) await this.#load(index);
    return readU64(this.#page, (index - this.#pageFrom) * markBytes);
  }
  /** Marks before the object. */
  async rank(object: number): Promise<number> {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((await this.at(middle)) < object) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  async #load(index: number): Promise<void> {
    const from = index - (index % pageMarks);
    const to = Math.min(from + pageMarks, this.#stored);
    this.#pageFrom = this.#pageTo = 0;
    const slab = await this.#stream.read(from * markBytes, (to - from) * markBytes);
    let filled = 0;
    for (const slice of slab.slices) filled += slice.copy(this.#page, filled);
    slab.release();
    this.#pageFrom = from;
    this.#pageTo = to;
  }
  /** Nothing may be gathered. */
  truncate(count: number): void {
    assert(this.#pendingCount === 0 && count <= this.#stored);
    this.#stream.truncate(count * markBytes);
    this.#stored = count;
    this.#pageTo = Math.min(this.#pageTo, count);
  }
}
