/**
 * The kernels of src/store/kernels behind the engine's face: SIMD chunker, LZ4 in place, zstd, over one shared memory that all
 * buffers of the engine come from.
 */
import { strict as assert } from 'node:assert';
import { Kernels as Compiled, scratchBytes } from '../kernels/index.js';
import { StoreError } from '../../errors.js';
import { regionBytesMax } from './engine-limits.js';
import { CODEC, type Kernels, plainKernels } from './kernels.js';

const pageBytes = 65_536;
const alignBytes = 4096;
/** Address space that is set aside; memory is taken as it is needed. */
const pagesMax = 32_768;

export async function openWasmKernels(): Promise<Kernels> {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: pagesMax, shared: true });
  let end = Math.ceil(scratchBytes / alignBytes) * alignBytes;
  const compiled = await Compiled.open(memory, 0);
  const allocate = (bytes: number): Buffer => {
    const at = end;
    end += Math.ceil(bytes / alignBytes) * alignBytes;
    const missing = Math.ceil((end - memory.buffer.byteLength) / pageBytes);
    if (missing > 0) memory.grow(missing);
    return Buffer.from(memory.buffer, at, bytes);
  };
  /** For what comes from elsewhere: rare. */
  let spare: Buffer | undefined;
  const isOurs = (bytes: Buffer): boolean => bytes.buffer instanceof SharedArrayBuffer;
  return {
    allocate,
    cut(bytes, from, to, state, cuts) {
      const count = compiled.cut(bytes.byteOffset + from, to - from, state);
      assert(count <= cuts.length);
      for (let index = 0; index < count; index++) cuts[index] = compiled.cuts[index] ?? 0;
      return count;
    },
    compress(source, target, dense) {
      const { byteOffset: from, length } = source;
      if (length < 128 || !compiled.isCompressible(from, length)) return undefined;
      const room = Math.min(target.length, length - 64);
      const bytes = compiled.compress(dense ? 'dense' : 'fast', from, length, target.byteOffset, room);
      return bytes === 0 ? undefined : { codec: dense ? CODEC.zstd : CODEC.lz4, bytes };
    },
    decompress(codec, source, target) {
      if (codec !== CODEC.lz4 && codec !== CODEC.zstd) {
        plainKernels.decompress(codec, source, target);
        return;
      }
      assert(isOurs(source));
      const into = isOurs(target) ? target : (spare ??= allocate(regionBytesMax));
      const kind = codec === CODEC.lz4 ? 'fast' : 'dense';
      const bytes = compiled.decompress(
        kind,
        source.byteOffset,
        source.length,
        into.byteOffset,
        target.length,
      );
      if (bytes !== target.length) throw new StoreError('corrupt', 'A region is shorter than it should be');
      if (into !== target) into.copy(target, 0, 0, bytes);
    },
  };
}
