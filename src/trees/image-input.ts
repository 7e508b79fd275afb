/**
 * ImageInput: an image that is read. Which parts of it are asked for is decided here: all of it at once, or, where files are gone to
 * directly, as much as is surely needed, and more and more at a time while it goes on. A part that was asked for is always read to its
 * end, because whoever sends it cannot be stopped.
 */
import { strict as assert } from 'node:assert';
import type { Steps } from './steps.js';
import { toTheEnd } from './tree-engine.js';

/** What is asked for at a time when nobody knows how much will be needed: at first, and what it grows to. */
const askBytesMin = 64 * 1024;
const askBytesMax = 8 * 1024 * 1024;
/** At least, when one file is read and no more than it. */
const askBytesExact = 512;

export interface Ask {
  readonly offset: bigint;
  readonly lengthBytes: bigint;
}

export class ImageInput {
  /** The next part, which the driver has to ask for before it gives more. */
  #ask: Ask | undefined;
  /** What was given and not taken. A loan until the next step. */
  #bytes: Buffer = Buffer.alloc(0);
  #position = 0;
  /** Of the part, not given yet. */
  #left = 0;
  #isWhole = false;
  #isEnded = false;
  /** Asked for next, if no more than that is needed. */
  #atATime = askBytesExact;
  /** Surely needed, from the position on. */
  #needed = 0;
  /** Where the image is known to end. */
  readonly #end: number;
  #scratch: Buffer = Buffer.alloc(512);

  constructor(endBytes = Number.MAX_SAFE_INTEGER) {
    this.#end = endBytes;
  }
  /** Byte of the image that comes next. */
  get position(): number {
    return this.#position;
  }
  get isEnded(): boolean {
    return this.#isEnded && this.#bytes.length === 0;
  }

  /** For the driver: what it has to ask for now, once. */
  takeAsk(): Ask | undefined {
    const ask = this.#ask;
    this.#ask = undefined;
    return ask;
  }
  /** For the driver: what it got; nothing is the end of the image. */
  give(bytes: Uint8Array): void {
    assert(this.#bytes.length === 0);
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#left -= bytes.length;
    if (bytes.length === 0) {
      this.#isEnded = true;
      this.#left = 0;
    }
  }

  /** All of it, from its beginning. */
  *openWhole(): Steps<void> {
    yield* this.#drain();
    this.#isWhole = true;
    this.#open(0, Number.POSITIVE_INFINITY);
    this.#ask = { offset: 0n, lengthBytes: toTheEnd };
  }
  /** Goes to a byte; `neededBytes` of it are surely needed, and not much more is asked for until `grow`. */
  *openAt(offset: number, neededBytes: number): Steps<void> {
    const ahead = offset - this.#position;
    if (ahead >= 0 && ahead < this.#bytes.length + this.#left) {
      yield* this.skip(ahead);
      this.need(neededBytes);
      return;
    }
    yield* this.#drain();
    this.#isWhole = false;
    this.#atATime = askBytesExact;
    this.#open(offset, 0);
    this.need(neededBytes);
  }
  #open(offset: number, length: number): void {
    this.#position = offset;
    this.#left = length;
    this.#isEnded = false;
    this.#needed = 0;
  }
  /** There is more to come, and nobody knows how much. */
  grow(): void {
    this.#atATime = askBytesMin;
  }
  /** So many bytes from here on are surely needed. */
  need(bytes: number): void {
    this.#needed = this.#position + bytes;
  }

  /** What is there; at least a byte, or nothing at the end. `took` tells how much of it was used. */
  *some(): Steps<Buffer> {
    while (this.#bytes.length === 0 && !this.#isEnded) {
      if (this.#left === 0) this.#askForMore();
      yield 'input';
    }
    return this.#bytes;
  }
  took(bytes: number): void {
    assert(bytes <= this.#bytes.length);
    this.#bytes = this.#bytes.subarray(bytes);
    this.#position += bytes;
  }
  #askForMore(): void {
    const needed = this.#needed - this.#position;
    const room = this.#end - this.#position;
    if (room <= 0 || this.#isWhole) {
      this.#isEnded = true;
      return;
    }
    const length = Math.min(Math.max(needed, this.#atATime), room);
    if (this.#atATime >= askBytesMin) this.#atATime = Math.min(2 * this.#atATime, askBytesMax);
    this.#left = length;
    this.#ask = { offset: BigInt(this.#position), lengthBytes: BigInt(length) };
  }

  /** So many bytes in one piece; undefined when the image ends before. A loan until more is read. */
  *exactly(length: number): Steps<Buffer | undefined> {
    const first = yield* this.some();
    if (first.length >= length) {
      const piece = first.subarray(0, length);
      this.took(length);
      return piece;
    }
    if (this.#scratch.length < length) this.#scratch = Buffer.alloc(length); // callers keep to a limit
    for (let filled = 0; filled < length;) {
      const bytes = yield* this.some();
      if (bytes.length === 0) return undefined;
      const part = Math.min(bytes.length, length - filled);
      this.#scratch.set(bytes.subarray(0, part), filled);
      this.took(part);
      filled += part;
    }
    return this.#scratch.subarray(0, length);
  }
  /** False when the image ends before. */
  *skip(length: number): Steps<boolean> {
    for (let left = length; left > 0;) {
      const bytes = yield* this.some();
      if (bytes.length === 0) return false;
      const part = Math.min(bytes.length, left);
      this.took(part);
      left -= part;
    }
    return true;
  }
  /** The rest of what was asked for. */
  *#drain(): Steps<void> {
    this.#bytes = this.#bytes.subarray(this.#bytes.length);
    while (this.#left > 0 && !this.#isEnded) {
      yield 'input';
      this.#bytes = this.#bytes.subarray(this.#bytes.length);
    }
  }
}
