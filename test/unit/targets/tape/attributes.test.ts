import test from 'ava';
import { hex, senseText, TapeBench } from '#support';

/** Expectations: SPC-5 6.18, 6.49 and 7.4; LTO attribute identifiers. */

const readCdb = (action: number, first = 0, partition = 0, length = 0x8000): string =>
  `8c ${hex(action)} 0000 00 00 00 ${hex(partition)} ${hex(first, 4)} ${hex(length, 8)} 00 00`;
const writeCdb = (length: number, partition = 0): string =>
  `8d 00 0000 00 00 00 ${hex(partition)} 0000 ${hex(length, 8)} 00 00`;

interface Attribute {
  readonly flags: number;
  readonly value: Buffer;
}
function parse(data: Buffer): Map<number, Attribute> {
  const found = new Map<number, Attribute>();
  for (let at = 4; at < data.length;) {
    const end = at + 5 + data.readUInt16BE(at + 3);
    found.set(data.readUInt16BE(at), { flags: data.readUInt8(at + 2), value: data.subarray(at + 5, end) });
    at = end;
  }
  return found;
}
function list(...attributes: readonly (readonly [number, number, Buffer])[]): Buffer {
  const body = Buffer.concat(
    attributes.map(([id, format, value]) =>
      Buffer.concat([
        Buffer.from([id >> 8, id & 0xff, format, value.length >> 8, value.length & 0xff]),
        value,
      ]),
    ),
  );
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  return Buffer.concat([header, body]);
}
async function write(bench: TapeBench, out: Buffer, partition = 0): Promise<string> {
  return senseText((await bench.send(writeCdb(out.length, partition), { out })).sense);
}

test('values: what drive and medium say of themselves', async (t) => {
  const bench = await TapeBench.make();
  const { data } = await bench.good(readCdb(0));
  t.is(data.readUInt32BE(0), data.length - 4);
  const found = parse(data);
  t.is(found.get(0x0001)?.value.readBigUInt64BE(), BigInt(Math.floor(100e6 / 2 ** 20)));
  t.is(found.get(0x0000)?.flags, 0x80, 'read only, binary');
  t.is(found.get(0x0400)?.flags, 0x81, 'read only, ASCII');
  t.is(found.get(0x0401)?.value.length, 32);
  t.is(found.get(0x0405)?.value.toString('hex'), '5e');
  t.is(found.get(0x020a)?.value.toString('latin1').trimEnd(), 'IBM     TS00000001');
  t.is(found.get(0x0806)?.value.toString('latin1').trimEnd(), 'TS0001L8');
  t.deepEqual(
    [...found.keys()],
    [...found.keys()].toSorted((a, b) => a - b),
  );
});

test('from the first attribute on; one that is not there is refused', async (t) => {
  const bench = await TapeBench.make();
  t.is([...parse((await bench.good(readCdb(0, 0x0400))).data).keys()][0], 0x0400);
  const { sense } = await bench.send(readCdb(0, 0x0123));
  t.is(senseText(sense), '5 24/00');
  t.is(sense?.fieldByte, 8);
});

test('lists: attributes, supported ones, volumes, partitions', async (t) => {
  const bench = await TapeBench.make();
  const ids = (data: Buffer): number[] =>
    Array.from({ length: (data.length - 4) / 2 }, (_, index) => data.readUInt16BE(4 + 2 * index));
  const there = ids((await bench.good(readCdb(1))).data);
  const supported = ids((await bench.good(readCdb(5))).data);
  t.false(there.includes(0x0803));
  t.true(supported.includes(0x0803));
  t.true(there.every((id) => supported.includes(id)));
  t.is((await bench.good(readCdb(2))).data.toString('hex'), '00020001');
  t.is((await bench.good(readCdb(3))).data.toString('hex'), '00020001');
  t.is(senseText((await bench.send(readCdb(4))).sense), '5 24/00');
});

test('host attributes: written, read back, kept over unloading, removed by length 0', async (t) => {
  const bench = await TapeBench.make();
  const label = Buffer.from('my label'.padEnd(160));
  t.is(await write(bench, list([0x0801, 1, Buffer.from('backup')], [0x0803, 2, label])), 'good');
  await bench.good('1b 00 00 00 00 00');
  await bench.good('1b 00 00 00 01 00');
  bench.calm(bench.nexus);
  const found = parse((await bench.good(readCdb(0))).data);
  t.deepEqual(found.get(0x0803)?.value, label);
  t.is(found.get(0x0803)?.flags, 0x02);
  t.is(found.get(0x0801)?.value.toString(), 'backup'.padEnd(32));
  t.is(await write(bench, list([0x0803, 2, Buffer.alloc(0)])), 'good');
  t.false(parse((await bench.good(readCdb(0))).data).has(0x0803));
});

test('attributes of a partition are its own (LTFS coherency)', async (t) => {
  const bench = await TapeBench.make();
  const page = Buffer.from(
    '00001000' + '110a03013c0300000000ffff'.replace('0300000000ffff', '030600000affff'),
    'hex',
  );
  await bench.good(`15 10 00 00 ${hex(page.length)} 00`, { out: page });
  await bench.good('04 00 01 0000 00');
  const value = Buffer.alloc(70, 7);
  t.is(await write(bench, list([0x080c, 0, value]), 1), 'good');
  t.deepEqual(parse((await bench.good(readCdb(0, 0x080c, 1))).data).get(0x080c)?.value, value);
  t.false(parse((await bench.good(readCdb(0))).data).has(0x080c));
  t.is((await bench.send(readCdb(0, 0, 2))).sense?.fieldByte, 7);
});

test('what cannot be written is refused, and nothing of the list is', async (t) => {
  const bench = await TapeBench.make();
  const good: readonly [number, number, Buffer] = [0x0801, 1, Buffer.from('backup')];
  for (const [what, out, expected] of [
    ['read only', list([0x0400, 1, Buffer.from('EVIL')], good), '5 26/00'],
    ['unknown', list(good, [0x0a00, 0, Buffer.from('x')]), '5 26/00'],
    ['format', list(good, [0x0803, 0, Buffer.alloc(160)]), '5 26/00'],
    ['too long', list(good, [0x0805, 0, Buffer.alloc(2)]), '5 26/00'],
    ['descending', list([0x0802, 1, Buffer.from('1')], good), '5 26/00'],
    ['length of the list', Buffer.concat([list(good), Buffer.alloc(3)]), '5 1a/00'],
    ['cut short', list(good).subarray(0, 9), '5 1a/00'],
  ] as const) {
    t.is(await write(bench, out), expected, what);
  }
  t.false(parse((await bench.good(readCdb(0))).data).has(0x0801));
});

test('the memory is finite', async (t) => {
  const bench = await TapeBench.make();
  let answer = 'good';
  for (let id = 0x1400; id < 0x1420 && answer === 'good'; id++) {
    answer = await write(bench, list([id, 0, Buffer.alloc(1000)]));
  }
  t.is(answer, '5 55/06');
});

test('without a cartridge there are no attributes', async (t) => {
  const bench = await TapeBench.make({ cartridge: 'none' });
  t.is(senseText((await bench.send(readCdb(0))).sense), '2 3a/00');
});
