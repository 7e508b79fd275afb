/**
 * XDR (RFC 4506) as combinators: a codec reads and writes one type, and TypeScript infers that type from the table.
 *
 * Versions of NDMP differ in fields, enums and a few shapes; a codec asks the reader or writer which version is spoken, so
 * one row describes a message in all of them (`since`, `until`, `only`, `perVersion`).
 *
 * Everything read is checked against what is there, and against a limit that the table gives; nothing is taken because a
 * count said so. Padding of any value is accepted and zeros are written. Bytes that are read are views of the message.
 */
import { ProtocolError } from '#errors';

export type NdmpVersion = 2 | 3 | 4;

export type XdrErrorCode = 'short' | 'long' | 'limit' | 'value' | 'unencodable';

/** A message body that is not what its table says: header error XDR_DECODE; `unencodable` is ours, XDR_ENCODE. */
export class XdrError extends ProtocolError {
  declare readonly code: XdrErrorCode;
  constructor(code: XdrErrorCode, message: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(code, message, facts);
  }
}

/** Both directions of one type. `empty` is what a refused reply carries: zeros. */
export interface Xdr<T> {
  read(from: XdrReader): T;
  write(to: XdrWriter, value: T): void;
  empty(): T;
}
export type Infer<X> = X extends Xdr<infer T> ? T : never;

const paddingOf = (length: number): number => -length & 3;

export class XdrReader {
  readonly version: NdmpVersion;
  readonly #source: Buffer;
  #offset = 0;

  constructor(source: Buffer, version: NdmpVersion) {
    this.#source = source;
    this.version = version;
  }
  get left(): number {
    return this.#source.length - this.#offset;
  }
  u32(): number {
    return this.#source.readUInt32BE(this.#advance(4));
  }
  i32(): number {
    return this.#source.readInt32BE(this.#advance(4));
  }
  u64(): bigint {
    return this.#source.readBigUInt64BE(this.#advance(8));
  }
  /** `length` bytes and their padding: a view. */
  bytes(length: number): Buffer {
    const at = this.#advance(length + paddingOf(length));
    return this.#source.subarray(at, at + length);
  }
  /** A length or a count, which must not be above `max`. */
  count(max: number, what: string): number {
    const count = this.u32();
    if (count > max) throw new XdrError('limit', `${what} of ${count}, limit ${max}`, { count, max });
    return count;
  }
  /** Ignores what is left: the rest of a union whose arm we do not know. */
  skipRest(): void {
    this.#offset = this.#source.length;
  }
  finish(): void {
    if (this.left !== 0) throw new XdrError('long', `${this.left} bytes after the message`);
  }
  #advance(length: number): number {
    const at = this.#offset;
    if (length > this.#source.length - at) {
      throw new XdrError('short', `${length} bytes wanted at ${at}, ${this.#source.length - at} are there`);
    }
    this.#offset = at + length;
    return at;
  }
}

/** Longer bytes are referred to, not copied. */
const copiedBytesMax = 4096;
const blockBytesMin = 256;
const blockBytesMax = 64 * 1024;
const zeros = Buffer.alloc(4);

/** Collects a message as slices. Long bytes are not copied: they must not change until the slices are sent. */
export class XdrWriter {
  readonly version: NdmpVersion;
  readonly #slices: Uint8Array[] = [];
  #block = Buffer.alloc(blockBytesMin);
  /** Of the block: what is written, and what is among the slices already. */
  #at = 0;
  #taken = 0;
  #length = 0;

  constructor(version: NdmpVersion) {
    this.version = version;
  }
  get length(): number {
    return this.#length;
  }
  u32(value: number): void {
    const at = this.#room(4);
    this.#block.writeUInt32BE(value, at);
  }
  i32(value: number): void {
    const at = this.#room(4);
    this.#block.writeInt32BE(value, at);
  }
  u64(value: bigint): void {
    const at = this.#room(8);
    this.#block.writeBigUInt64BE(value, at);
  }
  /** The bytes, then padding for `length` bytes in all. */
  bytes(pieces: readonly Uint8Array[], length: number): void {
    for (const piece of pieces) {
      if (piece.length > copiedBytesMax) this.#refer(piece);
      else this.#copy(piece);
    }
    this.#copy(zeros.subarray(0, paddingOf(length)));
  }
  /** All of it, in order. The writer is done with. */
  slices(): readonly Uint8Array[] {
    this.#cut();
    return this.#slices;
  }

  #copy(piece: Uint8Array): void {
    const at = this.#room(piece.length);
    this.#block.set(piece, at);
  }
  #refer(piece: Uint8Array): void {
    this.#cut();
    this.#slices.push(piece);
    this.#length += piece.length;
  }
  #cut(): void {
    if (this.#at > this.#taken) this.#slices.push(this.#block.subarray(this.#taken, this.#at));
    this.#taken = this.#at;
  }
  /** Where `length` bytes can be written, in one block. */
  #room(length: number): number {
    if (this.#at + length > this.#block.length) {
      this.#cut();
      this.#block = Buffer.alloc(Math.max(length, Math.min(this.#block.length * 2, blockBytesMax)));
      this.#at = 0;
      this.#taken = 0;
    }
    const at = this.#at;
    this.#at += length;
    this.#length += length;
    return at;
  }
}

// --- numbers ------------------------------------------------------------------------------------------------------------

export const u32: Xdr<number> = {
  read: (from) => from.u32(),
  write: (to, value) => to.u32(value),
  empty: () => 0,
};
export const u64: Xdr<bigint> = {
  read: (from) => from.u64(),
  write: (to, value) => to.u64(value),
  empty: () => 0n,
};
/** `short`: four bytes with a sign. */
export const i16: Xdr<number> = {
  read: (from) => checked(from.i32(), -0x8000, 0x7fff),
  write: (to, value) => to.i32(value),
  empty: () => 0,
};
/** `u_short`: four bytes of which two count. */
export const u16: Xdr<number> = {
  read: (from) => checked(from.u32(), 0, 0xffff),
  write: (to, value) => to.u32(value),
  empty: () => 0,
};
/** `u_char`: four bytes of which one counts. */
export const u8: Xdr<number> = {
  read: (from) => checked(from.u32(), 0, 0xff),
  write: (to, value) => to.u32(value),
  empty: () => 0,
};
function checked(value: number, min: number, max: number): number {
  if (value < min || value > max) throw new XdrError('value', `${value} is not in ${min} … ${max}`);
  return value;
}
const u32Max = 0xffff_ffff;
/** Times and counts that come from a file system: what does not fit becomes the nearest that does. */
export const clamped: Xdr<number> = {
  read: (from) => from.u32(),
  write: (to, value) => to.u32(Math.min(Math.max(0, Math.trunc(value)), u32Max)),
  empty: () => 0,
};

// --- bytes --------------------------------------------------------------------------------------------------------------

/** `opaque<max>`, and `string<max>` where the bytes are not text for us. */
export const opaque = (max: number): Xdr<Buffer> => ({
  read: (from) => from.bytes(from.count(max, 'bytes')),
  write(to, value) {
    to.u32(value.length);
    to.bytes([value], value.length);
  },
  empty: () => Buffer.alloc(0),
});
/** `opaque<max>` written from several pieces, such as the slices of a slab; read as one. */
export const pieces = (max: number): Xdr<readonly Uint8Array[]> => ({
  read: (from) => [from.bytes(from.count(max, 'bytes'))],
  write(to, value) {
    const length = value.reduce((sum, piece) => sum + piece.length, 0);
    to.u32(length);
    to.bytes(value, length);
  },
  empty: () => [],
});
/** `opaque[length]`: no count. */
export const fixed = (length: number): Xdr<Buffer> => ({
  read: (from) => from.bytes(length),
  write(to, value) {
    if (value.length !== length) throw new XdrError('unencodable', `${value.length} bytes, not ${length}`);
    to.bytes([value], length);
  },
  empty: () => Buffer.alloc(length),
});
/** `string<max>` as text; bytes that are not UTF-8 become U+FFFD. */
export const text = (max: number): Xdr<string> => ({
  read: (from) => from.bytes(from.count(max, 'string')).toString('utf8'),
  write(to, value) {
    const bytes = Buffer.from(value, 'utf8');
    to.u32(bytes.length);
    to.bytes([bytes], bytes.length);
  },
  empty: () => '',
});

// --- arrays, structures, unions -----------------------------------------------------------------------------------------

/** `T<max>`. Every item takes bytes, so reading ends with the message whatever the count says. */
export const array = <T>(item: Xdr<T>, max: number): Xdr<readonly T[]> => ({
  read(from) {
    const count = from.count(max, 'array');
    const items: T[] = [];
    while (items.length < count) items.push(item.read(from));
    return items;
  },
  write(to, value) {
    to.u32(value.length);
    for (const one of value) item.write(to, one);
  },
  empty: () => [],
});

export type Members = Readonly<Record<string, Xdr<unknown>>>;
export type StructOf<M extends Members> = { readonly [K in keyof M]: Infer<M[K]> };

/** Fields in the order in which they travel. */
export function struct<const M extends Members>(members: M): Xdr<StructOf<M>> {
  const entries = Object.entries(members);
  return {
    read(from) {
      const value: Record<string, unknown> = {};
      for (const [name, codec] of entries) value[name] = codec.read(from);
      return value as StructOf<M>; // each field was read by its codec
    },
    write(to, value) {
      const fields: Readonly<Record<string, unknown>> = value;
      for (const [name, codec] of entries) codec.write(to, fields[name]);
    },
    empty: () => Object.fromEntries(entries.map(([name, codec]) => [name, codec.empty()])) as StructOf<M>,
  };
}
/** No fields. */
export const nothing = struct({});

/** Another type on our side of the same bytes. */
export const mapped = <T, U>(codec: Xdr<T>, decode: (value: T) => U, encode: (value: U) => T): Xdr<U> => ({
  read: (from) => decode(codec.read(from)),
  write: (to, value) => codec.write(to, encode(value)),
  empty: () => decode(codec.empty()),
});

// --- versions -----------------------------------------------------------------------------------------------------------

/** A codec for each version, of one type. */
export const perVersion = <T>(codecs: Readonly<Record<NdmpVersion, Xdr<T>>>): Xdr<T> => ({
  read: (from) => codecs[from.version].read(from),
  write: (to, value) => codecs[to.version].write(to, value),
  empty: () => codecs[4].empty(),
});
const where = <T>(has: (version: NdmpVersion) => boolean, codec: Xdr<T>, absent: () => T): Xdr<T> => ({
  read: (from) => (has(from.version) ? codec.read(from) : absent()),
  write(to, value) {
    if (has(to.version)) codec.write(to, value);
  },
  empty: () => codec.empty(),
});
/** A field that versions before `first` do not have: reading gives `absent`, or the empty value. */
export const since = <T>(first: NdmpVersion, codec: Xdr<T>, absent?: T): Xdr<T> =>
  where(
    (version) => version >= first,
    codec,
    () => absent ?? codec.empty(),
  );
/** A field that versions after `last` do not have. */
export const until = <T>(last: NdmpVersion, codec: Xdr<T>, absent?: T): Xdr<T> =>
  where(
    (version) => version <= last,
    codec,
    () => absent ?? codec.empty(),
  );
/** A field of one version. */
export const only = <T>(version: NdmpVersion, codec: Xdr<T>, absent?: T): Xdr<T> =>
  where(
    (spoken) => spoken === version,
    codec,
    () => absent ?? codec.empty(),
  );
