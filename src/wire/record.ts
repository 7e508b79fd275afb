/**
 * record(): a table of fields becomes a codec, a mask of claimed bits and a reserved-bit check, over buffer-layout and
 * bitfield. Overlaps and fields outside the record are found when the module loads. Decoding, which every command begins with,
 * reads field by field: over buffer-layout it took five times as long.
 */
import { strict as assert } from 'node:assert';
import BitField from 'bitfield';
import lo from 'buffer-layout';
import { ProtocolError } from '../errors.js';
import type { Field, Fields, ValueOf } from './fields.js';

/** buffer-layout's own 64-bit layout rounds above 2^53. */
class U64BE extends lo.Layout<bigint> {
  constructor(property: string) {
    super(8, property);
  }
  override encode(value: bigint, target: Buffer, offset = 0): number {
    return target.writeBigUInt64BE(value, offset) - offset;
  }
}
class Ascii extends lo.Layout<string> {
  constructor(span: number, property: string) {
    super(span, property);
  }
  override encode(value: string, target: Buffer, offset = 0): number {
    assert(value.length <= this.span, `${this.property}: "${value}" exceeds ${this.span} bytes`);
    return target.write(value.padEnd(this.span), offset, 'latin1');
  }
}

export interface ReservedBit {
  readonly byte: number;
  readonly bit: number;
}

export interface RecordCodec<V> {
  readonly length: number;
  readonly fields: Fields;
  /** One bit per bit that some field claims. Everything else is reserved. */
  readonly mask: Uint8Array;
  /** Throws ProtocolError 'short' when `source` is too short. */
  decode(source: Buffer): V;
  /** A new zeroed Buffer with all fields. Every field must be given and fit. */
  encode(value: V): Buffer;
  /** First reserved bit set in `source`, as a sense field pointer wants it; undefined when clean. */
  reservedBitSet(source: Uint8Array): ReservedBit | undefined;
}

export function record<const F extends Fields>(length: number, fields: F): RecordCodec<ValueOf<F>> {
  const mask = claimedBits(length, fields);
  const layout = lower(length, fields);
  assert.equal(layout.span, length);
  const readers = Object.entries(fields).map(([name, field]) => ({ name, read: readerOf(field) }));
  return {
    length,
    fields,
    mask,
    decode: (source) => decode(length, readers, source) as ValueOf<F>,
    encode: (value) => encode(length, fields, layout, value),
    reservedBitSet: (source) => reservedBitSet(mask, source),
  };
}

type Layout = lo.Layout<Record<string, unknown>>;

interface Reader {
  readonly name: string;
  readonly read: (source: Buffer) => unknown;
}
function readerOf(field: Field<unknown>): (source: Buffer) => unknown {
  const { kind, byte, span, high, low } = field;
  const mask = 2 ** (high - low + 1) - 1;
  const bitsOf = (source: Buffer): number => ((source[byte] ?? 0) >> low) & mask;
  switch (kind) {
    case 'uint64':
      return (source) => source.readBigUInt64BE(byte);
    case 'ascii':
      return (source) => source.toString('latin1', byte, byte + span).trimEnd();
    case 'bytes':
      return (source) => source.subarray(byte, byte + span);
    case 'flag':
      return (source) => bitsOf(source) !== 0;
    case 'uint':
      return span === 1 ? bitsOf : (source) => source.readUIntBE(byte, span);
  }
}

function decode(length: number, readers: readonly Reader[], source: Buffer): Record<string, unknown> {
  if (source.length < length) {
    throw new ProtocolError('short', `Need ${length} bytes, got ${source.length}`, {
      length,
      got: source.length,
    });
  }
  const value: Record<string, unknown> = {};
  for (const { name, read } of readers) value[name] = read(source);
  return value;
}

function encode(
  length: number,
  fields: Fields,
  layout: Layout,
  value: Readonly<Record<string, unknown>>,
): Buffer {
  const target = Buffer.alloc(length); // zeroed: buffer-layout leaves gaps untouched
  const grouped: Record<string, unknown> = { ...value };
  for (const [name, field] of Object.entries(fields)) {
    assert(grouped[name] !== undefined, `field ${name} is missing`); // buffer-layout would skip it silently
    if (!isBits(field)) continue;
    const group = (grouped[`@${field.byte}`] ??= {}) as Record<string, number>;
    const number = Number(grouped[name]);
    assert(number >= 0 && number < 2 ** (field.high - field.low + 1), `${name}=${number} does not fit`);
    group[name] = number;
  }
  layout.encode(grouped, target);
  return target;
}

function reservedBitSet(mask: Uint8Array, source: Uint8Array): ReservedBit | undefined {
  for (let byte = 0; byte < mask.length; byte++) {
    const stray = (source[byte] ?? 0) & ~(mask[byte] ?? 0);
    if (stray !== 0) return { byte, bit: 31 - Math.clz32(stray) };
  }
  return undefined;
}

const isBits = (field: Field<unknown>): boolean => field.span === 1 && (field.high !== 7 || field.low !== 0);

function claimedBits(length: number, fields: Fields): Uint8Array {
  const claimed = new BitField(length * 8); // counts bits from the top of byte 0, as T10 draws them
  for (const [name, { byte, span, high, low }] of Object.entries(fields)) {
    assert(byte + span <= length, `field ${name} ends beyond byte ${length - 1}`);
    for (let bit = byte * 8 + (7 - high); bit <= (byte + span - 1) * 8 + (7 - low); bit++) {
      assert(!claimed.get(bit), `field ${name} overlaps another at byte ${bit >> 3} bit ${7 - (bit % 8)}`);
      claimed.set(bit);
    }
  }
  return claimed.buffer;
}

/** The table as a buffer-layout structure: bit fields grouped per byte, gaps made explicit. */
function lower(length: number, fields: Fields): Layout {
  const byByte = new Map<number, [string, Field<unknown>][]>();
  for (const entry of Object.entries(fields)) {
    byByte.set(entry[1].byte, [...(byByte.get(entry[1].byte) ?? []), entry]);
  }
  const members: lo.Layout<unknown>[] = [];
  for (let byte = 0; byte < length;) {
    const here = byByte.get(byte);
    const first = here?.[0];
    if (here === undefined || first === undefined) {
      members.push(lo.u8());
      byte += 1;
      continue;
    }
    members.push(isBits(first[1]) ? bitGroup(byte, here) : leaf(first[0], first[1]));
    byte += first[1].span;
  }
  return lo.struct(members as lo.Layout<never>[]);
}

function bitGroup(byte: number, entries: readonly [string, Field<unknown>][]): lo.Layout<unknown> {
  const group = lo.bits(lo.u8(), true, `@${byte}`);
  let next = 7;
  for (const [name, field] of entries.toSorted((a, b) => b[1].high - a[1].high)) {
    if (next > field.high) group.addField(next - field.high);
    group.addField(field.high - field.low + 1, name);
    next = field.low - 1;
  }
  return group;
}

function leaf(name: string, field: Field<unknown>): lo.Layout<unknown> {
  switch (field.kind) {
    case 'uint64':
      return new U64BE(name);
    case 'ascii':
      return new Ascii(field.span, name);
    case 'bytes':
      return lo.blob(field.span, name);
    case 'flag':
    case 'uint': {
      const make = [undefined, lo.u8, lo.u16be, lo.u24be, lo.u32be, lo.u40be, lo.u48be][field.span];
      assert(make !== undefined, `no unsigned layout of ${field.span} bytes`);
      return make(name);
    }
  }
}
