/**
 * RecordQueue: bytes of an image stream on their way to tape, as records in memory of the pool.
 *
 * Bytes are copied once, from the link's chunk into a batch: a slab of as many whole records as fit a block, or of one record
 * that is larger. So memory for a record is taken as a whole: no two movers can hold half of what each needs.
 *
 * Invariants: P3 what is held is bounded by what the owner lets come (`isFull`), whatever the peer sends. A record stays here
 * until the tape has it (`shift`), so a tape that refuses it costs nothing. Every slab goes back once (`close`).
 */
import { strict as assert } from 'node:assert';
import { moverHeldBytesMax } from '#limits';
import type { Slab, SlabPool } from '#wire';

interface Batch {
  readonly slab: Slab;
  filled: number;
  /** Of those, bytes that are on the tape. */
  written: number;
}

export class RecordQueue {
  readonly #pool: SlabPool;
  readonly #memoryCame: () => void;
  #recordBytes: number;
  #batches: Batch[] = [];
  /** What came while the pool had no room: one chunk, because a full queue stops the stream. */
  #spilled: Buffer[] = [];
  #waiting = false;
  #heldBytes = 0;
  #ended = false;
  #closed = false;

  /** `memoryCame` is called when bytes that had to wait for memory have got it. */
  constructor(pool: SlabPool, recordBytes: number, memoryCame: () => void) {
    this.#pool = pool;
    this.#recordBytes = recordBytes;
    this.#memoryCame = memoryCame;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }
  /** The stream should wait. Then there is a record to be written, or memory is on its way. */
  get isFull(): boolean {
    return this.#spilled.length > 0 || this.#heldBytes >= Math.max(moverHeldBytesMax, this.#recordBytes);
  }
  /** The stream may go on: when half is gone, so that it does not stop and go for every record; or no whole record is left. */
  get isSlack(): boolean {
    return (
      this.#spilled.length === 0 && this.#heldBytes <= Math.max(moverHeldBytesMax / 2, this.#recordBytes - 1)
    );
  }

  push(chunk: Buffer): void {
    if (this.#closed || chunk.length === 0) return;
    this.#heldBytes += chunk.length;
    const landed = this.#spilled.length > 0 ? 0 : this.#land(chunk);
    if (landed === chunk.length) return;
    this.#spilled.push(Buffer.from(chunk.subarray(landed))); // a copy: the chunk is a loan
    this.#waitForMemory();
  }
  /** No more bytes come: a short last record is filled up with zeros. */
  end(): void {
    this.#ended = true;
  }

  /** Gives the number of bytes that found room. */
  #land(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length) {
      const batch = this.#batchWithRoom();
      if (batch === undefined) return at;
      const length = Math.min(chunk.length - at, batch.slab.length - batch.filled);
      copyInto(batch.slab, batch.filled, chunk, at, at + length);
      batch.filled += length;
      at += length;
    }
    return at;
  }
  #batchWithRoom(): Batch | undefined {
    const last = this.#batches.at(-1);
    if (last !== undefined && last.filled < last.slab.length) return last;
    const slab = this.#pool.take(this.#batchBytes);
    return slab === undefined ? undefined : this.#addBatch(slab);
  }
  #addBatch(slab: Slab): Batch {
    const batch = { slab, filled: 0, written: 0 };
    this.#batches.push(batch);
    return batch;
  }
  get #batchBytes(): number {
    const { blockBytes } = this.#pool;
    return Math.max(1, Math.floor(blockBytes / this.#recordBytes)) * this.#recordBytes;
  }

  #waitForMemory(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    const length = this.#batchBytes;
    void this.#pool.takeSoon(length).then((slab) => {
      this.#waiting = false;
      // Records may have another size by now, and memory come back meanwhile.
      if (this.#closed || length !== this.#batchBytes) slab.release();
      else this.#addBatch(slab);
      if (this.#closed) return;
      this.#landSpilled();
      this.#memoryCame();
    });
  }
  #landSpilled(): void {
    for (let first = this.#spilled[0]; first !== undefined; first = this.#spilled[0]) {
      const landed = this.#land(first);
      if (landed < first.length) {
        this.#spilled[0] = first.subarray(landed);
        this.#waitForMemory();
        return;
      }
      this.#spilled.shift();
    }
  }

  /** The first record, when all of it is there: lent until `shift`. Releasing it does nothing. */
  peek(): Slab | undefined {
    const batch = this.#batches[0];
    if (batch === undefined) return undefined;
    const held = batch.filled - batch.written;
    if (held < this.#recordBytes) {
      if (!this.#ended || held === 0 || this.#spilled.length > 0) return undefined;
      zero(batch.slab, batch.filled, batch.written + this.#recordBytes);
    }
    const { slab, written } = batch;
    const slices =
      slab.length === this.#recordBytes
        ? slab.slices
        : [blockOf(slab).subarray(written, written + this.#recordBytes)];
    return { length: this.#recordBytes, slices, release: () => undefined };
  }
  /** The first record is on the tape. */
  shift(): void {
    const batch = this.#batches[0];
    assert(batch !== undefined);
    const length = Math.min(this.#recordBytes, batch.filled - batch.written);
    batch.written += length;
    this.#heldBytes -= length;
    if (batch.written < batch.filled) return;
    if (this.#batches.length === 1 && !this.#ended && this.#spilled.length === 0) {
      [batch.filled, batch.written] = [0, 0]; // the same memory again, while it is warm
      return;
    }
    this.#batches.shift();
    batch.slab.release();
  }

  /** From now on records have another size; what is held is cut anew. Nothing of it is under way to the tape. */
  recut(recordBytes: number): void {
    const batches = this.#batches;
    const spilled = this.#spilled;
    [this.#batches, this.#spilled, this.#heldBytes] = [[], [], 0];
    this.#recordBytes = recordBytes;
    for (const { slab, filled, written } of batches) {
      for (const piece of piecesOf(slab, written, filled)) this.push(piece);
      slab.release();
    }
    for (const chunk of spilled) this.push(chunk);
  }

  /** All memory goes back. Nothing of it is under way to the tape. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { slab } of this.#batches) slab.release();
    [this.#batches, this.#spilled, this.#heldBytes] = [[], [], 0];
  }
}

/** A batch of several records lies in one block. */
function blockOf({ slices }: Slab): Buffer {
  const [block] = slices;
  assert(block !== undefined && slices.length === 1);
  return block;
}
/** The bytes [from … to) of a slab. */
export function* piecesOf(slab: Slab, from: number, to: number): Generator<Buffer> {
  let start = 0;
  for (const slice of slab.slices) {
    const [first, end] = [Math.max(from - start, 0), Math.min(to - start, slice.length)];
    if (first < end) yield slice.subarray(first, end);
    start += slice.length;
  }
}
function copyInto(slab: Slab, offset: number, chunk: Buffer, from: number, to: number): void {
  let at = from;
  for (const piece of piecesOf(slab, offset, offset + to - from)) at += chunk.copy(piece, 0, at, to);
}
function zero(slab: Slab, from: number, to: number): void {
  for (const piece of piecesOf(slab, from, to)) piece.fill(0);
}
