/**
 * Kernels: the computing that the engine stands on: where to cut, how to compress. The functions work on memory of the
 * arena, so that a WebAssembly implementation needs no copies.
 */
import { hash } from 'node:crypto';
import { constants, brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import { StoreError } from '../../errors.js';
import { fingerprintBytes } from './container.format.js';
import { chunkBytesMax, chunkBytesMean, chunkBytesMin } from './engine-limits.js';

/** Recorded per region: numbers are for ever. `lost`: its bytes rotted, and only what they were is known. */
export const CODEC = { none: 0, lz4: 1, zstd: 2, brotli: 3, lost: 255 } as const;
export type Codec = (typeof CODEC)[keyof typeof CODEC];

export interface Packed {
  readonly codec: Codec;
  readonly bytes: number;
}
/** What a stream carries from one call of `cut` to the next. Zeros at the beginning of a chunk. */
export interface CutState {
  /** Bytes of the chunk that has begun. */
  bytes: number;
  hash: number;
}
export interface Kernels {
  /**
   * Finds ends of chunks in bytes from … to, which follow in their stream on those of the call before. Returns how many there
   * are; `cuts` has their distances from `from`. What is found follows from the bytes of each chunk alone. `cuts` is large
   * enough for chunks of the smallest size. Stops behind `cutsMax` of them.
   */
  cut(memory: Buffer, from: number, to: number, state: CutState, cuts: Int32Array, cutsMax?: number): number;
  /** Fingerprints of `count` pieces of `memory`, given by where they begin and end: SHA-256 of each, to `digests`, in order. */
  fingerprint(memory: Buffer, pieces: Int32Array, count: number, digests: Buffer): void;
  /** Bytes from … to of `source` to `at` of `target`, without views of them. They may overlap. */
  copy(source: Buffer, from: number, to: number, target: Buffer, at: number): void;
  /** Compresses into `target`; undefined when that is no gain. `dense`: take the time. */
  compress(source: Buffer, target: Buffer, dense: boolean): Packed | undefined;
  /** Into `target`, which has exactly the length; at least the first `enough` bytes, if that is said. Throws StoreError 'corrupt'. */
  decompress(codec: number, source: Buffer, target: Buffer, enough?: number): void;
}

const gear = makeGear();
function makeGear(): Int32Array {
  const table = new Int32Array(256);
  let x = 0x9e3779b9;
  for (let i = 0; i < 256; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    table[i] = x;
  }
  return table;
}
/** Normalized: harder to meet below the mean, easier beyond it. */
const strictMask = 0xffff << 16;
const easyMask = 0xfff << 20;

/** In plain TypeScript, with what Node brings along. */
export const plainKernels: Kernels = {
  cut(memory, from, to, state, cuts, cutsMax = cuts.length) {
    let count = 0;
    let { bytes, hash } = state;
    for (let at = from; at < to && count < cutsMax; at++) {
      bytes += 1;
      if (bytes <= chunkBytesMin) continue;
      hash = ((hash << 1) + (gear[memory[at] as number] as number)) | 0; // both indexes are inside
      const mask = bytes <= chunkBytesMean ? strictMask : easyMask;
      if ((hash & mask) !== 0 && bytes < chunkBytesMax) continue;
      cuts[count] = at + 1 - from;
      count += 1;
      bytes = hash = 0;
    }
    state.bytes = bytes;
    state.hash = hash;
    return count;
  },
  fingerprint(memory, pieces, count, digests) {
    for (let piece = 0; piece < count; piece++) {
      const bytes = memory.subarray(pieces[2 * piece], pieces[2 * piece + 1]);
      // As a string of bytes it comes fastest (performance.md A2); Node's types do not list that encoding here.
      digests.write(hash('sha256', bytes, 'latin1' as 'hex'), piece * fingerprintBytes, 'latin1');
    }
  },
  copy(source, from, to, target, at) {
    source.copy(target, at, from, to);
  },
  compress(source, target, dense) {
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: dense ? 2 : 0,
      [constants.BROTLI_PARAM_SIZE_HINT]: source.length,
    };
    const packed = brotliCompressSync(source, { params });
    if (packed.length >= source.length - 64 || packed.length > target.length) return undefined;
    packed.copy(target);
    return { codec: CODEC.brotli, bytes: packed.length };
  },
  decompress(codec, source, target) {
    if (codec !== CODEC.brotli)
      throw new StoreError('corrupt', `Codec ${codec} is not known to this release`, { codec });
    try {
      const raw = brotliDecompressSync(source, { maxOutputLength: target.length });
      if (raw.copy(target) === target.length) return;
    } catch (cause) {
      throw new StoreError('corrupt', 'A region does not decompress', {}, { cause });
    }
    throw new StoreError('corrupt', 'A region is shorter than it should be');
  },
};
