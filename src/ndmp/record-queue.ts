/**
 * RecordQueue: bytes of an image stream on their way to tape, as records in memory of the drive's or of the pool.
 *
 * A batch is a slab of as many whole records as fit a block, or of one record that is larger. So memory for a record is taken as a
 * whole: no two movers can hold half of what each needs. It is a landing of the drive's when there is one, filled once, and the link
 * reads into it (`room`); else memory of the pool, into which the link's chunks are copied.
 *
 * Invariants: P3 what is held is bounded by what the owner lets come (`isFull`), whatever the peer sends. A record stays here
 * until the tape has it (`shift`), so a tape that refuses it costs nothing. Every slab goes back once (`close`). S11 one that a
 * link reads into goes back when it does so no more (`push`, `end`).
 */
import { strict as assert } from 'node:assert';
import { longSegmentBytes, moverHeldBytesMax } from '#limits';
import { put, roomIn, type Slab, type SlabPool, unalignedBytes } from '#wire';

interface Batch {
  readonly slab: Slab;
  /** What the drive gave: the slab itself, or, empty, its place among what is expected there. */
  readonly landing: Slab | undefined;
  filled: number;
  /** Of those, bytes that are on the tape. */
  written: number;
}

export class RecordQueue {
  readonly #pool: SlabPool;
  readonly #memoryCame: () => void;
  readonly #landing: (bytes: number) => Slab | undefined;
  #recordBytes: number;
  #batches: Batch[] = [];
  /** The link may be reading into it. */
  #lent: Batch | undefined;
  /** The drive is not ours now. */
  #hasLeft = false;
  /** What came last was long. */
  #isFlowing = false;
  /** What came while there was no room: one chunk, because a full queue stops the stream, or what was held before. */
  #spilled: Buffer[] = [];
  #waiting = false;
  #heldBytes = 0;
  #ended = false;
  #closed = false;

  /** `memoryCame` is called when bytes that had to wait for memory have got it; `landing`: see Drive.landing. */
  constructor(
    pool: SlabPool,
    recordBytes: number,
    memoryCame: () => void,
    landing: (bytes: number) => Slab | undefined,
  ) {
    this.#pool = pool;
    this.#recordBytes = recordBytes;
    this.#memoryCame = memoryCame;
    this.#landing = landing;
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

  /** Where the next bytes would best be read to: they may be written there until `push` or `end`. */
  room(): Buffer | undefined {
    if (this.#closed || this.#ended || this.isFull) return undefined;
    const batch = this.#lastWithRoom ?? this.#addBatch({ onlyLanding: true });
    if (batch === undefined || batch.slab !== batch.landing) return undefined;
    const [piece] = piecesOf(batch.slab, batch.filled, batch.slab.length);
    assert(piece !== undefined);
    // What brings it to where long readings go is read by itself, when more than that seems to be there.
    const room =
      roomIn(piece, 0, piece.length) ??
      (this.#isFlowing ? piece.subarray(0, unalignedBytes(piece)) : undefined);
    if (room !== undefined) this.#lent = batch;
    return room;
  }
  /** The link reads into the queue's memory, until something comes. */
  get isLent(): boolean {
    return this.#lent !== undefined;
  }
  #takeBack(): void {
    const lent = this.#lent;
    this.#lent = undefined;
    if (lent !== undefined && this.#batches.at(-1) !== lent) giveBack(lent);
  }

  push(chunk: Buffer): void {
    this.#isFlowing = chunk.length >= longSegmentBytes;
    if (!this.#closed) this.#push(chunk);
    this.#takeBack();
  }
  #push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#heldBytes += chunk.length;
    const landed = this.#spilled.length > 0 ? 0 : this.#land(chunk);
    if (landed === chunk.length) return;
    this.#spilled.push(Buffer.from(chunk.subarray(landed))); // a copy: the chunk is a loan
    this.#waitForMemory();
  }
  /** No more bytes come: a short last record is filled up with zeros. */
  end(): void {
    this.#ended = true;
    this.#takeBack();
  }

  /** Gives the number of bytes that found room. */
  #land(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length) {
      const batch = this.#lastWithRoom ?? this.#addBatch();
      if (batch === undefined) return at;
      const length = Math.min(chunk.length - at, batch.slab.length - batch.filled);
      copyInto(batch.slab, batch.filled, chunk, at, at + length);
      batch.filled += length;
      at += length;
    }
    return at;
  }
  get #lastWithRoom(): Batch | undefined {
    const last = this.#batches.at(-1);
    return last !== undefined && last.filled < last.slab.length ? last : undefined;
  }
  /** In memory of the drive's if it has some, else in that of the pool, where `pooled` may have been waited for. */
  #addBatch({ pooled, onlyLanding = false }: { pooled?: Slab; onlyLanding?: boolean } = {}):
    Batch | undefined {
    const bytes = this.#batchBytes;
    const landing = this.#hasLeft ? undefined : this.#landing(bytes);
    const isLanding = landing !== undefined && landing.length > 0;
    if (isLanding) pooled?.release();
    const slab = isLanding ? landing : onlyLanding ? undefined : (pooled ?? this.#pool.take(bytes));
    if (slab === undefined) {
      landing?.release();
      return undefined;
    }
    const batch = { slab, landing, filled: 0, written: 0 };
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
      // Records may have another size by now, and have found memory meanwhile.
      if (this.#spilled.length === 0 || length !== this.#batchBytes) slab.release();
      else this.#addBatch({ pooled: slab });
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
      slab.length === this.#recordBytes ? slab.slices : partOf(slab, written, written + this.#recordBytes);
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
      if (batch.landing === undefined) [batch.filled, batch.written] = [0, 0]; // the same memory again, while it is warm
      if (batch.filled < batch.slab.length) return;
    }
    this.#batches.shift();
    this.#drop(batch);
    this.#landSpilled(); // the drive may have memory again
  }
  #drop(batch: Batch): void {
    if (batch !== this.#lent) giveBack(batch);
  }

  /**
   * The drive is anybody's for a while, perhaps as long as somebody looks for a tape: memory of the drive's is left, for it is a part
   * of more. Nothing of what is held is under way to the tape, here and below.
   */
  leave(): void {
    this.#hasLeft = true;
    if (this.#batches.some(({ landing }) => landing !== undefined)) this.recut(this.#recordBytes);
  }
  /** The drive is ours, and expects what is held, whatever tape it has. */
  goBack(): void {
    this.#hasLeft = false;
    this.recut(this.#recordBytes);
  }
  /** From now on records have another size; what is held is cut anew. */
  recut(recordBytes: number): void {
    const batches = this.#batches;
    const spilled = this.#spilled;
    [this.#batches, this.#spilled, this.#heldBytes] = [[], [], 0];
    this.#recordBytes = recordBytes;
    for (const batch of batches) {
      for (const piece of piecesOf(batch.slab, batch.written, batch.filled)) this.#push(piece);
      this.#drop(batch);
    }
    for (const chunk of spilled) this.#push(chunk);
  }

  /** All memory goes back. Nothing of it is under way to the tape. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const batch of this.#batches) this.#drop(batch);
    [this.#batches, this.#spilled, this.#heldBytes] = [[], [], 0];
  }
}

function giveBack({ slab, landing }: Batch): void {
  slab.release();
  if (landing !== slab) landing?.release();
}
function partOf(slab: Slab, from: number, to: number): readonly Buffer[] {
  const [block] = slab.slices;
  return block?.length === slab.length ? [block.subarray(from, to)] : [...piecesOf(slab, from, to)];
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
  for (const piece of piecesOf(slab, offset, offset + to - from)) {
    put(piece, 0, chunk, at, at + piece.length);
    at += piece.length;
  }
}
function zero(slab: Slab, from: number, to: number): void {
  for (const piece of piecesOf(slab, from, to)) piece.fill(0);
}
