/**
 * Gather: the memory in which the data-out of one command comes together, ahead of its execution.
 *
 * A run of pool blocks, taken all at once before anything is asked for (so no two commands can hold half of what each
 * needs), used as a ring over the stream of bytes: what the unit has consumed makes room for what follows. Slabs given to
 * the unit are views of the blocks; a block is reused when all its parts have been released.
 *
 * Invariants: P3 nothing lands beyond `limit`, and nothing is taken because a peer said a length, only when there is
 * room. A block with a part outstanding is never written.
 */
import { strict as assert } from 'node:assert';
import { gatherShareOfSession } from '#limits';
import { put, roomIn, type Slab, type SlabPool } from '#wire';

/** The share of the pool that the commands of one session may hold; first come, first served. */
export class GatherMemory {
  readonly #pool: SlabPool;
  readonly #blocksMax: number;
  #blocks = 0;
  #waiting: { readonly blocks: number; readonly go: () => void }[] = [];

  constructor(pool: SlabPool) {
    this.#pool = pool;
    this.#blocksMax = Math.max(1, Math.floor(pool.blocksMax * gatherShareOfSession));
  }

  get blockBytes(): number {
    return this.#pool.blockBytes;
  }
  /** Most that one command may take. */
  get bytesMax(): number {
    return this.#blocksMax * this.#pool.blockBytes;
  }
  get takenBytes(): number {
    return this.#blocks * this.#pool.blockBytes;
  }

  take(bytes: number): Slab | undefined {
    const blocks = this.#blocksOf(bytes);
    if (this.#waiting.length > 0 || this.#blocks + blocks > this.#blocksMax) return undefined;
    const slab = this.#pool.take(bytes);
    if (slab !== undefined) this.#blocks += blocks;
    return slab;
  }
  /** The same, but waits its turn for room. */
  async takeSoon(bytes: number): Promise<Slab> {
    const now = this.take(bytes);
    if (now !== undefined) return now;
    const blocks = this.#blocksOf(bytes);
    await new Promise<void>((go) => {
      this.#waiting.push({ blocks, go });
      this.#wake();
    });
    return await this.#pool.takeSoon(bytes);
  }
  giveBack(slab: Slab): void {
    this.#blocks -= this.#blocksOf(slab.length);
    slab.release();
    this.#wake();
  }
  #wake(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#blocks + next.blocks > this.#blocksMax) return;
      this.#waiting.shift();
      this.#blocks += next.blocks;
      next.go();
    }
  }
  #blocksOf(bytes: number): number {
    return Math.ceil(bytes / this.#pool.blockBytes);
  }
}

/** Where the data-out of a command comes together. */
export interface DataOutMemory {
  /** First byte of the stream that has no place yet. */
  readonly limit: number;
  /** `chunk[from … to)` are the bytes from `offset` on. */
  land(chunk: Buffer, from: number, to: number, offset: number): void;
  /** The memory of at most so many bytes from `offset` on: see SegmentSink. */
  room(offset: number, bytes: number): Slab | undefined;
  /** The next `length` bytes, all of which have landed, as a slab that the caller releases. */
  carve(length: number): Slab;
  /** Nothing lands any more; the memory goes back when the unit has released its parts. */
  close(): void;
}

export class Gather implements DataOutMemory {
  readonly #memory: GatherMemory;
  readonly #slab: Slab;
  readonly #blockBytes: number;
  /** Parts of each block that the unit holds. */
  readonly #holds: Uint16Array;
  #holdsAll = 0;
  /** Bytes of the stream given to the unit so far. */
  #carved = 0;
  /** First block of the stream that is not free for reuse. */
  #floor = 0;
  #closed = false;
  readonly #freed: () => void;
  readonly #landing: Slab | undefined;

  /** `freed` is called when consumed blocks have made room in the ring. `landing` goes back with the slab. */
  constructor(memory: GatherMemory, slab: Slab, freed: () => void, landing?: Slab) {
    this.#memory = memory;
    this.#slab = slab;
    this.#blockBytes = memory.blockBytes;
    this.#holds = new Uint16Array(slab.slices.length);
    this.#freed = freed;
    this.#landing = landing;
  }

  get limit(): number {
    return this.#floor * this.#blockBytes + this.#slab.length;
  }
  get carvedBytes(): number {
    return this.#carved;
  }

  land(chunk: Buffer, from: number, to: number, offset: number): void {
    if (this.#closed) return;
    assert(offset + to - from <= this.limit && offset >= this.#carved);
    for (let at = from, place = offset; at < to;) {
      const inBlock = place % this.#blockBytes;
      const count = Math.min(to - at, this.#blockBytes - inBlock);
      put(this.#blockAt(place), inBlock, chunk, at, at + count);
      at += count;
      place += count;
    }
  }
  room(offset: number, bytes: number): Slab | undefined {
    const inBlock = offset % this.#blockBytes;
    const memory = roomIn(this.#blockAt(offset), inBlock, Math.min(inBlock + bytes, this.#blockBytes));
    if (memory === undefined) return undefined;
    this.#holdsAll += 1;
    return new Carved(memory.length, [memory], () => {
      this.#holdsAll -= 1;
      if (this.#closed) this.#giveBack();
    });
  }
  #blockAt(place: number): Buffer {
    const block = this.#slab.slices[Math.floor(place / this.#blockBytes) % this.#slab.slices.length];
    assert(block !== undefined);
    return block;
  }

  carve(length: number): Slab {
    assert(!this.#closed && length > 0);
    const from = this.#carved;
    const to = from + length;
    assert(to <= this.limit);
    const first = Math.floor(from / this.#blockBytes);
    const last = Math.floor((to - 1) / this.#blockBytes);
    const slices: Buffer[] = [];
    for (let block = first; block <= last; block++) {
      const start = block * this.#blockBytes;
      slices.push(
        this.#blockAt(start).subarray(Math.max(from - start, 0), Math.min(to - start, this.#blockBytes)),
      );
      this.#hold(block, 1);
    }
    this.#carved = to;
    this.#holdsAll += 1;
    return new Carved(length, slices, () => this.#release(first, last));
  }
  #hold(block: number, change: 1 | -1): void {
    const index = block % this.#holds.length;
    this.#holds[index] = (this.#holds[index] ?? 0) + change;
  }
  #release(first: number, last: number): void {
    for (let block = first; block <= last; block++) this.#hold(block, -1);
    this.#holdsAll -= 1;
    if (this.#closed) {
      this.#giveBack();
      return;
    }
    const before = this.#floor;
    const consumed = Math.floor(this.#carved / this.#blockBytes);
    while (this.#floor < consumed && this.#holds[this.#floor % this.#holds.length] === 0) this.#floor += 1;
    if (this.#floor > before) this.#freed();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#giveBack();
  }
  #giveBack(): void {
    if (this.#holdsAll > 0) return;
    this.#memory.giveBack(this.#slab);
    this.#landing?.release();
  }
}

/** A part of what has landed. */
export class Carved implements Slab {
  readonly length: number;
  readonly slices: readonly Buffer[];
  #release: (() => void) | undefined;
  constructor(length: number, slices: readonly Buffer[], release: () => void) {
    this.length = length;
    this.slices = slices;
    this.#release = release;
  }
  release(): void {
    const release = this.#release;
    assert(release !== undefined, 'a slab is released once');
    this.#release = undefined;
    release();
  }
}

/** Which bytes of a burst have come, when they may come in any order (DataPDUInOrder=No). */
export class ByteRanges {
  readonly #ranges: [from: number, to: number][] = [];

  /** False when a byte of it was there before. */
  add(from: number, to: number): boolean {
    if (from >= to) return true;
    const at = this.#ranges.findIndex((range) => range[0] >= from);
    const index = at < 0 ? this.#ranges.length : at;
    const before = this.#ranges[index - 1];
    const after = this.#ranges[index];
    if ((before !== undefined && before[1] > from) || (after !== undefined && after[0] < to)) return false;
    const joinsBefore = before?.[1] === from;
    const joinsAfter = after?.[0] === to;
    const start = joinsBefore ? (before?.[0] ?? from) : from;
    const end = joinsAfter ? (after?.[1] ?? to) : to;
    const removed = Number(joinsBefore) + Number(joinsAfter);
    this.#ranges.splice(joinsBefore ? index - 1 : index, removed, [start, end]);
    return true;
  }
  covers(from: number, to: number): boolean {
    return from === to || this.#ranges.some((range) => range[0] <= from && range[1] >= to);
  }
  get count(): number {
    return this.#ranges.length;
  }
}
