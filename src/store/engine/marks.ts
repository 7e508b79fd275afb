/**
 * Marks: which chunks of the containers that there were when a collection began are referred to: a bit each, 7.5 MB per TB of unique
 * data. Set for everything that is referred to at the beginning, and for whatever is referred to anew until the collection ends (S4).
 */
import { strict as assert } from 'node:assert';
import type { ContainerTable } from './container-table.js';
import type { Pacer } from './pacer.js';
import type { VolumeState } from './volume-state.js';

/** Told of every chunk that somebody refers to again, while a collection is under way. */
export interface Liveness {
  touch(container: number, ordinal: number): void;
  touchRun(container: number, first: number, count: number): void;
}
/** A state that somebody reads, whatever becomes of its volume: nothing of it is collected. */
export interface Pin {
  readonly id: string;
  readonly state: VolumeState;
}

const bitsOf = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) count += 1;
  return count;
});
/** Containers between two looks at the clock. */
const stride = 8192;

export class Marks implements Liveness {
  /** Highest container that is looked at; later ones live. */
  readonly last: number;
  /** Byte at which the bits of a container begin. */
  readonly #from: Uint32Array;
  readonly #bits: Uint8Array;

  private constructor(from: Uint32Array) {
    this.last = from.length - 2;
    this.#from = from;
    this.#bits = new Uint8Array(from[from.length - 1] ?? 0);
  }
  /** Of the containers that are journaled now. Those that are not have no bits, and are left alone. */
  static async of(table: ContainerTable, pacer: Pacer): Promise<Marks> {
    const { last } = table;
    const from = new Uint32Array(last + 2);
    let bytes = 0;
    for (let id = 0; id <= last; id++) {
      from[id] = bytes;
      bytes += (table.ordinalsOf(id) + 7) >> 3;
      if (id % stride === 0) await pacer.breathe();
    }
    assert(bytes < 2 ** 32);
    from[last + 1] = bytes;
    return new Marks(from);
  }
  #bytesOf(container: number): Uint8Array {
    if (container > this.last) return this.#bits.subarray(0, 0);
    return this.#bits.subarray(this.#from[container], this.#from[container + 1]);
  }
  knows(container: number): boolean {
    return container <= this.last && (this.#from[container + 1] ?? 0) > (this.#from[container] ?? 0);
  }
  touch(container: number, ordinal: number): void {
    this.touchRun(container, ordinal, 1);
  }
  touchRun(container: number, first: number, count: number): void {
    if (container > this.last) return;
    const base = this.#from[container] ?? 0;
    const end = Math.min(first + count, 8 * ((this.#from[container + 1] ?? 0) - base));
    const bits = this.#bits;
    let at = first;
    while (at < end) {
      if ((at & 7) === 0 && end - at >= 8) {
        bits[base + (at >> 3)] = 0xff;
        at += 8;
      } else {
        bits[base + (at >> 3)] = (bits[base + (at >> 3)] ?? 0) | (1 << (at & 7));
        at += 1;
      }
    }
  }
  /** Everything in containers up to this one. */
  async touchUpTo(container: number, pacer: Pacer): Promise<void> {
    const end = this.#from[Math.min(container, this.last) + 1] ?? 0;
    for (let from = 0; from < end; from += 2 ** 24) {
      this.#bits.fill(0xff, from, Math.min(end, from + 2 ** 24));
      await pacer.breathe();
    }
  }
  isLive(container: number, ordinal: number): boolean {
    return ((this.#bytesOf(container)[ordinal >> 3] ?? 0) & (1 << (ordinal & 7))) !== 0;
  }
  /** At most; bits of chunks that are not there any more may be set too. */
  liveCount(container: number): number {
    let count = 0;
    for (const byte of this.#bytesOf(container)) count += bitsOf[byte] ?? 0;
    return count;
  }
  /** Chunks that are marked here and not in the other marks, which were begun with the same containers. */
  countBeyond(container: number, other: Marks): number {
    const theirs = other.#bytesOf(container);
    let count = 0;
    for (const [at, byte] of this.#bytesOf(container).entries())
      count += bitsOf[byte & ~(theirs[at] ?? 0)] ?? 0;
    return count;
  }
  /** Empty ones, of the same containers. */
  alike(): Marks {
    return new Marks(this.#from);
  }
  /** The bits as they are now. */
  copyOf(container: number): Buffer {
    return Buffer.from(this.#bytesOf(container));
  }
  isUnchanged(container: number, copy: Buffer): boolean {
    return copy.equals(this.#bytesOf(container));
  }
}
