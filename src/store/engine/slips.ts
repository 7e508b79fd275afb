/**
 * Slips: what is to be done to bytes, and what came of it, in memory that every thread sees. A slip is made once, with its
 * owner, and handed out again and again: on its way nothing is allocated but the message with its address.
 *
 * Whoever made the slip may touch it, and the memory that it names, only before `Crew.run` and after its `done`.
 */
import { strict as assert } from 'node:assert';
import { hash } from 'node:crypto';
import { xxh64 } from '#wire';
import { StoreError } from '../../errors.js';
import { fingerprintBytes, regionSeed } from './container.format.js';
import { chunkBytesMin, cutBytesMax } from './engine-limits.js';
import { CODEC, type CutState, type Kernels } from './kernels.js';

export const SLIP = { cut: 1, pack: 2, open: 3 } as const;
const wordsOf = 24;
/** Words of every slip: what it is, and what is said of it. The others are its kind's own. */
const WORD = { kind: 0, outcome: 1, arguments: 2 } as const;
export const OUTCOME = { none: 0, done: 1, corrupt: 2 } as const;
export const slipBytes = wordsOf * 4;

/** Ends of chunks that one slip can report. */
export const cutsMax = Math.ceil(cutBytesMax / chunkBytesMin) + 1;
export const cutSlipBytes = slipBytes + cutsMax * 4 + cutsMax * fingerprintBytes;

/** Where bytes lie that a slip names: those of one memory by their address. */
export type ViewOf = (at: number, bytes: number) => Buffer;

export abstract class Slip {
  readonly memory: Buffer;
  readonly words: Int32Array;
  /** Called when it is done, by the crew. */
  done: () => void = () => undefined;

  constructor(memory: Buffer, kind: number) {
    this.memory = memory;
    this.words = new Int32Array(memory.buffer, memory.byteOffset, wordsOf);
    this.words[WORD.kind] = kind;
  }
  /** In the memory that all threads share. */
  get address(): number {
    return this.memory.byteOffset;
  }
  get outcome(): number {
    return this.words[WORD.outcome] ?? 0;
  }
  /** Word `index` of its own kind. */
  word(index: number): number {
    return this.words[WORD.arguments + index] ?? 0;
  }
  set(index: number, value: number): void {
    this.words[WORD.arguments + index] = value;
  }
  abstract perform(kernels: Kernels, view: ViewOf): void;
}

/** Another thread's view of a slip. */
export function slipAt(address: number, view: ViewOf): Slip {
  const kind = view(address, 4).readInt32LE(0);
  if (kind === SLIP.cut) return new CutSlip(view(address, cutSlipBytes));
  const memory = view(address, slipBytes);
  assert(kind === SLIP.pack || kind === SLIP.open);
  return kind === SLIP.pack ? new PackSlip(memory) : new OpenSlip(memory);
}

/**
 * Bytes of a stream, to be cut into chunks that are fingerprinted. What the chunk that has begun consists of so far is kept in two
 * words of the stream's, so slips of a stream are performed one after another.
 */
export class CutSlip extends Slip {
  readonly cuts: Int32Array;
  /** 32 bytes a chunk. */
  readonly digests: Buffer;

  constructor(memory: Buffer) {
    super(memory, SLIP.cut);
    this.cuts = new Int32Array(memory.buffer, memory.byteOffset + slipBytes, cutsMax);
    this.digests = memory.subarray(slipBytes + cutsMax * 4, cutSlipBytes);
  }
  /**
   * `bytes` at `from`, which follow on those of the slip before; `stateAt`: address of the two words. `seam`: when the stream goes
   * on at the front of its memory, the address at which the bytes before end: those of the chunk that has begun are
   * copied from there to before `from`. Else 0.
   */
  ask(from: number, bytes: number, stateAt: number, seam: number): void {
    assert(bytes > 0 && bytes <= cutBytesMax);
    this.set(0, from);
    this.set(1, bytes);
    this.set(2, stateAt);
    this.set(3, seam);
    this.words[WORD.outcome] = OUTCOME.none;
  }
  get from(): number {
    return this.word(0);
  }
  get bytes(): number {
    return this.word(1);
  }
  /** Chunks that end in these bytes; the first of them began so many bytes before. */
  get count(): number {
    return this.word(4);
  }
  get begunBytes(): number {
    return this.word(5);
  }

  perform(kernels: Kernels, view: ViewOf): void {
    const { from, bytes } = this;
    const words = view(this.word(2), 8);
    const state: CutState = { bytes: words.readInt32LE(0), hash: words.readInt32LE(4) };
    const begun = state.bytes;
    const seam = this.word(3);
    const memory = view(from - begun, begun + bytes);
    if (seam !== 0) view(seam - begun, begun).copy(memory);
    const count = kernels.cut(memory, begun, begun + bytes, state, this.cuts);
    let start = 0;
    for (let index = 0; index < count; index++) {
      const end = begun + (this.cuts[index] ?? 0);
      // As a string of bytes it comes fastest (performance.md A2); Node's types do not list that encoding here.
      const digest = hash('sha256', memory.subarray(start, end), 'latin1' as 'hex');
      this.digests.write(digest, index * fingerprintBytes, 'latin1');
      start = end;
    }
    words.writeInt32LE(state.bytes, 0);
    words.writeInt32LE(state.hash, 4);
    this.set(4, count);
    this.set(5, begun);
    this.words[WORD.outcome] = OUTCOME.done;
  }
}

/** How hard a region is to be compressed. */
export const EFFORT = { none: 0, fast: 1, dense: 2 } as const;
export type Effort = (typeof EFFORT)[keyof typeof EFFORT];

/** A region, to be compressed as it will be stored, with its checksum. */
export class PackSlip extends Slip {
  constructor(memory: Buffer) {
    super(memory, SLIP.pack);
  }
  /** From `source` into `target`, which has room for all of it as it is. */
  ask(source: Buffer, target: Buffer, effort: Effort, container: number, region: number): void {
    assert(target.length >= source.length);
    this.set(0, source.byteOffset);
    this.set(1, source.length);
    this.set(2, target.byteOffset);
    this.set(3, target.length);
    this.set(4, effort);
    this.set(5, container);
    this.set(6, region);
    this.words[WORD.outcome] = OUTCOME.none;
  }
  get effort(): number {
    return this.word(4);
  }
  get codec(): number {
    return this.word(7);
  }
  get storedBytes(): number {
    return this.word(8);
  }
  get checksum(): bigint {
    return bigintOf(this.word(9), this.word(10));
  }

  perform(kernels: Kernels, view: ViewOf): void {
    const source = view(this.word(0), this.word(1));
    const target = view(this.word(2), this.word(3));
    const packed =
      this.effort === EFFORT.none
        ? undefined
        : kernels.compress(source, target, this.effort === EFFORT.dense);
    if (packed === undefined) source.copy(target);
    const bytes = packed?.bytes ?? source.length;
    const seed = regionSeed(this.word(5) >>> 0, this.word(6));
    const checksum = xxh64(target.subarray(0, bytes), seed);
    this.set(7, packed?.codec ?? CODEC.none);
    this.set(8, bytes);
    this.set(9, Number(checksum & 0xffffffffn) | 0);
    this.set(10, Number(checksum >> 32n) | 0);
    this.words[WORD.outcome] = OUTCOME.done;
  }
}

/** What is stored of a region, verified already, to be decompressed. */
export class OpenSlip extends Slip {
  constructor(memory: Buffer) {
    super(memory, SLIP.open);
  }
  ask(source: Buffer, target: Buffer, codec: number): void {
    this.set(0, source.byteOffset);
    this.set(1, source.length);
    this.set(2, target.byteOffset);
    this.set(3, target.length);
    this.set(4, codec);
    this.words[WORD.outcome] = OUTCOME.none;
  }
  perform(kernels: Kernels, view: ViewOf): void {
    const source = view(this.word(0), this.word(1));
    const target = view(this.word(2), this.word(3));
    try {
      kernels.decompress(this.word(4), source, target);
      this.words[WORD.outcome] = OUTCOME.done;
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      this.words[WORD.outcome] = OUTCOME.corrupt;
    }
  }
}
const bigintOf = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
