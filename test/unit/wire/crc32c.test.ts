import test from 'ava';
import { crc32c } from '#wire';

/** Bit by bit, from the definition: the oracle. */
function slow(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78;
  }
  return ~crc >>> 0;
}

test('the vectors of RFC 3720 B.4', (t) => {
  t.is(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  t.is(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  t.is(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd794e);
  t.is(crc32c(Buffer.from('123456789')), 0xe3069283);
});
test('every length on both sides of the native limit, in one piece and in two', (t) => {
  const data = Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 131 + (i >> 3)) & 0xff));
  for (let length = 0; length <= data.length; length++) {
    const part = data.subarray(0, length);
    const expected = slow(part);
    t.is(crc32c(part), expected);
    const cut = (length * 7) % (length + 1);
    t.is(crc32c(part.subarray(cut), crc32c(part.subarray(0, cut))), expected);
  }
});
