/** Types for the untyped package, as far as we use it. Only src/wire may import it. */
declare module 'buffer-layout' {
  export class Layout<T> {
    constructor(span: number, property?: string);
    span: number;
    property?: string;
    decode(source: Buffer, offset?: number): T;
    encode(value: T, target: Buffer, offset?: number): number;
  }
  export class BitStructure extends Layout<Record<string, unknown>> {
    addField(bits: number, property?: string): unknown;
  }
  export function u8(property?: string): Layout<number>;
  export function u16be(property?: string): Layout<number>;
  export function u24be(property?: string): Layout<number>;
  export function u32be(property?: string): Layout<number>;
  export function u40be(property?: string): Layout<number>;
  export function u48be(property?: string): Layout<number>;
  export function blob(length: number, property?: string): Layout<Uint8Array>;
  export function bits(word: Layout<number>, msb: boolean, property?: string): BitStructure;
  export function struct(fields: Layout<never>[], property?: string): Layout<Record<string, unknown>>;
}
