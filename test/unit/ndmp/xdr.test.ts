/** XDR by the examples of RFC 4506, and what a peer may get wrong. */
import fc from 'fast-check';
import test, { type ExecutionContext } from 'ava';
import { enumeration, openEnumeration } from '../../../src/ndmp/enumeration.js';
import { Ipv4, Ipv6 } from '../../../src/ndmp/ip-address.js';
import { readBody, writeBody } from '../../../src/ndmp/message.js';
import {
  array,
  clamped,
  fixed,
  i16,
  mapped,
  only,
  opaque,
  perVersion,
  pieces,
  since,
  struct,
  text,
  u16,
  u32,
  u64,
  u8,
  until,
  type NdmpVersion,
  type Xdr,
  XdrError,
  type XdrErrorCode,
  XdrReader,
  XdrWriter,
} from '../../../src/ndmp/xdr.js';

const write = <T>(codec: Xdr<T>, value: T, version: NdmpVersion = 4): string =>
  Buffer.concat(writeBody(codec, value, version)).toString('hex');
const read = <T>(codec: Xdr<T>, hex: string, version: NdmpVersion = 4): T =>
  readBody(codec, Buffer.from(hex.replaceAll(' ', ''), 'hex'), version);

/** The hex means the value, both ways. */
function same<T>(t: ExecutionContext, codec: Xdr<T>, hex: string, value: T, version: NdmpVersion = 4): void {
  t.is(write(codec, value, version), hex.replaceAll(' ', ''));
  t.deepEqual(read(codec, hex, version), value);
}
function refused(t: ExecutionContext, codec: Xdr<unknown>, hex: string, code: XdrErrorCode): void {
  t.is(t.throws(() => read(codec, hex), { instanceOf: XdrError }, hex).code, code);
}

test('numbers take four bytes, quads eight, the high word first', (t) => {
  same(t, u32, '00010203', 0x10203);
  same(t, u64, '00000001 00000002', 0x1_0000_0002n);
  same(t, u64, 'ffffffff ffffffff', 0xffff_ffff_ffff_ffffn);
  same(t, u16, '0000ffff', 0xffff);
  same(t, i16, 'ffffffff', -1);
  same(t, i16, '00007fff', 0x7fff);
  same(t, u8, '000000ff', 0xff);
  refused(t, u16, '00010000', 'value');
  refused(t, i16, '00008000', 'value');
  refused(t, i16, 'ffff7fff', 'value');
  refused(t, u8, '00000100', 'value');
  t.is(write(clamped, -5), '00000000');
  t.is(write(clamped, 2 ** 40), 'ffffffff');
  t.is(write(clamped, 1.9), '00000001');
});

test('bytes and strings have a length, and padding that is written as zeros and read as anything', (t) => {
  same(t, text(8), '00000005 68656c6c 6f000000', 'hello');
  same(t, opaque(8), '00000004 01020304', Buffer.from([1, 2, 3, 4]));
  same(t, opaque(8), '00000000', Buffer.alloc(0));
  same(t, fixed(3), '01020300', Buffer.from([1, 2, 3]));
  t.is(read(text(8), '00000001 61ffffff'), 'a');
  t.is(read(text(8), '00000001 ff000000'), '\ufffd');
  t.is(write(text(8), 'ü'), '00000002c3bc0000');
});

test('a length above the limit is refused before the bytes are looked for', (t) => {
  refused(t, text(8), '00000009', 'limit');
  refused(t, opaque(8), 'ffffffff', 'limit');
  refused(t, array(u32, 2), '00000003 00000000 00000000 00000000', 'limit');
});
test('what ends early and what goes on is refused', (t) => {
  refused(t, u32, '000000', 'short');
  refused(t, u64, '00000000 000000', 'short');
  refused(t, text(8), '00000005 68656c6c 6f00', 'short');
  refused(t, fixed(3), '010203', 'short');
  refused(t, array(u32, 2), '00000002 00000000', 'short');
  refused(t, u32, '00000000 00', 'long');
  refused(t, struct({}), '00000000', 'long');
});

test('fields travel in the order of the table', (t) => {
  const codec = struct({ b: u32, a: text(4), list: array(struct({ x: u8 }), 4) });
  same(t, codec, '00000007 00000001 71000000 00000002 00000001 00000002', {
    b: 7,
    a: 'q',
    list: [{ x: 1 }, { x: 2 }],
  });
  t.deepEqual(codec.empty(), { b: 0, a: '', list: [] });
});

test('a version has its fields and not those of others', (t) => {
  const codec = struct({
    always: u32,
    late: since(3, u32, 9),
    early: until(3, u32),
    one: only(3, u32, 8),
    shape: perVersion({ 2: u32, 3: u32, 4: mapped(u64, Number, BigInt) }),
  });
  const value = { always: 1, late: 2, early: 3, one: 4, shape: 5 };
  t.is(write(codec, value, 2), '000000010000000300000005');
  t.is(write(codec, value, 3), '0000000100000002000000030000000400000005');
  t.is(write(codec, value, 4), '00000001000000020000000000000005');
  t.deepEqual(read(codec, '00000001 00000003 00000005', 2), { ...value, late: 9, one: 8 });
  t.deepEqual(read(codec, '00000001 00000002 00000000 00000005', 4), { ...value, early: 0, one: 8 });
});

const Fruit = {
  apple: 0,
  pear: { value: 1, since: 3, instead: 'apple' },
  fig: { value: 2, until: 2 },
} as const;
test('an enumeration knows what each version has, and what stands for the rest', (t) => {
  const codec = enumeration(Fruit);
  same(t, codec, '00000001', 'pear', 3);
  t.is(write(codec, 'pear', 2), '00000000');
  same(t, codec, '00000002', 'fig', 2);
  t.throws(() => write(codec, 'fig', 3), { instanceOf: XdrError, code: 'unencodable' });
  t.throws(() => read(codec, '00000001', 2), { instanceOf: XdrError, code: 'value' });
  t.throws(() => read(codec, '00000002', 4), { instanceOf: XdrError, code: 'value' });
  t.is(codec.empty(), 'apple');
});
test('an open enumeration passes on what it does not know', (t) => {
  const codec = openEnumeration({ ...Fruit, other: { value: 5, also: 0x7fff_ffff } });
  same(t, codec, '0000007b', { unknown: 123 });
  same(t, codec, '00000001', { unknown: 1 }, 2);
  same(t, codec, '00000005', 'other');
  t.is(read(codec, '7fffffff'), 'other');
});

test('what is written later does not move what was written before, however long', (t) => {
  const codec = struct({ count: u32, parts: pieces(1 << 20), end: u32 });
  const arbitrary = fc.array(fc.uint8Array({ maxLength: 9000 }), { maxLength: 8 });
  fc.assert(
    fc.property(arbitrary, fc.uint8Array({ maxLength: 300 }), (parts, name) => {
      const all = Buffer.concat(parts);
      const to = new XdrWriter(4);
      opaque(300).write(to, Buffer.from(name));
      codec.write(to, { count: parts.length, parts, end: 7 });
      const length = to.length;
      const bytes = Buffer.concat(to.slices());
      t.is(bytes.length, length);
      const from = new XdrReader(bytes, 4);
      t.deepEqual(opaque(300).read(from), Buffer.from(name));
      const back = codec.read(from);
      t.is(Buffer.compare(Buffer.concat(back.parts), all), 0);
      t.deepEqual([back.count, back.end, from.left], [parts.length, 7, 0]);
    }),
    { numRuns: 300, seed: 4 },
  );
});

test('long bytes are referred to, not copied', (t) => {
  const long = Buffer.alloc(8192, 1);
  const slices = writeBody(opaque(8192), long, 4);
  t.true(slices.some((slice) => slice.buffer === long.buffer && slice.byteOffset === long.byteOffset));
});

test('IPv4 addresses read from their high byte', (t) => {
  same(t, Ipv4, '7f000001', '127.0.0.1');
  same(t, Ipv4, 'c0a80a63', '192.168.10.99');
  t.is(write(Ipv4, '::ffff:127.0.0.1'), '7f000001');
  for (const host of ['', 'localhost', '1.2.3', '1.2.3.256', '1.2.3.4.5', '::1'])
    t.throws(() => write(Ipv4, host), { instanceOf: XdrError, code: 'unencodable' }, host);
});
test('IPv6 addresses are written as RFC 5952 wants them', (t) => {
  for (const [host, hex] of [
    ['::', '00'.repeat(16)],
    ['::1', `${'00'.repeat(15)}01`],
    ['1::', `0001${'00'.repeat(14)}`],
    ['2001:db8::1:0:0:1', '20010db8000000000001000000000001'],
    ['2001:db8:0:1:1:1:1:1', '20010db8000000010001000100010001'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['2001:0:0:1::1', '20010000000000010000000000000001'],
  ] as const)
    same(t, Ipv6, hex, host);
  t.is(write(Ipv6, 'FE80::1%eth0'), `fe80${'00'.repeat(13)}01`);
  t.is(write(Ipv6, '::ffff:1.2.3.4'), `${'00'.repeat(10)}ffff01020304`);
  for (const host of [
    '',
    '1',
    '1:2:3:4:5:6:7',
    '1::2::3',
    'g::',
    '1:2:3:4:5:6:7:8:9',
    '::1.2.3.400',
    '1.2.3.4',
  ])
    t.throws(() => write(Ipv6, host), { instanceOf: XdrError, code: 'unencodable' }, host);
});
