/** A read: views of pinned segments. */
import { strict as assert } from 'node:assert';
import type { Slab } from '#wire';
import { type Segment, segmentBytes, type SegmentPool } from './segment-pool.js';

export class SegmentSlab implements Slab {
  readonly length: number;
  readonly slices: readonly Buffer[];
  readonly #pool: SegmentPool;
  #segments: readonly Segment[] | undefined;

  /** Pins the segments, which cover the bytes. */
  constructor(pool: SegmentPool, segments: readonly Segment[], offset: number, length: number) {
    this.#pool = pool;
    this.#segments = segments;
    this.length = length;
    let at = offset % segmentBytes;
    let left = length;
    this.slices = segments.map((segment) => {
      pool.pin(segment);
      const part = segment.memory.subarray(at, Math.min(segmentBytes, at + left));
      left -= part.length;
      at = 0;
      return part;
    });
    assert(left === 0);
  }
  release(): void {
    const segments = this.#segments;
    assert(segments !== undefined, 'a slab is released once');
    this.#segments = undefined;
    for (const segment of segments) this.#pool.unpin(segment);
  }
}
