import test from 'ava';
import { type AttributeChange, ATTRIBUTES } from '#vtl';
import { DriveBench } from './drive-bench.js';

const MiB = 1024 * 1024;
const text = (id: number, format: AttributeChange['format'], value: string): AttributeChange => ({
  id,
  format,
  value: Buffer.from(value),
});

test('the table is in order and has no id twice', (t) => {
  const ids = ATTRIBUTES.map(({ id }) => id);
  t.deepEqual(
    ids,
    [...new Set(ids)].toSorted((a, b) => a - b),
  );
});

test('attributes of devices are computed: capacity, loads, traffic, drives, change reference', async (t) => {
  const bench = new DriveBench();
  await bench.load('A00001L8', { sizeBytes: 100 * MiB });
  const number = (id: number): bigint => {
    const value = bench.drive.mam?.attribute(id, 0)?.value ?? Buffer.alloc(0);
    return BigInt(`0x${value.toString('hex')}`);
  };
  const ascii = (id: number): string | undefined =>
    bench.drive.mam?.attribute(id, 0)?.value.toString('latin1');
  t.is(number(0x0000), 100n);
  t.is(number(0x0001), 100n);
  t.is(number(0x0003), 1n);
  const reference = number(0x0009);
  await bench.write(Buffer.alloc(10 * MiB));
  await bench.write(Buffer.alloc(10 * MiB));
  t.is(number(0x0000), 79n); // less than 80 by the entries
  t.is(number(0x0009), reference + 1n);
  t.is(number(0x0222), 20n);
  bench.drive.raiseTapeAlert('cleanPeriodic');
  await bench.drive.unload();
  t.is(bench.drive.mam, undefined);
  await bench.drive.load();
  t.is(number(0x0002), 1n << BigInt(64 - 0x15)); // flags of the load before
  t.is(number(0x0003), 2n);
  t.is(number(0x0009), reference + 1n);
  t.is(number(0x0220), 20n);
  t.is(number(0x0222), 0n);
  t.is(ascii(0x020a), 'IBM     DRV0000001'.padEnd(40));
  t.is(ascii(0x020b), 'IBM     DRV0000001'.padEnd(40));
  t.is(ascii(0x020c), ' '.repeat(40));
  t.is(ascii(0x0806), 'A00001L8'.padEnd(32));
  t.is(ascii(0x0401)?.length, 32);
  t.is(number(0x0405), 0x5en);
  t.is(number(0x0408), 0n);
  t.is(number(0x0224), 0xffff_ffff_ffff_ffffn);
});

test('all attributes come in ascending order, with the lengths of the table', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  await bench.drive.writeAttributes(0, [text(0x1623, 'binary', 'x'), text(0x0800, 'ascii', 'TAPER')]);
  const all = bench.drive.mam?.attributes(0) ?? [];
  const ids = all.map(({ id }) => id);
  t.deepEqual(
    ids,
    ids.toSorted((a, b) => a - b),
  );
  t.true(ids.includes(0x1623) && ids.includes(0x0800));
  for (const { id, value } of all) {
    const row = ATTRIBUTES.find((one) => one.id === id);
    if (typeof row?.length === 'number') t.is(value.length, row.length, id.toString(16));
  }
});

test('attributes of hosts are kept, padded, shared or per partition, and survive a crash', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  await bench.drive.format([1e9, 1e9]);
  await bench.drive.writeAttributes(1, [
    text(0x0800, 'ascii', 'TAPER'),
    text(0x0803, 'text', 'label'),
    text(0x0809, 'ascii', 'second'),
    { id: 0x080c, format: 'binary', value: Buffer.alloc(70, 5) },
  ]);
  await bench.crash();
  const value = (id: number, partition: number): Buffer | undefined =>
    bench.drive.mam?.attribute(id, partition)?.value;
  t.is(value(0x0800, 0)?.toString(), 'TAPER   ');
  t.is(value(0x0800, 1)?.toString(), 'TAPER   ');
  t.is(value(0x0803, 0)?.length, 160);
  t.is(value(0x0803, 0)?.[159], 0);
  t.is(value(0x0809, 0), undefined);
  t.is(value(0x0809, 1)?.toString(), 'second'.padEnd(16));
  t.is(value(0x080c, 1)?.length, 70);
  await bench.drive.writeAttributes(1, [{ id: 0x0800, format: 'ascii', value: Buffer.alloc(0) }]);
  t.is(value(0x0800, 0), undefined);
});

test('what hosts may not write is refused, and nothing of its list is written', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  const good = text(0x0801, 'ascii', 'good');
  const cases: readonly (readonly [AttributeChange, string])[] = [
    [text(0x0003, 'binary', '12345678'), 'read-only'],
    [text(0x0401, 'ascii', 'x'), 'read-only'],
    [text(0x0900, 'ascii', 'x'), 'unsupported'],
    [text(0x0800, 'text', 'x'), 'format'],
    [text(0x0800, 'ascii', '123456789'), 'length'],
    [text(0x0805, 'binary', '12'), 'length'],
    [{ id: 0x080c, format: 'binary', value: Buffer.alloc(22) }, 'length'],
  ];
  for (const [bad, code] of cases) {
    const error = await t.throwsAsync(bench.drive.writeAttributes(0, [good, bad]), { code });
    t.is((error as unknown as { facts: { index: number } }).facts.index, 1);
  }
  t.is(bench.drive.mam?.attribute(0x0801, 0), undefined);
  await t.throwsAsync(bench.drive.writeAttributes(1, [good]), { code: 'no-such-partition' });
});

test('the memory of the medium is as large as it is', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  let id = 0x1400;
  const fill = async (): Promise<void> => {
    for (; id <= 0x17ff; id++) {
      await bench.drive.writeAttributes(0, [{ id, format: 'binary', value: Buffer.alloc(1000, 1) }]);
    }
  };
  await t.throwsAsync(fill(), { code: 'no-space' });
  t.is(id - 0x1400, Math.floor(16384 / 1005));
  await bench.drive.unload();
  await bench.drive.load();
  t.is(bench.drive.mam?.attribute(0x1400, 0)?.value.length, 1000);
});
