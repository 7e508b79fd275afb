/**
 * Mailbox: addresses of slips on their way to threads, in the order in which they were put. It lies in the memory that all of them
 * share, and one may be emptied by several.
 */
import { strict as assert } from 'node:assert';
import { arenaBytesMax } from './arena.js';
import { regionBytesMax } from './engine-limits.js';

/** Whatever a slip is about takes as much of the arena as a region, so there are never more of them. */
const places = arenaBytesMax / regionBytesMax;
assert((places & (places - 1)) === 0, 'numbers that overflow still name places in turn');
/** Words: how many were put, how many were taken, then the addresses. */
const PUT = 0;
const TAKEN = 1;
const head = 2;
export const mailboxBytes = (head + places) * 4;

export class Mailbox {
  readonly #words: Int32Array;

  /** `memory`: zeros, or what the other side sees. */
  constructor(memory: Buffer) {
    this.#words = new Int32Array(memory.buffer, memory.byteOffset, head + places);
  }
  /** By one thread only. */
  put(address: number): void {
    const words = this.#words;
    const put = Atomics.load(words, PUT);
    assert(((put - Atomics.load(words, TAKEN)) | 0) < places);
    words[head + (put & (places - 1))] = address;
    Atomics.store(words, PUT, (put + 1) | 0);
  }
  /** The next one, or 0. */
  take(): number {
    const words = this.#words;
    for (;;) {
      const taken = Atomics.load(words, TAKEN);
      if (Atomics.load(words, PUT) === taken) return 0;
      const address = words[head + (taken & (places - 1))] ?? 0;
      if (Atomics.compareExchange(words, TAKEN, taken, (taken + 1) | 0) === taken) return address;
    }
  }
}
