/**
 * Mailbox: addresses of slips on their way to one thread, in the order in which they were put. It lies in the memory that both sides
 * share; who waits for the next one sleeps on it, which costs a tenth of what a message between threads does.
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
  put(address: number): void {
    const words = this.#words;
    const put = Atomics.load(words, PUT);
    assert(((put - Atomics.load(words, TAKEN)) | 0) < places);
    words[head + (put & (places - 1))] = address;
    Atomics.store(words, PUT, (put + 1) | 0);
    Atomics.notify(words, PUT, 1);
  }
  get isEmpty(): boolean {
    return Atomics.load(this.#words, PUT) === Atomics.load(this.#words, TAKEN);
  }
  /** Waits for the next one. */
  take(): number {
    const words = this.#words;
    const taken = Atomics.load(words, TAKEN);
    while (Atomics.load(words, PUT) === taken) Atomics.wait(words, PUT, taken);
    const address = words[head + (taken & (places - 1))] ?? 0;
    Atomics.store(words, TAKEN, (taken + 1) | 0);
    return address;
  }
}
