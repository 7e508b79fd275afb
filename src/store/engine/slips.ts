/**
 * Slips: what is to be done to bytes, and what came of it, in memory that every thread sees. A slip is made once, with its
 * owner, and handed out again and again: on its way nothing is allocated.
 *
 * Whoever made the slip may touch it, and the memory that it names, only before `Crew.run` and after its `done`.
 */
import { strict as assert } from 'node:assert';
import { bigintOf, xxh64 } from '#wire';
import { StoreError } from '../../errors.js';
import type { AtHand, StoredAt, StoredRegion } from './at-hand.js';
import { fingerprintBytes, regionSeed } from './container.format.js';
import { chunkBytesMax, chunkBytesMin, cutBytesMax } from './engine-limits.js';
import { isEven } from './evenness.js';
import { Pieces, putAt } from './fingerprint.js';
import { CODEC, type CutState, type Kernels } from './kernels.js';
import { openPlace, sealPlace } from './region-cipher.js';
import { keyBytes, tagBytes } from './sealing.js';

export const SLIP = { cut: 1, pack: 2, open: 3 } as const;
const wordsOf = 24;
const keyAt = wordsOf * 4;
/** Words of every slip: what it is, and what is said of it. The others are its kind's own. */
const WORD = { kind: 0, outcome: 1, isKeyed: 2, arguments: 3 } as const;
/** `away`: what it is about is not in the system's memory. `refused`: nobody here can tell whether it is. */
export const OUTCOME = { none: 0, done: 1, corrupt: 2, away: 3, refused: 4 } as const;
export const slipBytes = keyAt + keyBytes;

/** Ends of chunks that one slip can report: also of those before it that were left to a hint which was wrong. */
export const cutsMax = Math.ceil((cutBytesMax + chunkBytesMax) / chunkBytesMin) + 1;
export const cutSlipBytes = slipBytes + cutsMax * (3 * 4 + 2 * fingerprintBytes);
/**
 * Of a stream, between its slips: bytes of the chunk that has begun, how many of them were searched, their hash. In two places in
 * turn: a slip that is performed twice, because a thread ended before it could tell, finds again what it began with.
 */
const begunWords = 3;
export const streamWordsBytes = 2 * begunWords * 4;

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
  /** Another thread may be at it. */
  get outcome(): number {
    return Atomics.load(this.words, WORD.outcome);
  }
  protected begin(): void {
    Atomics.store(this.words, WORD.outcome, OUTCOME.none);
  }
  protected end(outcome: number): void {
    Atomics.store(this.words, WORD.outcome, outcome);
  }
  /** Word `index` of its own kind. */
  word(index: number): number {
    return this.words[WORD.arguments + index] ?? 0;
  }
  set(index: number, value: number): void {
    this.words[WORD.arguments + index] = value;
  }
  /** A key, as long as the slip is out. `forget` it then; not whoever performs it: it may have to be performed twice. */
  protected lend(key: Buffer | undefined): void {
    this.words[WORD.isKeyed] = key === undefined ? 0 : 1;
    key?.copy(this.memory, keyAt);
  }
  forgetKey(): void {
    this.memory.fill(0, keyAt, keyAt + keyBytes);
    this.words[WORD.isKeyed] = 0;
  }
  protected get key(): Buffer | undefined {
    return this.words[WORD.isKeyed] === 0 ? undefined : this.memory.subarray(keyAt, keyAt + keyBytes);
  }
  /** How long it takes beside others: the share of a thread's time that it is worth to wake one for. */
  get weight(): number {
    return 1;
  }
  /** `atHand`: of a thread that has it. */
  abstract perform(kernels: Kernels, view: ViewOf, atHand?: AtHand): void;
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
 * Bytes of a stream, to be cut into chunks that are fingerprinted. What is known of the chunk that has begun is kept in words of the
 * stream's (`streamWordsBytes`), so slips of a stream are performed one after another.
 *
 * A hint says that a chunk may follow which is known: its place, length and fingerprint. Where a chunk ends follows from its
 * bytes alone, so bytes with that fingerprint need not be searched for their end (performance.md C, RapidCDC).
 */
export class CutSlip extends Slip {
  /** Ends of chunks, from `from` on. */
  readonly cuts: Int32Array;
  /** 32 bytes a chunk. */
  readonly digests: Buffer;
  /** Likewise of hints. */
  readonly hintDigests: Buffer;
  readonly #hintFrom: Int32Array;
  readonly #hintBytes: Int32Array;

  constructor(memory: Buffer) {
    super(memory, SLIP.cut);
    let at = slipBytes;
    const words = (): Int32Array => {
      at += cutsMax * 4;
      return new Int32Array(memory.buffer, memory.byteOffset + at - cutsMax * 4, cutsMax);
    };
    const digests = (): Buffer => {
      at += cutsMax * fingerprintBytes;
      return memory.subarray(at - cutsMax * fingerprintBytes, at);
    };
    this.cuts = words();
    this.#hintFrom = words();
    this.#hintBytes = words();
    this.digests = digests();
    this.hintDigests = digests();
  }
  /**
   * `bytes` at `from`, which follow on those of the slip before; `wordsAt`: address of the stream's words; `number`: how many slips
   * of the stream were before. `seam`: when the stream goes on at the front of its memory, the address at which the bytes before
   * end: those of the chunk that has begun are copied from there to before `from`. Else 0.
   */
  ask(from: number, bytes: number, wordsAt: number, number: number, seam: number): void {
    assert(bytes > 0 && bytes <= cutBytesMax);
    this.set(0, from);
    this.set(1, bytes);
    this.set(2, wordsAt);
    this.set(3, seam);
    this.set(6, 0);
    this.set(7, number % 2);
    this.begin();
  }
  /**
   * `offset`: from `from` on, or before it. False when there is no room for more. In order. What is longer than a chunk of a stream
   * is none, and waiting for its end would let the chunk that has begun outgrow the room there is for it (R1).
   */
  hint(offset: number, bytes: number, fingerprints: Buffer, at: number): boolean {
    if (bytes > chunkBytesMax) return true;
    const count = this.word(6);
    if (count === cutsMax) return false;
    this.#hintFrom[count] = offset;
    this.#hintBytes[count] = bytes;
    putAt(this.hintDigests, count, fingerprints, at);
    this.set(6, count + 1);
    return true;
  }
  get hints(): number {
    return this.word(6);
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
    const words = new Int32Array(this.memory.buffer, this.word(2), 2 * begunWords);
    const at = this.word(7) * begunWords;
    const begun = words[at] ?? 0;
    const memory = view(this.from - begun, begun + this.bytes);
    const seam = this.word(3);
    if (seam !== 0) view(seam - begun, begun).copy(memory);
    const state = { bytes: words[at + 1] ?? 0, hash: words[at + 2] ?? 0 };
    const start = this.#cutAll(kernels, memory, begun, state);
    const next = begunWords - at;
    words[next] = memory.length - start;
    words[next + 1] = state.bytes;
    words[next + 2] = state.hash;
    this.set(5, begun);
    this.end(OUTCOME.done);
  }
  /** Returns where the chunk begins that has not ended; `state` is how far that was searched. */
  #cutAll(kernels: Kernels, memory: Buffer, begun: number, state: CutState): number {
    const hints = this.word(6);
    let count = 0;
    let start = 0;
    unknown.count = 0;
    for (let hint = 0, together = 2; ;) {
      while (hint < hints && (this.#hintFrom[hint] ?? 0) + begun < start) hint += 1;
      const isHinted = hint < hints && (this.#hintFrom[hint] ?? 0) + begun === start;
      if (isHinted && start + (this.#hintBytes[hint] ?? 0) > memory.length) break; // with the next bytes it will be known
      const known = isHinted ? this.#knownFrom(hint, together, kernels, memory, begun) : 0;
      for (let index = 0; index < known; index++, count++) {
        start += this.#hintBytes[hint + index] ?? 0;
        this.cuts[count] = start - begun;
        putAt(this.digests, count, this.hintDigests, (hint + index) * fingerprintBytes);
      }
      together = known === together ? Math.min(2 * together, hinted.max) : 2;
      if (known > 0) {
        state.bytes = state.hash = 0;
        continue;
      }
      const from = start + state.bytes;
      const found = this.cuts.subarray(count);
      const more = kernels.cut(memory, from, memory.length, state, found, hint < hints ? 1 : undefined);
      for (const last = count + more; count < last; count++) {
        const cut = from + (this.cuts[count] ?? 0);
        unknown.add(start, cut, count);
        this.cuts[count] = cut - begun;
        start = cut;
      }
      if (more === 0 || hint === hints) break;
    }
    unknown.put(kernels, memory, this.digests);
    this.set(4, count);
    return start;
  }
  /** Of at most so many hints that follow each other, that one first, so many are as the bytes say. */
  #knownFrom(first: number, together: number, kernels: Kernels, memory: Buffer, begun: number): number {
    const last = Math.min(first + together, this.word(6));
    let at = this.#hintFrom[first] ?? 0;
    hinted.count = 0;
    for (let hint = first; hint < last && this.#hintFrom[hint] === at; hint++) {
      const from = at + begun;
      at += this.#hintBytes[hint] ?? 0;
      if (at + begun > memory.length) break;
      hinted.add(from, at + begun, hint);
    }
    return hinted.countKnown(kernels, memory, this.hintDigests);
  }
}
/** Of the slip that this thread is at: what hints speak of, of which those behind a wrong one are for nothing; chunks without. */
const hinted = new Pieces(8);
const unknown = new Pieces(cutsMax);

/** How hard a region is to be compressed. */
export const EFFORT = { none: 0, fast: 1, dense: 2 } as const;
export type Effort = (typeof EFFORT)[keyof typeof EFFORT];

/** A region, to be compressed as it will be stored, with its checksum. */
export class PackSlip extends Slip {
  constructor(memory: Buffer) {
    super(memory, SLIP.pack);
  }
  /** Bytes from … to of `source` into `target`, which has room for all of it as it is, sealed under `key` if there is one. */
  ask(
    source: Buffer,
    from: number,
    to: number,
    target: Buffer,
    effort: Effort,
    container: number,
    region: number,
    key: Buffer | undefined,
  ): void {
    assert(to <= source.length && target.length >= to - from + (key === undefined ? 0 : tagBytes));
    this.lend(key);
    this.set(0, source.byteOffset + from);
    this.set(1, to - from);
    this.set(2, target.byteOffset);
    this.set(3, target.length);
    this.set(4, effort);
    this.set(5, container);
    this.set(6, region);
    this.begin();
  }
  get codec(): number {
    return this.word(7);
  }
  get storedBytes(): number {
    return this.word(8);
  }
  /** Halves of the checksum of what is stored. */
  get checksumLow(): number {
    return this.word(9);
  }
  get checksumHigh(): number {
    return this.word(10);
  }
  /** It is stored as it came: nothing is in the target. */
  get isInSource(): boolean {
    return this.word(11) === 1;
  }
  /** Compressed as well as it is worth. */
  get isDense(): boolean {
    return this.word(12) === 1;
  }

  perform(kernels: Kernels, view: ViewOf): void {
    const source = view(this.word(0), this.word(1));
    const target = view(this.word(2), this.word(3));
    const effort = this.word(4);
    const packed =
      effort === EFFORT.none ? undefined : kernels.compress(source, target, effort === EFFORT.dense);
    const bytes = packed?.bytes ?? source.length;
    const [container, region] = [this.word(5) >>> 0, this.word(6)];
    const { key } = this;
    const isInSource = packed === undefined && key === undefined;
    const stored = isInSource ? source : target.subarray(0, key === undefined ? bytes : bytes + tagBytes);
    if (key !== undefined)
      sealPlace(key, container, region, packed === undefined ? source : target.subarray(0, bytes), stored);
    const checksum = xxh64(stored, regionSeed(container, region));
    this.set(7, packed?.codec ?? CODEC.none);
    this.set(8, bytes);
    this.set(9, Number(checksum & 0xffffffffn) | 0);
    this.set(10, Number(checksum >> 32n) | 0);
    this.set(11, isInSource ? 1 : 0);
    const isDense = effort !== EFFORT.fast || (packed === undefined && isEven(source));
    this.set(12, isDense ? 1 : 0);
    this.end(OUTCOME.done);
  }
}

const nowhere = -1;
/** Regions of a common kind that one thread is trusted with. A second one, where it is not needed, is in a reader's way. */
const quickOpens = 16;

/** What is stored of a region, to be verified, opened and decompressed. */
export class OpenSlip extends Slip {
  constructor(memory: Buffer) {
    super(memory, SLIP.open);
  }
  ask({ codec, container, region, checksum, key }: StoredRegion, at: StoredAt, target: Buffer): void {
    this.lend(key);
    const isInMemory = 'bytes' in at;
    this.set(0, isInMemory ? at.bytes.byteOffset : at.offset);
    this.set(1, isInMemory ? at.bytes.length : at.length);
    this.set(2, target.byteOffset);
    this.set(3, target.length);
    this.set(4, codec);
    this.set(5, container);
    this.set(6, region);
    this.set(7, isInMemory ? at.opened.byteOffset : 0);
    this.set(8, Number(checksum & 0xffffffffn) | 0);
    this.set(9, Number(checksum >> 32n) | 0);
    this.set(10, isInMemory ? nowhere : at.descriptor);
    this.set(11, isInMemory ? target.length : at.enough);
    this.begin();
  }
  override get weight(): number {
    const codec = this.word(4);
    const opens = codec === CODEC.lz4 || codec === CODEC.none ? 1 : 4;
    return (opens + (this.key === undefined ? 0 : 1)) / quickOpens;
  }
  perform(kernels: Kernels, view: ViewOf, atHand?: AtHand): void {
    const target = view(this.word(2), this.word(3));
    try {
      const source = this.#source(view, target, atHand);
      if (typeof source === 'number') {
        this.end(source);
        return;
      }
      const packed = this.#opened(source, view, target, atHand);
      if (packed && packed !== target) kernels.decompress(this.word(4), packed, target, this.word(11));
      this.end(packed === undefined ? OUTCOME.corrupt : OUTCOME.done);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      this.end(OUTCOME.corrupt);
    }
  }
  /** What is stored, or why it is not there. */
  #source(view: ViewOf, target: Buffer, atHand: AtHand | undefined): Buffer | number {
    const descriptor = this.word(10);
    if (descriptor === nowhere) return view(this.word(0), this.word(1));
    if (atHand === undefined) return OUTCOME.refused;
    const isPlain = this.word(4) === CODEC.none && this.key === undefined;
    const source = isPlain ? target : atHand.stored.subarray(0, this.word(1));
    const read = atHand.read(descriptor, source, this.word(0) >>> 0);
    return read === 'read' ? source : OUTCOME[read];
  }
  /** Undefined when it is not what was stored there. */
  #opened(source: Buffer, view: ViewOf, target: Buffer, atHand: AtHand | undefined): Buffer | undefined {
    const [container, region] = [this.word(5) >>> 0, this.word(6)];
    if (xxh64(source, regionSeed(container, region)) !== bigintOf(this.word(8), this.word(9)))
      return undefined;
    const { key } = this;
    if (key === undefined) return source;
    const bytes = source.length - tagBytes;
    const isInMemory = this.word(10) === nowhere || atHand === undefined;
    const room = isInMemory ? view(this.word(7), bytes) : atHand.opened.subarray(0, bytes);
    const packed = this.word(4) === CODEC.none ? target : room;
    return packed.length === bytes && openPlace(key, container, region, source, packed) ? packed : undefined;
  }
}
