/** Where data segments go that belong to no command: text, and the data of pings. */
import type { Slab, SlabPool } from '#wire';
import { pingsHeldMax, textSegmentBytesMax, textSequenceBytesMax } from '#limits';
import type { SegmentSink } from './framer.js';

/** Collects a data segment in memory of the connection's own, up to a whole text sequence. */
export class SegmentBuffer implements SegmentSink {
  #buffer: Buffer = Buffer.alloc(textSegmentBytesMax);
  #length = 0;
  begin(length: number): this {
    if (length > this.#buffer.length) this.#buffer = Buffer.alloc(textSequenceBytesMax);
    this.#length = length;
    return this;
  }
  land(chunk: Buffer, from: number, to: number, offset: number): void {
    chunk.copy(this.#buffer, offset, from, to);
  }
  /** Valid until the next PDU. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

/** Collects a data segment in a slab. */
export class SlabSink implements SegmentSink {
  readonly slab: Slab;
  readonly #blockBytes: number;
  constructor(slab: Slab, blockBytes: number) {
    this.slab = slab;
    this.#blockBytes = blockBytes;
  }
  land(chunk: Buffer, from: number, to: number, offset: number): void {
    for (let at = from, place = offset; at < to;) {
      const inBlock = place % this.#blockBytes;
      const count = Math.min(to - at, this.#blockBytes - inBlock);
      const block = this.slab.slices[Math.floor(place / this.#blockBytes)];
      if (block !== undefined) chunk.copy(block, inBlock, at, at + count);
      at += count;
      place += count;
    }
  }
}

/** Where the data of a connection's pings is kept until the answer has left: not too many at once. */
export class PingMemory {
  readonly #pool: SlabPool;
  #held = 0;
  constructor(pool: SlabPool) {
    this.#pool = pool;
  }
  /** Undefined: the ping is answered without its data; memory belongs to commands. */
  take(length: number): SlabSink | undefined {
    const slab = this.#held < pingsHeldMax ? this.#pool.take(length) : undefined;
    if (slab === undefined) return undefined;
    this.#held += 1;
    const release = (): void => {
      this.#held -= 1;
      slab.release();
    };
    return new SlabSink({ length, slices: slab.slices, release }, this.#pool.blockBytes);
  }
}
