import test from 'ava';
import { SENSE } from '#scsi';
import { libraryFaults } from '../../../../targets/changer/faults.table.js';
import { senseOf, silo, u16 } from './silo.js';

test('INQUIRY says what the personality says', async (t) => {
  const { send } = await silo(t);
  const { data } = await send([0x12, 0, 0, 0, 0xff, 0]);
  t.is(data[0], 0x08);
  t.is((data[1] ?? 0) & 0x80, 0x80);
  t.is(data.subarray(8, 36).toString('latin1'), 'IBM     03584L32        0402');
  t.is(data.subarray(36, 50).toString('latin1'), 'AB000001234567');
  t.is((data[55] ?? 0) & 1, 1, 'BARC');
  const serial = (await send([0x12, 1, 0x80, 0, 0xff, 0])).data;
  t.is(serial.subarray(4).toString('latin1'), '0000012345670400');
  t.deepEqual(senseOf(await send([0x12, 1, 0xef, 0, 0xff, 0])), [5, 0x24, 0x00]);
});

test('every VPD page that is listed is there, with its own code and length', async (t) => {
  for (const name of ['IBM 03584L32', 'STK SL150', 'OVERLAND NEO Series']) {
    const { send } = await silo(t, {}, name);
    const list = (await send([0x12, 1, 0, 0, 0xff, 0])).data.subarray(4);
    t.true([0x00, 0x80, 0x83, 0x85, 0x86].every((page) => list.includes(page)));
    for (const page of list) {
      const { data } = await send([0x12, 1, page, 0x10, 0, 0]);
      t.is(data[0], 0x08);
      t.is(data[1], page);
      t.is(data.length, 4 + data.readUInt16BE(2));
    }
  }
});

test('mode pages: addresses, geometry, capabilities', async (t) => {
  const { send } = await silo(t);
  const page = async (code: number, control = 0) =>
    (await send([0x1a, 8, code | (control << 6), 0, 0xff, 0])).data.subarray(4).toString('hex');
  t.is(await page(0x1d), '1d12' + '00010001' + '04000008' + '03000002' + '01010002' + '0000');
  t.is(await page(0x1d, 1), `1d12${'00'.repeat(18)}`, 'nothing is changeable');
  t.is(await page(0x1e), '1e020000');
  t.is(await page(0x1f), '1f12' + '0e00' + '000e0e0e' + '00000000' + '000e0e0e' + '00000000');
  for (const subpage of [0, 0xff])
    t.is((await send([0x5a, 0, 0x3f, subpage, 0, 0, 0, 0x10, 0, 0])).status, 0);
  const none = await silo(t, { mailSlots: 0 });
  const { data } = await none.send([0x1a, 8, 0x1f, 0, 0xff, 0]);
  t.is(data.subarray(4).toString('hex'), '1f12' + '0a00' + '000a000a' + '00000000' + '000a000a' + '00000000');
});

test('MODE SELECT changes D_SENSE and no address', async (t) => {
  const { send } = await silo(t);
  const current = (await send([0x1a, 8, 0x1d, 0, 0xff, 0])).data;
  current[0] = 0;
  const select = [0x15, 0x10, 0, 0, current.length, 0];
  t.is((await send(select, { out: current })).status, 0, 'the same values are accepted');
  current.writeUInt16BE(0x500, 4 + 6);
  t.deepEqual(senseOf(await send(select, { out: current })), [5, 0x26, 0x00]);
});

test('log pages count moves, also by element', async (t) => {
  const { library, send } = await silo(t);
  await library.move({ kind: 'slot', index: 0 }, { kind: 'drive', index: 0 });
  await library.move({ kind: 'drive', index: 0 }, { kind: 'slot', index: 0 });
  const log = async (page: number, parameter = 0) =>
    (await send([0x4d, 0, 0x40 | page, 0, 0, ...u16(parameter), 0xff, 0xff, 0])).data;
  t.is((await log(0x00)).subarray(4).toString('hex'), '000d14152e');
  const moves = await log(0x14);
  t.is(moves.subarray(4, 12).toString('hex'), '0000000400000002');
  const drive = await log(0x15, 0x0101);
  t.is(drive.subarray(4, 8).toString('hex'), '01010318');
  t.is(drive.readUInt32BE(8), 1, 'places');
  t.is(drive.readUInt32BE(16), 1, 'picks');
  t.is((await log(0x2e)).length, 4 + 64 * 5);
});

test('element statistics of a huge library stay within a page', async (t) => {
  const { send } = await silo(t, { slots: 5_000, cartridges: 0 });
  const { data, status } = await send([0x4d, 0, 0x55, 0, 0, 0, 0, 0xff, 0xff, 0]);
  t.is(status, 0);
  t.is(data.readUInt16BE(2), 28 * 2340);
});

test('REPORT SUPPORTED OPERATION CODES lists every command of the changer', async (t) => {
  const { send, unit } = await silo(t);
  const { data } = await send([0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0]);
  const opcodes = new Set<number>();
  for (let at = 4; at < data.length; at += 8) opcodes.add(data[at] ?? 0);
  for (const opcode of [
    0x07, 0x1b, 0x1e, 0x2b, 0x37, 0x5e, 0x5f, 0xa5, 0xa6, 0xb5, 0xb6, 0xb8, 0xe7, 0x16, 0x56,
  ])
    t.true(opcodes.has(opcode), opcode.toString(16));
  const names = unit.commands.rows.map(({ name }) => name);
  t.is(new Set(names).size, names.length);
});

test('fields are checked: reserved bits are refused, the old LUN bits are not', async (t) => {
  const { send } = await silo(t);
  t.deepEqual(senseOf(await send([0x07, 0, 0, 0, 1, 0])), [5, 0x24, 0x00]);
  const withLunBits = [0xb8, 0x20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  t.is((await send(withLunBits)).sense?.fieldByte, 1, 'LUN 0 it is');
  t.is((await send(withLunBits, { lun: 1 })).status, 0, 'as the ch driver of Linux sends it');
});

test('each refusal of the library has its sense, all of them different enough to act on', (t) => {
  const known = new Set<unknown>(Object.values(SENSE));
  for (const sense of Object.values(libraryFaults)) t.true(known.has(sense));
  t.is(libraryFaults['source-empty'].ascq, 0x0e);
});
