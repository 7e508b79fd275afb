/**
 * Framer: bytes of one connection become PDUs (RFC 7143 11.2, 13.1).
 *
 * Lengths are checked against what was negotiated before anything is taken for them. The header lands in one buffer per
 * connection, reused for every PDU; the data segment is passed on in the pieces in which it arrived. Where the next bytes of a
 * long one are to be is known before they are read (`room`): then the system puts them there, and they are copied by nobody. Others
 * are copied once, from the receive buffer to where they stay.
 *
 * Invariant: for each PDU the receiver sees `header`, then all pieces through the sink it named, then `complete`, once.
 */
import { ProtocolError } from '#errors';
import { longSegmentBytes } from '#limits';
import { crc32c, type Slab } from '#wire';
import { ahsLengthOf, dataSegmentLengthOf } from './pdu.js';
import { ahsBytesMax, bhsBytes } from './pdu.table.js';

/** Where the bytes of a data segment go. */
export interface SegmentSink {
  /** `chunk[from … to)` are the bytes at `offset` of the data segment. The chunk is a loan until the call returns. */
  land(chunk: Buffer, from: number, to: number, offset: number): void;
  /**
   * The memory of bytes of the segment from `offset` on, at most so many, in one slice: whoever receives them may put them there
   * before they land. It stays what it is until it is released.
   */
  room?(offset: number, bytes: number): Slab | undefined;
}

export interface PduReceiver {
  /** A whole header. Both views are valid until `complete` returns. Gives the sink of its data; undefined discards it. */
  header(bhs: Buffer, ahs: Buffer): SegmentSink | undefined;
  /** The rest has arrived. `intact` is false when the data digest does not match. */
  complete(intact: boolean): void;
}

const digestBytes = 4;
const IN_HEADER = 0;
const IN_EXTENSION = 1; // AHS and header digest
const IN_DATA = 2;
const IN_TRAILER = 3; // padding and data digest

export class Framer {
  /** Negotiated; they take effect with the next PDU. */
  headerDigest = false;
  dataDigest = false;
  segmentBytesMax: number;

  readonly #receiver: PduReceiver;
  readonly #longBytes: number;
  readonly #header = Buffer.alloc(bhsBytes + ahsBytesMax + digestBytes);
  readonly #bhs = this.#header.subarray(0, bhsBytes);
  readonly #digestedBhs = this.#header.subarray(0, bhsBytes + digestBytes);
  readonly #noAhs = this.#header.subarray(0, 0);
  readonly #trailer = Buffer.alloc(3 + digestBytes);
  #state = IN_HEADER;
  /** Bytes of the current part that are there, and that it needs. */
  #have = 0;
  #need = bhsBytes;
  #segmentLength = 0;
  #sink: SegmentSink | undefined;
  /** Data digest so far. */
  #crc = 0;
  /** Of the sink's, where the next bytes are to be put. */
  #room: Slab | undefined;
  #held = false;
  #stopped = false;
  /** What arrived while held: at most what was under way when the link was paused. */
  #stash: Buffer[] = [];

  /** `longBytes`: a data segment that long is worth a reading of its own. */
  constructor(receiver: PduReceiver, segmentBytesMax: number, longBytes = longSegmentBytes) {
    this.#receiver = receiver;
    this.#longBytes = longBytes;
    this.segmentBytesMax = segmentBytesMax;
  }

  /** Takes the next bytes. Throws ProtocolError when no PDU can follow any more: the connection is lost. */
  push(chunk: Buffer): void {
    try {
      this.#parseUnlessHeld(chunk);
    } finally {
      this.leave();
    }
  }
  /** Where to put what is pushed next, if that is known: until then, or until `leave`. */
  room(): Buffer | undefined {
    if (this.#held || this.#stopped) return undefined;
    this.leave();
    const left = this.#need - this.#have;
    // Behind a long segment the next PDU may be like it: nothing is read beyond its header, nor beyond what ends the segment.
    if (this.#state !== IN_DATA && this.#segmentLength >= this.#longBytes) return this.#roomOfPart();
    if (this.#state !== IN_DATA || left < this.#longBytes / 2) return undefined;
    this.#room = this.#sink?.room?.(this.#have, left);
    return this.#room?.slices[0];
  }
  /** For the rest of a part that is short. */
  #roomOfPart(): Buffer | undefined {
    if (this.#state === IN_TRAILER) return this.#trailer.subarray(this.#have, this.#need);
    if (this.#state !== IN_HEADER || this.#have > 0) return undefined;
    return this.headerDigest ? this.#digestedBhs : this.#bhs;
  }
  /** Nothing is put there any more. */
  leave(): void {
    this.#room?.release();
    this.#room = undefined;
  }

  /** No PDU is given out until `release`; the owner pauses the link. */
  hold(): void {
    this.#held = true;
  }
  release(): void {
    this.#held = false;
    const kept = this.#stash;
    this.#stash = [];
    for (const chunk of kept) this.#parseUnlessHeld(chunk);
  }
  /** Nothing is given out any more. */
  stop(): void {
    this.#stopped = true;
    this.#stash = [];
    this.#sink = undefined;
  }

  /** A loan ends with the call, so what is not parsed now has to be copied. */
  #keep(chunk: Buffer, from: number): void {
    if (from < chunk.length && !this.#stopped) this.#stash.push(Buffer.from(chunk.subarray(from)));
  }

  #parseUnlessHeld(chunk: Buffer): void {
    if (this.#held) this.#keep(chunk, 0);
    else this.#parse(chunk);
  }
  #parse(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#stopped) return;
      if (this.#held) {
        this.#keep(chunk, at);
        return;
      }
      const to = Math.min(chunk.length, at + this.#need - this.#have);
      this.#take(chunk, at, to);
      this.#have += to - at;
      at = to;
      if (this.#have === this.#need) this.#advance();
    }
  }

  #take(chunk: Buffer, from: number, to: number): void {
    switch (this.#state) {
      case IN_HEADER:
        chunk.copy(this.#header, this.#have, from, to);
        return;
      case IN_EXTENSION:
        chunk.copy(this.#header, bhsBytes + this.#have, from, to);
        return;
      case IN_DATA:
        if (this.dataDigest) this.#crc = crc32c(chunk.subarray(from, to), this.#crc);
        this.#sink?.land(chunk, from, to, this.#have);
        return;
      default:
        chunk.copy(this.#trailer, this.#have, from, to);
    }
  }

  /** The current part is whole: what comes next? */
  #advance(): void {
    switch (this.#state) {
      case IN_HEADER: {
        this.#checkLengths();
        const extension = ahsLengthOf(this.#bhs) + (this.headerDigest ? digestBytes : 0);
        if (extension > 0) this.#enter(IN_EXTENSION, extension);
        else this.#headerDone();
        return;
      }
      case IN_EXTENSION:
        this.#headerDone();
        return;
      case IN_DATA:
        this.#dataDone();
        return;
      default:
        this.#done(this.#digestMatches());
    }
  }
  #enter(state: number, need: number): void {
    this.#state = state;
    this.#have = 0;
    this.#need = need;
  }

  #checkLengths(): void {
    this.#segmentLength = dataSegmentLengthOf(this.#bhs);
    if (this.#segmentLength > this.segmentBytesMax) {
      throw new ProtocolError('segment-too-long', 'The data segment is longer than we declared to take', {
        length: this.#segmentLength,
        max: this.segmentBytesMax,
      });
    }
  }

  #headerDone(): void {
    const ahsLength = ahsLengthOf(this.#bhs);
    if (this.headerDigest) {
      const covered = this.#header.subarray(0, bhsBytes + ahsLength);
      if (crc32c(covered) !== this.#header.readUInt32LE(covered.length)) {
        // RFC 7143 7.7: the length fields cannot be trusted, so at level 0 the connection is gone.
        throw new ProtocolError('header-digest', 'The header digest does not match');
      }
    }
    const ahs = ahsLength === 0 ? this.#noAhs : this.#header.subarray(bhsBytes, bhsBytes + ahsLength);
    this.#sink = this.#receiver.header(this.#bhs, ahs);
    if (this.#segmentLength === 0) {
      this.#done(true);
      return;
    }
    this.#crc = 0;
    this.#enter(IN_DATA, this.#segmentLength);
  }

  #dataDone(): void {
    const padding = -this.#segmentLength & 3;
    const trailer = padding + (this.dataDigest ? digestBytes : 0);
    if (trailer > 0) this.#enter(IN_TRAILER, trailer);
    else this.#done(true);
  }
  #digestMatches(): boolean {
    if (!this.dataDigest) return true;
    const padding = -this.#segmentLength & 3;
    return crc32c(this.#trailer.subarray(0, padding), this.#crc) === this.#trailer.readUInt32LE(padding);
  }

  #done(intact: boolean): void {
    this.#enter(IN_HEADER, bhsBytes);
    this.#sink = undefined;
    if (!this.#stopped) this.#receiver.complete(intact);
  }
}
