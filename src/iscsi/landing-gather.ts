/**
 * LandingGather: data-out that comes together where it will be read: in memory that the unit gave for it (`LogicalUnit.landing`).
 * It has room for all of it, so nothing is used twice.
 */
import { strict as assert } from 'node:assert';
import { put, roomIn, type Slab } from '#wire';
import { Carved, type DataOutMemory } from './gather.js';

export class LandingGather implements DataOutMemory {
  readonly limit: number;
  readonly #landing: Slab;
  #carved = 0;
  #holds = 0;
  #closed = false;

  constructor(landing: Slab) {
    this.#landing = landing;
    this.limit = landing.length;
  }
  land(chunk: Buffer, from: number, to: number, offset: number): void {
    if (this.#closed) return;
    assert(offset + to - from <= this.limit && offset >= this.#carved);
    let at = from;
    this.#each(offset, offset + to - from, (slice, first, last) => {
      put(slice, first, chunk, at, at + last - first);
      at += last - first;
    });
  }
  room(offset: number, bytes: number): Slab | undefined {
    let room: Buffer | undefined;
    this.#each(offset, offset + bytes, (slice, first, last) => (room ??= roomIn(slice, first, last)));
    if (room === undefined) return undefined;
    this.#holds += 1;
    return new Carved(room.length, [room], () => this.#release());
  }
  carve(length: number): Slab {
    assert(!this.#closed && length > 0 && this.#carved + length <= this.limit);
    const slices = length === this.limit ? this.#landing.slices : this.#slicesOf(length);
    this.#carved += length;
    this.#holds += 1;
    return new Carved(length, slices, () => this.#release());
  }
  /** The next so many bytes. */
  #slicesOf(length: number): Buffer[] {
    const slices: Buffer[] = [];
    this.#each(this.#carved, this.#carved + length, (slice, first, last) =>
      slices.push(slice.subarray(first, last)),
    );
    return slices;
  }
  /** Pieces of the slices that are bytes from … to of all. */
  #each(from: number, to: number, take: (slice: Buffer, first: number, last: number) => void): void {
    let begin = 0;
    for (const slice of this.#landing.slices) {
      const first = Math.max(from - begin, 0);
      const last = Math.min(to - begin, slice.length);
      if (first < last) take(slice, first, last);
      begin += slice.length;
    }
  }
  #release(): void {
    this.#holds -= 1;
    if (this.#closed) this.#giveBack();
  }
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#giveBack();
  }
  #giveBack(): void {
    if (this.#holds === 0) this.#landing.release();
  }
}
