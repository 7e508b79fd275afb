/** REPORT SUPPORTED OPERATION CODES and TASK MANAGEMENT FUNCTIONS. */
import test from 'ava';
import { spcTable } from '#scsi';
import { ask, attached, PlainUnit } from '#support';

const unit = new PlainUnit();
const a = attached(unit);
const one = async (option: number, opcode: number, action: number, timeouts = false): Promise<string> => {
  const cdb = Buffer.from([
    0xa3,
    0x0c,
    (timeouts ? 0x80 : 0) | option,
    opcode,
    action >> 8,
    action & 0xff,
    0,
    0,
    0x10,
    0,
    0,
    0,
  ]);
  const { why, where, data } = await ask(unit, a, cdb);
  return why === '' ? data.toString('hex') : `${why} ${where}`;
};

test('all commands: every row once, in order, with service actions', async (t) => {
  const { data } = await ask(unit, a, 'a30c00000000000100000000');
  t.is(data.readUInt32BE(0), data.length - 4);
  const descriptors = Array.from({ length: (data.length - 4) / 8 }, (_, index) =>
    data.toString('hex', 4 + 8 * index, 12 + 8 * index),
  );
  t.is(descriptors.length, Object.keys(spcTable).length);
  t.deepEqual(descriptors, descriptors.toSorted());
  t.true(descriptors.includes('1200000000000006'));
  t.true(descriptors.includes('5f0000050001000a'));
  t.true(descriptors.includes('a300000c0001000c'));
});
test('all commands with timeouts: twelve bytes more each', async (t) => {
  const { data } = await ask(unit, a, 'a30c80000000000100000000');
  t.is(data.length, 4 + 20 * Object.keys(spcTable).length);
  t.is(data.toString('hex', 4, 24), '0000000000020006' + '000a0000' + '00000001' + '0000003c');
});

test('one command by opcode', async (t) => {
  t.is(await one(1, 0x12, 0), '00030006' + '1201ffffff04');
  t.is(await one(1, 0x4d, 0), '0003000a' + '4d01ffff00ffffffff04');
  t.is(await one(1, 0xec, 0), '00010000');
  t.is(await one(1, 0x5f, 0), '5 24 00 cdb 2.2', 'it has service actions');
  t.is(await one(1, 0x12, 0, true), '00830006' + '1201ffffff04' + '000a0000000000010000003c');
});
test('one command by opcode and service action', async (t) => {
  t.is(await one(2, 0x5e, 2), '0003000a' + '5e020000000000ffff04');
  t.is(await one(2, 0xa3, 0x0a), '0003000c' + 'a3ea00000000ffffffff0004');
  t.is(await one(2, 0x5e, 9), '00010000');
  t.is(await one(2, 0xec, 0), '00010000');
  t.is(await one(2, 0x12, 0), '5 24 00 cdb 2.2', 'it has none');
});
test('one command either way', async (t) => {
  t.is(await one(3, 0x12, 0), '00030006' + '1201ffffff04');
  t.is(await one(3, 0x12, 1), '00010000');
  t.is(await one(3, 0x5f, 6), '0003000a' + '5f06ff0000ffffffff04');
  t.is(await one(3, 0x5f, 31), '00010000');
  t.is(await one(4, 0x12, 0), '5 24 00 cdb 2.2');
});
test('a service action that no CDB has room for is not supported, whatever follows it in the table', async (t) => {
  for (const action of [0x20, 0x40, 0x46, 0x140, 0xffff]) {
    t.is(await one(2, 0x5e, action), '00010000', String(action));
    t.is(await one(3, 0x5e, action), '00010000', String(action));
  }
});

test('task management functions, short and extended', async (t) => {
  t.is((await ask(unit, a, 'a30d00000000000000040000')).data.toString('hex'), 'da000000');
  t.is(
    (await ask(unit, a, 'a30d80000000000001000000')).data.toString('hex'),
    'da00000c000000000000000000000000',
  );
  t.is((await ask(unit, a, 'a30d00000000000000030000')).where, 'cdb 6');
});
