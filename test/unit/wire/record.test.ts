import test from 'ava';
import fc from 'fast-check';
import { ascii, bits, bytes, flag, record, u16, u24, u32, u48, u64, u8 } from '#wire';

const sample = record(32, {
  opcode: u8(0),
  high: bits(1, 7, 5),
  on: flag(1, 3),
  low: bits(1, 1, 0),
  two: u16(2),
  three: u24(4),
  four: u32(8),
  eight: u64(12),
  six: u48(20),
  name: ascii(26, 4),
  raw: bytes(30, 2),
});
const value = {
  opcode: 0x12, high: 5, on: true, low: 2, two: 0xbeef, three: 0x010203, four: 0xfffefdfc,
  eight: 0xffff_ffff_ffff_fff0n, six: 0x0102_0304_0506, name: 'AB', raw: Buffer.from([9, 8]),
}; // prettier-ignore
const hex = '12aabeef0102030' + '0fffefdfcfffffffffffffff00102030405064142202009' + '08';

test('fields lie where the table says', (t) => {
  t.is(sample.encode(value).toString('hex'), hex);
  t.deepEqual({ ...sample.decode(Buffer.from(hex, 'hex')), raw: [9, 8] } as unknown, {
    ...value,
    raw: [9, 8],
  });
});
test('decoding twice and encoding what was decoded are stable', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (source) => {
      const masked = Buffer.from(source.map((byte, index) => byte & (sample.mask[index] ?? 0)));
      masked.fill(0x41, 26, 30); // padded text is not kept bit by bit
      const again = sample.encode(sample.decode(masked));
      return again.equals(masked);
    }),
  );
  t.pass();
});
test('a reserved bit is found with its byte and bit', (t) => {
  const clean = Buffer.from(hex, 'hex');
  t.is(sample.reservedBitSet(clean), undefined);
  clean[1] = (clean[1] ?? 0) | 0x10;
  t.deepEqual(sample.reservedBitSet(clean), { byte: 1, bit: 4 });
  clean[1] = 0;
  clean[7] = 0x81;
  t.deepEqual(sample.reservedBitSet(clean), { byte: 7, bit: 7 });
});
test('overlaps, fields outside and values that do not fit are refused', (t) => {
  t.throws(() => record(4, { a: u16(0), b: flag(1, 0) }), { message: /overlaps/ });
  t.throws(() => record(4, { a: u32(1) }), { message: /ends beyond/ });
  t.throws(() => sample.encode({ ...value, high: 8 }), { message: /does not fit/ });
  t.throws(() => sample.encode({ ...value, name: 'TOO LONG' }), { message: /exceeds/ });
});
test('a short source is a protocol error, never fewer bytes', (t) => {
  t.throws(() => sample.decode(Buffer.alloc(31)), { code: 'short' });
});
