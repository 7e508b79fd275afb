/**
 * ObjectIndex: the entries of a partition's objects, by object number. New entries are gathered and appended many at a time;
 * reading copies a page of them, so that neither direction costs a call of the store per record.
 */
import { strict as assert } from 'node:assert';
import type { Stream } from '#store';
import { decodeEntry, type Entry, entryBytes } from './tape-image.format.js';

const pageEntries = 1024;

export class ObjectIndex {
  readonly #stream: Stream;
  /** Entries in the stream. */
  #stored: number;
  readonly #pending = Buffer.alloc(pageEntries * entryBytes);
  #pendingCount = 0;
  /** There is space for what is going to be gathered. */
  #reserved = false;
  readonly #page = Buffer.alloc(pageEntries * entryBytes);
  #pageFrom = 0;
  #pageTo = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.#stored = Math.floor(stream.length / entryBytes);
  }
  get count(): number {
    return this.#stored + this.#pendingCount;
  }
  get full(): boolean {
    return this.#pendingCount === pageEntries;
  }
  /** Not full, and what is gathered can be handed over even if the group becomes full: else `makeRoom`. */
  get hasRoom(): boolean {
    return this.#reserved && !this.full;
  }
  /** Throws StoreError 'full'. */
  async makeRoom(): Promise<void> {
    if (this.full) await this.flush();
    await this.#stream.reserve(pageEntries * entryBytes);
    this.#reserved = true;
  }

  /** Where the next entry is to be written, 24 bytes at `at` of `target`; `taken` counts it. Not when full. */
  get target(): Buffer {
    return this.#pending;
  }
  get at(): number {
    assert(!this.full);
    return this.#pendingCount * entryBytes;
  }
  taken(): void {
    this.#pendingCount += 1;
  }

  /** Hands the gathered entries to the stream. On StoreError 'full' they stay gathered. */
  async flush(): Promise<void> {
    const count = this.#pendingCount;
    if (count === 0) return;
    await this.#stream.append([this.#pending.subarray(0, count * entryBytes)]);
    this.#stored += count;
    this.#pendingCount = 0;
    this.#reserved = false;
  }

  /** The entry, if it is at hand. */
  peek(object: number): Entry | undefined {
    if (object >= this.#stored) {
      assert(object < this.count);
      return decodeEntry(this.#pending, (object - this.#stored) * entryBytes);
    }
    if (object < this.#pageFrom || object >= this.#pageTo) return undefined;
    return decodeEntry(this.#page, (object - this.#pageFrom) * entryBytes);
  }
  async load(object: number): Promise<Entry> {
    const at = this.peek(object);
    if (at !== undefined) return at;
    const from = object - (object % pageEntries);
    const to = Math.min(from + pageEntries, this.#stored);
    this.#pageFrom = this.#pageTo = 0;
    const slab = await this.#stream.read(from * entryBytes, (to - from) * entryBytes);
    let filled = 0;
    for (const slice of slab.slices) filled += slice.copy(this.#page, filled);
    slab.release();
    this.#pageFrom = from;
    this.#pageTo = to;
    return decodeEntry(this.#page, (object - from) * entryBytes);
  }

  /** Nothing may be gathered. */
  truncate(count: number): void {
    assert(this.#pendingCount === 0 && count <= this.#stored);
    this.#stream.truncate(count * entryBytes);
    this.#stored = count;
    this.#pageTo = Math.min(this.#pageTo, count);
  }
}
