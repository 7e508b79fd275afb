/** Fields of a big-endian structure, written the way T10 tables print them: byte, then bit 7 … 0. */
export type Bit = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
export type Kind = 'flag' | 'uint' | 'uint64' | 'bytes' | 'ascii';

export interface Field<T> {
  readonly kind: Kind;
  readonly byte: number;
  /** Bytes occupied; bit fields always occupy one. */
  readonly span: number;
  readonly high: Bit;
  readonly low: Bit;
  /** Phantom: carries the decoded type, never present at run time. */
  readonly type?: T;
}
export type Fields = Readonly<Record<string, Field<unknown>>>;
export type ValueOf<F extends Fields> = { -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

const whole = <T>(kind: Kind, byte: number, span: number): Field<T> => ({
  kind,
  byte,
  span,
  high: 7,
  low: 0,
});

/** One bit. */
export const flag = (byte: number, bit: Bit): Field<boolean> => ({
  kind: 'flag',
  byte,
  span: 1,
  high: bit,
  low: bit,
});
/** An unsigned number inside one byte: `bits(2, 7, 6)` is byte 2, bits 7 and 6. */
export const bits = (byte: number, high: Bit, low: Bit): Field<number> => ({
  kind: 'uint',
  byte,
  span: 1,
  high,
  low,
});
export const u8 = (byte: number): Field<number> => whole('uint', byte, 1);
export const u16 = (byte: number): Field<number> => whole('uint', byte, 2);
export const u24 = (byte: number): Field<number> => whole('uint', byte, 3);
export const u32 = (byte: number): Field<number> => whole('uint', byte, 4);
export const u40 = (byte: number): Field<number> => whole('uint', byte, 5);
export const u48 = (byte: number): Field<number> => whole('uint', byte, 6);
export const u64 = (byte: number): Field<bigint> => whole('uint64', byte, 8);
/** Raw bytes; decoded as a view on the source. */
export const bytes = (byte: number, span: number): Field<Uint8Array> => whole('bytes', byte, span);
/** Left-justified, padded with blanks. */
export const ascii = (byte: number, span: number): Field<string> => whole('ascii', byte, span);
