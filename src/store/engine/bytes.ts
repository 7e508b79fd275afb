/**
 * Bytes on disk, little-endian, written and read field by field. Reading checks every length: what lies on a disk is input,
 * and damage of it becomes StoreError 'corrupt'.
 */
import { StoreError } from '../../errors.js';

const high = 0x1_0000_0000;

export class ByteWriter {
  #buffer = Buffer.alloc(4096);
  #length = 0;

  get length(): number {
    return this.#length;
  }
  #room(bytes: number): number {
    const at = this.#length;
    const end = at + bytes;
    if (end > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(end, 2 * this.#buffer.length));
      this.#buffer.copy(grown, 0, 0, at);
      this.#buffer = grown;
    }
    this.#length = end;
    return at;
  }
  u8(value: number): this {
    const at = this.#room(1);
    this.#buffer.writeUInt8(value, at);
    return this;
  }
  u16(value: number): this {
    const at = this.#room(2);
    this.#buffer.writeUInt16LE(value, at);
    return this;
  }
  u32(value: number): this {
    const at = this.#room(4);
    this.#buffer.writeUInt32LE(value, at);
    return this;
  }
  u64(value: number): this {
    const at = this.#room(8);
    this.#buffer.writeUInt32LE(value % high, at);
    this.#buffer.writeUInt32LE(Math.floor(value / high), at + 4);
    return this;
  }
  /** Seven bits a byte, lowest first. */
  varint(value: number): this {
    let rest = value;
    while (rest >= 128) {
      this.u8((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    return this.u8(rest);
  }
  raw(bytes: Uint8Array): this {
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }
  /** With its length in front. */
  block(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }
  text(value: string): this {
    return this.block(Buffer.from(value, 'utf8'));
  }
  /** A view of what was written. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

export class ByteReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;

  constructor(bytes: Buffer, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }
  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }
  #take(bytes: number): number {
    const at = this.#at;
    if (bytes > this.#bytes.length - at) throw this.corrupt('ends early');
    this.#at = at + bytes;
    return at;
  }
  corrupt(how: string): StoreError {
    const facts = { what: this.#what, at: this.#at };
    return new StoreError('corrupt', `${this.#what} ${how}`, facts);
  }
  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }
  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2));
  }
  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }
  u64(): number {
    const at = this.#take(8);
    return this.#bytes.readUInt32LE(at) + this.#bytes.readUInt32LE(at + 4) * high;
  }
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 128;
    }
    throw this.corrupt('holds a number that is too large');
  }
  /** A view. */
  raw(bytes: number): Buffer {
    const at = this.#take(bytes);
    return this.#bytes.subarray(at, at + bytes);
  }
  block(): Buffer {
    return this.raw(this.varint());
  }
  text(): string {
    return this.block().toString('utf8');
  }
  /** How many items follow; each takes at least a byte, so damage cannot make us loop. */
  count(): number {
    const count = this.varint();
    if (count > this.#bytes.length - this.#at) throw this.corrupt('counts more than it holds');
    return count;
  }
}
