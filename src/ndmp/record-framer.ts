/**
 * RecordFramer: bytes of one connection become messages, by the record marks of ONC RPC (RFC 5531 11): four bytes, of which
 * the first bit says "last fragment" and the others its length.
 *
 * A message may come in any number of fragments. Memory grows with the bytes that have come, never with a length that was
 * named. What is longer than `messageBytesMax` is let pass; the receiver gets its header, to refuse it.
 *
 * Invariant: the receiver gets every message once, in order, whole or by its header; a message is the receiver's to keep.
 */
import { ProtocolError } from '#errors';
import { ndmpMessageIgnoredBytesMax, ndmpWaitingBytesMax, ndmpWaitingChunksMax } from '#limits';
import { headerBytes } from './header.js';

export interface MessageReceiver {
  /** A whole message: header and body. */
  message(bytes: Buffer): void;
  /** The first bytes, at most a header's, of a message that was longer than allowed. */
  tooLong(header: Buffer): void;
}

const markBytes = 4;
const lastFragment = 0x8000_0000;
const none = Buffer.alloc(0);

export class RecordFramer {
  /** Takes effect with the next bytes. */
  messageBytesMax: number;
  readonly #receiver: MessageReceiver;
  readonly #mark = Buffer.alloc(markBytes);
  #markHave = 0;
  /** Bytes of the fragment that are still to come, and whether it is the last one. */
  #left = 0;
  #isLast = false;
  #message = none;
  /** Bytes of the message that are kept, and that have come. */
  #have = 0;
  #length = 0;
  #held = false;
  #stopped = false;
  /** What arrived while held: a few requests, and what was under way when the link was paused. */
  #stash: Buffer[] = [];

  constructor(receiver: MessageReceiver, messageBytesMax: number) {
    this.#receiver = receiver;
    this.messageBytesMax = messageBytesMax;
  }

  /** A message has begun and is not whole. */
  get isMidMessage(): boolean {
    return this.#markHave > 0 || this.#length > 0;
  }
  /** Memory that waits here. */
  get heldBytes(): number {
    return this.#stash.reduce((sum, { length }) => sum + length, this.#message.length);
  }
  /** So much has come while held that the rest should wait with the peer. Below that we go on listening for its end. */
  get isFull(): boolean {
    return this.#stash.length >= ndmpWaitingChunksMax || this.heldBytes >= ndmpWaitingBytesMax;
  }
  /** Takes the next bytes, a loan. Throws ProtocolError when what comes is no NDMP: the connection is lost. */
  push(chunk: Buffer): void {
    this.#take(chunk, (rest) => Buffer.from(rest));
  }
  /** `own` makes bytes ours that have to wait. */
  #take(chunk: Buffer, own: (rest: Buffer) => Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      if (this.#held) {
        this.#stash.push(own(chunk.subarray(at)));
        return;
      }
      at = this.#markHave < markBytes ? this.#takeMark(chunk, at) : this.#takePart(chunk, at);
      if (this.#markHave === markBytes && this.#left === 0) this.#fragmentDone();
    }
  }
  /** Nothing is given out until `release`; the owner pauses the link. */
  hold(): void {
    this.#held = true;
  }
  release(): void {
    this.#held = false;
    const kept = this.#stash;
    this.#stash = [];
    // They are ours already: a chunk with thousands of messages in it is copied once.
    for (const chunk of kept) this.#take(chunk, (rest) => rest);
  }
  /** Nothing is given out any more. */
  stop(): void {
    this.#stopped = true;
    this.#stash = [];
    this.#message = none;
  }

  #takeMark(chunk: Buffer, at: number): number {
    const to = Math.min(chunk.length, at + markBytes - this.#markHave);
    chunk.copy(this.#mark, this.#markHave, at, to);
    this.#markHave += to - at;
    if (this.#markHave === markBytes) {
      const mark = this.#mark.readUInt32BE(0);
      this.#isLast = mark >= lastFragment;
      this.#left = mark % lastFragment;
      const length = this.#length + this.#left;
      if (length > ndmpMessageIgnoredBytesMax) {
        throw new ProtocolError('message-too-long', 'The record mark is none of NDMP', { length });
      }
    }
    return to;
  }
  #takePart(chunk: Buffer, at: number): number {
    const to = Math.min(chunk.length, at + this.#left);
    this.#left -= to - at;
    this.#length += to - at;
    // Once something was let pass the rest is too, also when the limit has been raised since.
    const isWhole = this.#have + to - at === this.#length;
    if (isWhole && this.#length <= this.messageBytesMax) this.#keep(chunk, at, to);
    else this.#letPass(chunk, at, to);
    return to;
  }
  /** The message is too long: no more of it than its header is kept. */
  #letPass(chunk: Buffer, from: number, to: number): void {
    if (this.#have < headerBytes) this.#keep(chunk, from, Math.min(to, from + headerBytes - this.#have));
    this.#have = Math.min(this.#have, headerBytes);
    this.#message = this.#message.subarray(0, this.#have);
  }
  #keep(chunk: Buffer, from: number, to: number): void {
    const need = this.#have + to - from;
    if (need > this.#message.length) {
      const grown = Buffer.alloc(Math.max(need, Math.min(this.#message.length * 2, this.messageBytesMax)));
      this.#message.copy(grown, 0, 0, this.#have);
      this.#message = grown;
    }
    chunk.copy(this.#message, this.#have, from, to);
    this.#have = need;
  }
  #fragmentDone(): void {
    this.#markHave = 0;
    if (!this.#isLast) return;
    const message = this.#message.subarray(0, this.#have);
    const isWhole = this.#length === this.#have;
    this.#message = none;
    this.#have = 0;
    this.#length = 0;
    if (isWhole) this.#receiver.message(message);
    else this.#receiver.tooLong(message);
  }
}

/** A message behind its mark, in one fragment. */
export function framed(slices: readonly Uint8Array[]): readonly Uint8Array[] {
  const length = slices.reduce((sum, slice) => sum + slice.length, 0);
  const mark = Buffer.alloc(markBytes);
  mark.writeUInt32BE((lastFragment | length) >>> 0);
  return [mark, ...slices];
}
