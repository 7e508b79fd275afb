/**
 * SharedChunks: the memory between a job's thread and ours: a ring of chunks with one who fills them and one who empties them, and a
 * few words. A chunk that is filled is sent or written as it lies there, and free again when that is done; the number of chunks
 * is the credit, and waiting for one is the backpressure.
 *
 * The thread of the job waits by sleeping (`Atomics.wait`), ours by being told with a message.
 */
import { strict as assert } from 'node:assert';
import { treeChunkBytes, treeChunksMax } from '../limits.js';
import type { Tally } from './steps.js';

const pageBytes = 64 * 1024;
/** Words of 4 bytes. */
const WORD = {
  isAborted: 0,
  filled: 1,
  emptied: 2,
  batchesSent: 3,
  batchesTaken: 4,
  isTold: 5,
  lengths: 8,
} as const;
/** Words of 8 bytes, behind the others. */
const countsAt = 512;
const chunksAt = pageBytes;
assert((WORD.lengths + treeChunksMax) * 4 <= countsAt);

/** The length of a chunk that stands for an error at the source. */
const broken = -1;

export class SharedChunks {
  readonly memory: WebAssembly.Memory;
  readonly #words: Int32Array;
  readonly #counts: BigInt64Array;

  constructor(memory?: WebAssembly.Memory) {
    const pages = (chunksAt + treeChunkBytes * treeChunksMax) / pageBytes;
    // Not a SharedArrayBuffer of its own: this one begins at a page, and the kernel copies faster there.
    this.memory = memory ?? new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.#words = new Int32Array(this.memory.buffer, 0, countsAt / 4);
    this.#counts = new BigInt64Array(this.memory.buffer, countsAt, 4);
  }

  get isAborted(): boolean {
    return Atomics.load(this.#words, WORD.isAborted) === 1;
  }
  /** And whoever sleeps wakes up. */
  abort(): void {
    Atomics.store(this.#words, WORD.isAborted, 1);
    for (const word of [WORD.filled, WORD.emptied, WORD.batchesTaken]) Atomics.notify(this.#words, word);
  }

  // The ring. Counts only rise; what is between them is full.
  get filled(): number {
    return Atomics.load(this.#words, WORD.filled) >>> 0;
  }
  get emptied(): number {
    return Atomics.load(this.#words, WORD.emptied) >>> 0;
  }
  get hasRoom(): boolean {
    return (this.filled - this.emptied) >>> 0 < treeChunksMax;
  }
  chunk(number: number): Buffer {
    return Buffer.from(
      this.memory.buffer,
      chunksAt + (number % treeChunksMax) * treeChunkBytes,
      treeChunkBytes,
    );
  }
  /** What was filled of a chunk; undefined when the source failed. */
  contents(number: number): Buffer | undefined {
    const length = Atomics.load(this.#words, WORD.lengths + (number % treeChunksMax));
    return length === broken ? undefined : this.chunk(number).subarray(0, length);
  }
  /** The next chunk is full up to there. */
  fill(lengthBytes: number | 'broken'): void {
    const length = lengthBytes === 'broken' ? broken : lengthBytes;
    Atomics.store(this.#words, WORD.lengths + (this.filled % treeChunksMax), length);
    this.#advance(WORD.filled);
  }
  /** The oldest full chunk is free. */
  empty(): void {
    this.#advance(WORD.emptied);
  }
  #advance(word: number): void {
    Atomics.add(this.#words, word, 1);
    Atomics.notify(this.#words, word);
  }

  // Batches of events under way.
  get batchesWaiting(): number {
    return (Atomics.load(this.#words, WORD.batchesSent) - Atomics.load(this.#words, WORD.batchesTaken)) | 0;
  }
  sentBatch(): void {
    Atomics.add(this.#words, WORD.batchesSent, 1);
  }
  tookBatch(): void {
    this.#advance(WORD.batchesTaken);
  }

  // For the thread of the job: sleeps until something may have changed, or until it is aborted.
  awaitFilled(seen: number): void {
    this.#sleep(WORD.filled, seen);
  }
  awaitEmptied(seen: number): void {
    this.#sleep(WORD.emptied, seen);
  }
  awaitBatch(): void {
    this.#sleep(WORD.batchesTaken, Atomics.load(this.#words, WORD.batchesTaken));
  }
  #sleep(word: number, seen: number): void {
    if (!this.isAborted) Atomics.wait(this.#words, word, seen | 0);
  }

  /** True when a message has to be sent: none is under way. */
  tell(): boolean {
    return Atomics.exchange(this.#words, WORD.isTold, 1) === 0;
  }
  heard(): void {
    Atomics.store(this.#words, WORD.isTold, 0);
  }

  putTally(tally: Tally): void {
    const { bytes, files, troubles, estimateBytes } = tally;
    for (const [index, value] of [bytes, files, troubles, estimateBytes].entries()) {
      Atomics.store(this.#counts, index, BigInt(Math.round(value)));
    }
  }
  takeTally(): Tally {
    const [bytes, files, troubles, estimateBytes] = [0, 1, 2, 3].map((index) =>
      Number(Atomics.load(this.#counts, index)),
    );
    return {
      bytes: bytes ?? 0,
      files: files ?? 0,
      troubles: troubles ?? 0,
      estimateBytes: estimateBytes ?? 0,
    };
  }
}
