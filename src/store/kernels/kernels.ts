/**
 * Kernels: what the engine does to every byte, bound to one memory: content-defined cuts, compression, the probe.
 *
 * Thread: any; one object for each thread, each with a scratch area of its own in the (shared) memory. Invariants: K1 no
 * call allocates; K2 a call reads and writes only the ranges it is given and its scratch area; K3 what a decoder is given
 * may be anything, it answers with StoreError 'corrupt' and stays in `to … to+room`. See README.md for each promise.
 */
import { strict as assert } from 'node:assert';
import { StoreError } from '#errors';
import { kernelsWasm } from './kernels-wasm.js';
import { regionBytesMax, Zstd } from './zstd.js';

/** `fast`: LZ4 block. `dense`: zstd frame. What a region says about itself is the engine's to record. */
export type Codec = 'fast' | 'dense';
export type AverageBytes = 8192 | 16384;

/** What a stream carries from one call of `cut` to the next. A stream begins with zeros. */
export interface CutState {
  /** Bytes of the chunk that has begun, before the next byte. */
  bytes: number;
  /** Hash of its last 16 bytes; 0 while it is too short to have one. */
  hash: number;
}

/** Ends of chunks that one call of `cut` can report. */
export const cutsPerCallMax = 8192;

const stateBytes = 64;
const cutsBytes = cutsPerCallMax * 4;
const tableBytes = 32 * 1024; // of lz4.ts, and of probe.ts
/** What a Kernels needs of the memory for itself. */
export const scratchBytes = stateBytes + cutsBytes + tableBytes;
const alignBytes = 64;

/** The functions of assembly/index.ts. Addresses and lengths in bytes. */
interface Exports {
  cut(at: number, length: number, averageBits: number, state: number, out: number, cutsMax: number): number;
  lz4Encode(from: number, length: number, to: number, room: number, table: number): number;
  lz4Decode(from: number, length: number, to: number, room: number, enough: number): number;
  probe(from: number, length: number, table: number): number;
  move(from: number, length: number, to: number): void;
}

let compiled: WebAssembly.Module | undefined;

export class Kernels {
  /** Where the last call of `cut` put the ends of chunks: distances from its `at`. */
  readonly cuts: Int32Array;
  readonly #memory: WebAssembly.Memory;
  readonly #exports: Exports;
  readonly #zstd: Zstd;
  readonly #state: Int32Array;
  readonly #scratchAt: number;
  readonly #tableAt: number;
  /** Of the memory, when that was asked last: it only grows, and asking costs as much as copying a chunk. */
  #knownBytes = 0;

  private constructor(memory: WebAssembly.Memory, scratchAt: number, zstd: Zstd) {
    this.#memory = memory;
    this.#zstd = zstd;
    this.#scratchAt = scratchAt;
    this.#state = new Int32Array(memory.buffer, scratchAt, 2);
    this.cuts = new Int32Array(memory.buffer, scratchAt + stateBytes, cutsPerCallMax);
    this.#tableAt = scratchAt + stateBytes + cutsBytes;
    compiled ??= new WebAssembly.Module(Buffer.from(kernelsWasm, 'base64'));
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    this.#exports = exports as unknown as Exports; // the module is our own
  }

  /**
   * `memory`: shared, of any size; it may grow later. `scratchAt`: address of `scratchBytes` that are this object's, a
   * multiple of 64. `denseLevel`: zstd's, 1 to 3.
   */
  static async open(
    memory: WebAssembly.Memory,
    scratchAt: number,
    { denseLevel = 1 }: { readonly denseLevel?: number } = {},
  ): Promise<Kernels> {
    assert(scratchAt % alignBytes === 0);
    assert(scratchAt + scratchBytes <= memory.buffer.byteLength);
    return new Kernels(memory, scratchAt, await Zstd.open(denseLevel));
  }

  /**
   * Finds the ends of chunks in `length` bytes at `at`, which follow in their stream on those of the call before. Returns how
   * many there are; `cuts` has their distances from `at`, rising, in 1 … length. Stops after `cutsMax`: then `state` is at
   * the last cut, else behind all bytes. The end of a stream is no cut: what `state.bytes` counts then is the last chunk.
   */
  cut(
    at: number,
    length: number,
    state: CutState,
    average: AverageBytes = 16384,
    cutsMax = cutsPerCallMax,
  ): number {
    this.#checkRange(at, length);
    assert(cutsMax >= 1 && cutsMax <= cutsPerCallMax);
    this.#state[0] = state.bytes;
    this.#state[1] = state.hash;
    const averageBits = average === 8192 ? 13 : 14;
    const { cuts } = this;
    const count = this.#exports.cut(at, length, averageBits, this.#scratchAt, cuts.byteOffset, cutsMax);
    state.bytes = this.#state[0] ?? 0;
    state.hash = this.#state[1] ?? 0;
    return count;
  }

  /** Copies `length` bytes at `from` to `to`. The ranges may overlap. */
  move(from: number, length: number, to: number): void {
    this.#checkRange(from, length);
    this.#checkRange(to, length);
    this.#exports.move(from, length, to);
  }

  /** True when `length` bytes at `from` may shrink. */
  isCompressible(from: number, length: number): boolean {
    this.#checkRange(from, length);
    return this.#exports.probe(from, length, this.#tableAt) !== 0;
  }

  /** Bytes that any input of `length` fits into when compressed. */
  static boundOf(codec: Codec, length: number): number {
    if (codec === 'fast') return length + Math.ceil(length / 255) + 32;
    return length + Math.ceil(length / 256) + 64;
  }

  /**
   * Compresses `length` bytes at `from` to `to`, where `room` bytes may be written. The ranges do not overlap. Returns the
   * bytes written; 0 when they would not fit (the content of the room is undefined then).
   */
  compress(codec: Codec, from: number, length: number, to: number, room: number): number {
    this.#checkRange(from, length);
    this.#checkRange(to, room);
    assert(length <= regionBytesMax);
    if (codec === 'fast') return this.#exports.lz4Encode(from, length, to, room, this.#tableAt);
    return this.#zstd.compress(this.#memory.buffer, from, length, to, room);
  }

  /**
   * The inverse. Returns the bytes that came out, at most `room`; bytes of the room behind them are undefined.
   * Throws StoreError 'corrupt' when it is not what `compress` makes, or when more than `room` would come out. Less than all of it may
   * come out when that is `enough`.
   */
  decompress(
    codec: Codec,
    from: number,
    length: number,
    to: number,
    room: number,
    enough: number = room,
  ): number {
    this.#checkRange(from, length);
    this.#checkRange(to, room);
    assert(room <= regionBytesMax);
    if (length > Kernels.boundOf(codec, regionBytesMax)) throw notDecoded(codec, length, room);
    const bytes =
      codec === 'fast'
        ? this.#exports.lz4Decode(from, length, to, room, enough)
        : this.#zstd.decompress(this.#memory.buffer, from, length, to, room);
    if (bytes < 0) throw notDecoded(codec, length, room);
    return bytes;
  }

  #checkRange(at: number, length: number): void {
    const end = at + length;
    if (end > this.#knownBytes) this.#knownBytes = this.#memory.buffer.byteLength;
    assert(at >= 0 && length >= 0 && end <= this.#knownBytes);
  }
}

const notDecoded = (codec: Codec, length: number, room: number): StoreError =>
  new StoreError('corrupt', 'A compressed region cannot be decompressed', { codec, length, room });
