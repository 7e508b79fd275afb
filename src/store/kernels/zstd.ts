/**
 * Zstd: the dense codec: zstd compiled to WebAssembly, with buffers in its own memory that are made once. Bytes are copied in
 * and out (10 GB/s, against 0.3 to 0.6 GB/s that it compresses). README.md says why this one.
 */
import { strict as assert } from 'node:assert';
import load from '@foxglove/wasm-zstd/dist/wasm-zstd.js';

/** Longest input, and longest output of decompression. */
export const regionBytesMax = 1024 * 1024;

type ZstdModule = Awaited<ReturnType<typeof load>>;

export class Zstd {
  readonly #module: ZstdModule;
  readonly #level: number;
  /** Addresses of room for a region as it is, and compressed. */
  readonly #plainAt: number;
  readonly #packedAt: number;
  readonly #packedBytes: number;

  private constructor(module: ZstdModule, level: number) {
    this.#module = module;
    this.#level = level;
    this.#packedBytes = module._compressBound(regionBytesMax);
    this.#plainAt = module._malloc(regionBytesMax);
    this.#packedAt = module._malloc(this.#packedBytes);
    assert(this.#plainAt !== 0 && this.#packedAt !== 0);
  }

  static async open(level: number): Promise<Zstd> {
    assert(level >= 1 && level <= 3);
    return new Zstd(await load(), level);
  }

  /** Returns the bytes written to `to`, or 0 when they are more than `room`. */
  compress(memory: ArrayBuffer, from: number, length: number, to: number, room: number): number {
    this.#module.HEAPU8.set(new Uint8Array(memory, from, length), this.#plainAt);
    // Always the whole room inside: zstd is faster when it need not look for the end.
    const bytes = this.#module._compress(
      this.#packedAt,
      this.#packedBytes,
      this.#plainAt,
      length,
      this.#level,
    );
    assert(bytes > 0);
    if (bytes > room) return 0;
    this.#take(this.#packedAt, bytes, memory, to);
    return bytes;
  }

  /** Returns the bytes written to `to`, or -1 when the input is no frame or its content does not fit `room`. */
  decompress(memory: ArrayBuffer, from: number, length: number, to: number, room: number): number {
    if (length === 0 || length > this.#packedBytes) return -1;
    this.#module.HEAPU8.set(new Uint8Array(memory, from, length), this.#packedAt);
    const bytes = this.#module._decompress(this.#plainAt, room, this.#packedAt, length);
    if (bytes < 0 || bytes > room) return -1;
    this.#take(this.#plainAt, bytes, memory, to);
    return bytes;
  }

  /** HEAPU8 is asked for anew each time: the module's memory may have grown. */
  #take(at: number, length: number, memory: ArrayBuffer, to: number): void {
    const inside = this.#module.HEAPU8;
    new Uint8Array(memory, to, length).set(new Uint8Array(inside.buffer, inside.byteOffset + at, length));
  }
}
