/**
 * EntryLog: the bytes of a stream of small entries of one size: pieces in containers, and the newest bytes here. Nothing of it
 * is looked for among what is stored: such entries never repeat, and their columns compress by themselves.
 */
import { strict as assert } from 'node:assert';
import { type Piece, piecesUpTo } from './recipe.js';

export class EntryLog {
  readonly entryBytes: number;
  pieces: readonly Piece[];
  #rest = Buffer.alloc(0);
  #restBytes = 0;

  constructor(entryBytes: number, pieces: readonly Piece[] = [], rest: Buffer = Buffer.alloc(0)) {
    this.entryBytes = entryBytes;
    this.pieces = pieces;
    this.append(rest);
  }
  /** Where the bytes here begin. */
  get from(): number {
    return this.pieces.at(-1)?.end ?? 0;
  }
  get bytes(): number {
    return this.from + this.#restBytes;
  }
  copy(): EntryLog {
    return new EntryLog(this.entryBytes, this.pieces, this.slice(this.from, this.bytes));
  }
  append(bytes: Uint8Array): void {
    const end = this.#restBytes + bytes.length;
    if (end > this.#rest.length) {
      const grown = Buffer.alloc(Math.max(end, 2 * this.#rest.length, 4096));
      this.#rest.copy(grown, 0, 0, this.#restBytes);
      this.#rest = grown;
    }
    this.#rest.set(bytes, this.#restBytes);
    this.#restBytes = end;
  }
  /** A view of bytes that are here. */
  slice(from: number, to: number): Buffer {
    assert(from >= this.from && to <= this.bytes);
    return this.#rest.subarray(from - this.from, to - this.from);
  }
  truncate(end: number): void {
    assert(end >= 0 && end <= this.bytes);
    if (end >= this.from) {
      this.#restBytes = end - this.from;
      return;
    }
    this.pieces = piecesUpTo(this.pieces, end);
    this.#restBytes = 0;
  }
  /** What lay here up to their end is in these pieces now. */
  adopt(pieces: readonly Piece[]): void {
    const end = pieces.at(-1)?.end ?? 0;
    const rest = Buffer.from(this.slice(end, this.bytes));
    this.pieces = pieces;
    this.#rest = rest;
    this.#restBytes = rest.length;
  }
}
