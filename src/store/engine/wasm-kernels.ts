/**
 * The kernels of src/store/kernels behind the engine's face: SIMD chunker, LZ4 in place, zstd, over one shared memory that all
 * buffers of the engine come from.
 */
import { strict as assert } from 'node:assert';
import { lanesBytes, openSha256Lanes } from '#env';
import { cutsPerCallMax, Kernels as Compiled, scratchBytes } from '../kernels/index.js';
import { StoreError } from '../../errors.js';
import type { Arena } from './arena.js';
import { regionBytesMax } from './engine-limits.js';
import { CODEC, type Kernels, plainKernels } from './kernels.js';

const alignBytes = 64;

/** Over an arena, of which they take what they need for themselves. */
export async function openWasmKernels(arena: Arena): Promise<Kernels> {
  return await wasmKernelsOver(arena.memory, arena.allocate(kernelsBytes).byteOffset);
}
/** Bytes that kernels need for themselves, at a multiple of 64. */
const lanesAt = Math.ceil(scratchBytes / alignBytes) * alignBytes;
const spareAt = Math.ceil((lanesAt + lanesBytes) / alignBytes) * alignBytes;
export const kernelsBytes = spareAt + regionBytesMax;

/** `at`: address of `kernelsBytes` that are theirs. */
export async function wasmKernelsOver(memory: WebAssembly.Memory, at: number): Promise<Kernels> {
  const compiled = await Compiled.open(memory, at);
  const lanes = await openSha256Lanes(Buffer.from(memory.buffer, at + lanesAt, lanesBytes));
  const isOurs = (bytes: Buffer): boolean => bytes.buffer instanceof SharedArrayBuffer;
  return {
    cut(bytes, from, to, state, cuts, cutsMax = cutsPerCallMax) {
      const count = compiled.cut(bytes.byteOffset + from, to - from, state, undefined, cutsMax);
      assert(count <= cuts.length);
      for (let index = 0; index < count; index++) cuts[index] = compiled.cuts[index] ?? 0;
      return count;
    },
    fingerprint(bytes, pieces, count, digests) {
      if (lanes !== undefined && count > 1 && isOurs(bytes)) lanes.digest(bytes, pieces, count, digests);
      else plainKernels.fingerprint(bytes, pieces, count, digests);
    },
    copy(source, from, to, target, at) {
      if (isOurs(source) && isOurs(target))
        compiled.move(source.byteOffset + from, to - from, target.byteOffset + at);
      else source.copy(target, at, from, to);
    },
    compress(source, target, dense) {
      const { byteOffset: from, length } = source;
      if (length < 128 || (dense && !compiled.isCompressible(from, length))) return undefined;
      const room = Math.min(target.length, length - 64);
      const bytes = compiled.compress(dense ? 'dense' : 'fast', from, length, target.byteOffset, room);
      if (bytes === 0) return undefined;
      // LZ4 is done with what does not compress sooner than the probe; that is asked about a doubtful gain.
      if (!dense && bytes > length - length / 16 && !compiled.isCompressible(from, length)) return undefined;
      return { codec: dense ? CODEC.zstd : CODEC.lz4, bytes };
    },
    decompress(codec, source, target, enough = target.length) {
      if (codec !== CODEC.lz4 && codec !== CODEC.zstd) {
        plainKernels.decompress(codec, source, target);
        return;
      }
      assert(isOurs(source));
      const into = isOurs(target) ? target : Buffer.from(memory.buffer, at + spareAt, regionBytesMax);
      const kind = codec === CODEC.lz4 ? 'fast' : 'dense';
      const bytes = compiled.decompress(
        kind,
        source.byteOffset,
        source.length,
        into.byteOffset,
        target.length,
        enough,
      );
      // Only the fast one can stop early: what else is short is damaged.
      if (bytes < (kind === 'fast' ? enough : target.length))
        throw new StoreError('corrupt', 'A region is shorter than it should be');
      if (into !== target) into.copy(target, 0, 0, bytes);
    },
  };
}
