/**
 * Marks: which chunks of the containers that there were when a collection began are referred to: a bit each. Set for everything
 * that is referred to at the beginning, and for whatever is referred to anew until the collection ends (S4).
 */
import type { ContainerTable } from './container-table.js';
import type { Liveness } from './engine.js';

export class Marks implements Liveness {
  /** Highest container that is looked at; later ones live. */
  readonly last: number;
  readonly #from: Float64Array;
  readonly #bits: Uint8Array;

  constructor(table: ContainerTable) {
    this.last = table.last;
    this.#from = new Float64Array(this.last + 2);
    let bytes = 0;
    for (let id = 0; id <= this.last; id++) {
      this.#from[id] = bytes;
      bytes += Math.ceil(table.ordinalsOf(id) / 8);
    }
    this.#from[this.last + 1] = bytes;
    this.#bits = new Uint8Array(bytes);
  }
  /** Chunks that it knows of. A container that was not journaled at the beginning has none, and is left alone. */
  #bytesOf(container: number): Uint8Array {
    if (container > this.last) return this.#bits.subarray(0, 0);
    return this.#bits.subarray(this.#from[container], this.#from[container + 1]);
  }
  knows(container: number): boolean {
    return this.#bytesOf(container).length > 0;
  }
  touch(container: number, ordinal: number): void {
    const bytes = this.#bytesOf(container);
    const at = ordinal >> 3;
    if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) | (1 << (ordinal & 7));
  }
  touchRun(container: number, first: number, count: number): void {
    for (let ordinal = first; ordinal < first + count; ordinal++) this.touch(container, ordinal);
  }
  isLive(container: number, ordinal: number): boolean {
    return ((this.#bytesOf(container)[ordinal >> 3] ?? 0) & (1 << (ordinal & 7))) !== 0;
  }
  liveCount(container: number): number {
    let count = 0;
    for (const byte of this.#bytesOf(container)) {
      for (let rest = byte; rest > 0; rest &= rest - 1) count += 1;
    }
    return count;
  }
  /** The bits as they are now. */
  copyOf(container: number): Buffer {
    return Buffer.from(this.#bytesOf(container));
  }
  isUnchanged(container: number, copy: Buffer): boolean {
    return copy.equals(this.#bytesOf(container));
  }
}
