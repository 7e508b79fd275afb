/**
 * modePage(): one row per mode page. Its four images, the mask of changeable bits and the MODE SELECT check with the
 * offending byte all follow from the row (SPC-5 7.5).
 */
import { strict as assert } from 'node:assert';
import { record, type Bit, type Fields, type ValueOf } from '#wire';

export interface ModePageSpec<F extends Fields> {
  readonly page: number;
  /** Given, even as 0, makes a page in sub_page format; absent: page_0 format. */
  readonly subpage?: number;
  readonly name: string;
  /** Standard and section. */
  readonly spec: string;
  /** Bytes of the whole page, with its header of two or four bytes. */
  readonly length: number;
  /** Bytes that MODE SELECT must send at least, if fewer than `length`; what is not sent keeps its value. */
  readonly lengthMin?: number;
  /** Bytes are counted from the first byte of the header, as the tables of the standards do. */
  readonly fields: F;
  readonly defaults: ValueOf<F>;
  readonly changeable: readonly (keyof F & string)[];
  /** MODE SELECT with SP = 1 saves it (PS = 1). False when absent. */
  readonly saveable?: boolean;
  /** The first field whose changed value is not acceptable. */
  readonly check?: (value: ValueOf<F>) => (keyof F & string) | undefined;
}

export interface BadField {
  readonly badByte: number;
  readonly badBit: Bit;
}

export interface ModePage<V = Readonly<Record<string, unknown>>> {
  readonly page: number;
  readonly subpage: number;
  readonly name: string;
  readonly spec: string;
  readonly length: number;
  readonly lengthMin: number;
  readonly fields: Fields;
  readonly defaults: V;
  readonly changeable: readonly string[];
  readonly saveable: boolean;
  /** Bytes of the page with PS = 0. */
  image(value: V): Buffer;
  /** The page with a one in each bit of these fields: what MODE SENSE shows as changeable values. */
  mask(changeable: readonly string[]): Buffer;
  decode(image: Buffer): V;
  /** The value that a sent page gives, or where it asks for something that cannot be. */
  select(current: V, sent: Buffer, changeable: readonly string[]): V | BadField;
}

export function modePage<const F extends Fields>(spec: ModePageSpec<F>): ModePage<ValueOf<F>> {
  assert(spec.page < 0x3f && (spec.subpage ?? 0) < 0xff, `${spec.name}: 3Fh and FFh mean all pages`);
  const body = record(spec.length, spec.fields);
  const header = headerOf(spec);
  const image = (value: ValueOf<F>): Buffer => withHeader(header, body.encode(value));
  assert(
    body.mask.subarray(0, header.length).every((byte) => byte === 0),
    `${spec.name}: the header is no field`,
  );
  const page: ModePage<ValueOf<F>> = {
    page: spec.page,
    subpage: spec.subpage ?? 0,
    name: spec.name,
    spec: spec.spec,
    length: spec.length,
    lengthMin: spec.lengthMin ?? spec.length,
    fields: spec.fields,
    defaults: spec.defaults,
    changeable: spec.changeable,
    saveable: spec.saveable ?? false,
    image,
    mask: (names) => withHeader(header, Buffer.from(record(spec.length, pick(spec.fields, names)).mask)),
    decode: (source) => body.decode(source),
    select(current, sent, names) {
      const now = image(current);
      const mask = this.mask(names);
      const bad = firstDifference(now, sent, mask, header.length);
      if (bad !== undefined) return bad;
      sent.copy(now, header.length, header.length);
      const value = body.decode(now);
      const field = spec.check?.(value);
      return field === undefined ? value : badField(spec.fields, field);
    },
  };
  image(spec.defaults); // a default that does not fit is a mistake in the table: found when it loads
  return page;
}

/** The first bit that differs between what is and what was sent, and may not. */
function firstDifference(now: Buffer, sent: Buffer, mask: Buffer, from: number): BadField | undefined {
  for (let byte = from; byte < sent.length; byte++) {
    const wrong = ((sent[byte] ?? 0) ^ (now[byte] ?? 0)) & ~(mask[byte] ?? 0) & 0xff;
    if (wrong !== 0) return { badByte: byte, badBit: (31 - Math.clz32(wrong)) as Bit }; // one of eight bits
  }
  return undefined;
}

function badField(fields: Fields, name: string): BadField {
  const field = fields[name];
  assert(field !== undefined, `${name} is a field`);
  return { badByte: field.byte, badBit: field.high };
}

function headerOf(spec: { page: number; subpage?: number; length: number }): Buffer {
  if (spec.subpage === undefined) return Buffer.from([spec.page, spec.length - 2]);
  const header = Buffer.from([spec.page | 0x40, spec.subpage, 0, 0]);
  header.writeUInt16BE(spec.length - 4, 2);
  return header;
}
function withHeader(header: Buffer, target: Buffer): Buffer {
  header.copy(target);
  return target;
}
const pick = (fields: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)));
