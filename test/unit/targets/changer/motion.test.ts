import test from 'ava';
import { fakeCartridge } from '#support';
import { host, moveCdb, otherHost, parseStatus, senseOf, silo, type Silo, statusCdb, u16 } from './silo.js';

const drive = 0x0101;
const mail = 0x0300;
const slot = 0x0400;

const sourceEmpty = [5, 0x3b, 0x0e];
const destinationFull = [5, 0x3b, 0x0d];
const invalidAddress = [5, 0x21, 0x01];
const prevented = [5, 0x53, 0x02];
const invalidField = [5, 0x24, 0x00];

/** Barcodes by address. */
async function inventory({ send }: Silo): Promise<Record<string, string>> {
  const { descriptors } = parseStatus((await send(statusCdb())).data);
  return Object.fromEntries(
    descriptors.flatMap(({ address, tag }) =>
      tag === undefined || tag === '' ? [] : [[address.toString(16), tag]],
    ),
  );
}
const exchangeCdb = (source: number, first: number, second: number, byte10 = 0): number[] => [
  0xa6,
  0,
  0,
  0,
  ...u16(source),
  ...u16(first),
  ...u16(second),
  byte10,
  0,
];

test('MOVE MEDIUM moves, and says why when it cannot', async (t) => {
  const changer = await silo(t);
  const { send } = changer;
  t.is((await send(moveCdb(slot, drive, 1))).status, 0);
  t.deepEqual(await inventory(changer), { '101': 'T0L8', '401': 'T1L8', '402': 'T2L8' });
  t.deepEqual(senseOf(await send(moveCdb(slot, drive + 1))), sourceEmpty);
  t.deepEqual(senseOf(await send(moveCdb(slot + 1, drive))), destinationFull);
  t.deepEqual(senseOf(await send(moveCdb(slot + 1, 0x0999))), invalidAddress);
  t.is((await send(moveCdb(0x0999, slot))).sense?.fieldByte, 4);
  t.deepEqual(senseOf(await send(moveCdb(slot + 1, slot + 5, slot))), invalidAddress, 'a slot is no robot');
  t.deepEqual(senseOf(await send(moveCdb(slot + 1, 1))), invalidAddress, 'nothing is put into the robot');
  t.deepEqual(
    senseOf(await send([...moveCdb(slot + 1, slot + 5).slice(0, 10), 1, 0])),
    invalidField,
    'it does not rotate',
  );
  t.is(
    (await send([...moveCdb(slot + 1, slot + 5).slice(0, 11), 0x40])).status,
    0,
    'vendor bits of CONTROL (mtx eepos)',
  );
  t.deepEqual(await inventory(changer), { '101': 'T0L8', '405': 'T1L8', '402': 'T2L8' });
});

test('a removal that a drive prevents is refused, and one that fails is a hardware error with TapeAlert', async (t) => {
  const { library, send } = await silo(t);
  await send(moveCdb(slot, drive));
  const first = library.drives[0];
  if (first === undefined) return t.fail();
  first.removalPrevented = true;
  t.deepEqual(senseOf(await send(moveCdb(drive, slot))), prevented);
  first.removalPrevented = false;
  first.failure = new Error('stuck');
  t.deepEqual(senseOf(await send(moveCdb(drive, slot))), [4, 0x53, 0x00]);
  const page = (await send([0x4d, 0, 0x6e, 0, 0, 0, 0x0f, 0, 0xff, 0])).data;
  t.is(page.subarray(4, 9).toString('hex'), '000f030101', 'load retry');
  const again = (await send([0x4d, 0, 0x6e, 0, 0, 0, 0x0f, 0, 0xff, 0])).data;
  t.is(again[8], 0, 'reading has cleared it');
});

test('EXCHANGE MEDIUM swaps two, or passes one on', async (t) => {
  const changer = await silo(t);
  const { send } = changer;
  t.is((await send(exchangeCdb(slot, slot + 1, slot))).status, 0);
  t.like(await inventory(changer), { '400': 'T1L8', '401': 'T0L8' });
  t.is((await send(exchangeCdb(slot, slot + 2, mail))).status, 0);
  t.deepEqual(await inventory(changer), { '402': 'T1L8', '300': 'T2L8', '401': 'T0L8' });
  t.deepEqual(senseOf(await send(exchangeCdb(slot, slot + 1, slot))), sourceEmpty);
  t.deepEqual(senseOf(await send(exchangeCdb(slot + 1, slot + 2, mail))), destinationFull);
  t.deepEqual(senseOf(await send(exchangeCdb(slot + 1, slot + 2, slot + 1, 1))), invalidField);
  t.is((await send(exchangeCdb(slot + 1, slot + 2, 0x0998))).sense?.fieldByte, 8);
});

test('POSITION TO ELEMENT and INITIALIZE ELEMENT STATUS, whole and by range', async (t) => {
  const { library, send } = await silo(t);
  t.is((await send([0x2b, 0, 0, 1, ...u16(slot + 3), 0, 0, 0, 0])).status, 0);
  t.deepEqual(library.robotPosition, { kind: 'slot', index: 3 });
  t.deepEqual(senseOf(await send([0x2b, 0, 0, 0, 0x99, 0, 0, 0, 0, 0])), invalidAddress);
  t.is((await send([0x07, 0, 0, 0, 0, 0])).status, 0);
  for (const opcode of [0x37, 0xe7]) {
    t.is((await send([opcode, 0, 0, 0, 0, 0, 0, 0, 0, 0])).status, 0);
    t.is((await send([opcode, 1, ...u16(slot), 0, 0, 0, 2, 0, 0])).status, 0);
    t.deepEqual(senseOf(await send([opcode, 1, 0x99, 0, 0, 0, 0, 2, 0, 0])), invalidAddress);
  }
  const statistics = (await send([0x4d, 0, 0x54, 0, 0, 0, 9, 0, 0xff, 0])).data;
  t.is(statistics.readUInt32BE(8), 5, 'scans that were counted');
});

test('a mail slot that is open is out of reach; PREVENT keeps it shut for each nexus apart', async (t) => {
  const { library, shelf, catalog, send } = await silo(t);
  const open = [0x1b, 0, ...u16(mail), 0, 0];
  const close = [0x1b, 0, ...u16(mail), 1, 0];
  t.is((await send(open)).status, 0);
  t.deepEqual(senseOf(await send(moveCdb(slot, mail))), [5, 0x3b, 0x11]);
  t.is((await send(close)).status, 0);
  t.is((await send(moveCdb(slot, mail))).status, 0);
  t.deepEqual(senseOf(await send([0x1b, 0, ...u16(slot), 0, 0])), invalidAddress);
  t.deepEqual(senseOf(await send([0x1b, 0, ...u16(mail), 2, 0])), invalidField);
  const prevent = (on: number): number[] => [0x1e, 0, 0, 0, on, 0];
  t.is((await send(prevent(1))).status, 0);
  t.is((await send(prevent(1), { nexus: otherHost })).status, 0);
  t.is((await send(prevent(0))).status, 0);
  t.deepEqual(senseOf(await send(open)), prevented, 'the other one still prevents');
  const extra = await fakeCartridge(catalog, shelf, 'X1L8');
  await t.throwsAsync(library.importCartridge(extra, { kind: 'mail', index: 1 }), {
    code: 'removal-prevented',
  });
  t.is((await send(prevent(0), { nexus: otherHost })).status, 0);
  t.is((await send(open)).status, 0);
  t.deepEqual(senseOf(await send(prevent(2))), invalidField);
});

test('prevention ends with its nexus, and with a reset', async (t) => {
  const { library, unit, send } = await silo(t);
  await send([0x1e, 0, 0, 0, 1, 0], { nexus: otherHost });
  t.true(library.removalPrevented);
  await unit.detach(otherHost);
  t.false(library.removalPrevented);
  await send([0x1e, 0, 0, 0, 1, 0]);
  await unit.reset('logical-unit');
  t.false(library.removalPrevented);
});

test('what operators do becomes a unit attention for every nexus, once', async (t) => {
  const { library, send } = await silo(t);
  const ready = async (nexus = host) => senseOf(await send([0, 0, 0, 0, 0, 0], { nexus }));
  const out = await library.exportCartridge({ kind: 'slot', index: 0 });
  t.deepEqual(await ready(), [6, 0x28, 0x00]);
  t.deepEqual(await ready(otherHost), [6, 0x28, 0x00]);
  t.is(await ready(), undefined);
  await library.importCartridge(out, { kind: 'mail', index: 0 });
  t.deepEqual(await ready(), [6, 0x28, 0x01]);
  await library.addSlots(1);
  t.deepEqual(await ready(), [6, 0x2a, 0x01]);
  t.is((await send([0x1a, 8, 0x1d, 0, 0xff, 0])).data.readUInt16BE(4 + 8), 9);
  await library.move({ kind: 'mail', index: 0 }, { kind: 'slot', index: 0 });
  t.is(await ready(), undefined, 'what a host asked for is no news');
  await library.move({ kind: 'slot', index: 0 }, { kind: 'slot', index: 5 }, 'operator');
  t.deepEqual(await ready(), [6, 0x28, 0x00]);
});

test('elements that a nexus has reserved are its own', async (t) => {
  const { unit, send } = await silo(t);
  const list = Buffer.from([0, 0, ...u16(2), ...u16(slot), 0, 0, ...u16(1), ...u16(drive)]);
  const reserve6 = [0x16, 1, 7, ...u16(list.length), 0];
  t.is((await send(reserve6, { out: list })).status, 0);
  t.is((await send(moveCdb(slot, slot + 5), { nexus: otherHost })).status, 0x18);
  t.is((await send(moveCdb(slot + 2, drive), { nexus: otherHost })).status, 0x18);
  t.is((await send(exchangeCdb(slot + 2, slot + 1, slot + 2), { nexus: otherHost })).status, 0x18);
  t.is((await send(moveCdb(slot + 2, slot + 5), { nexus: otherHost })).status, 0);
  t.is((await send(moveCdb(slot, drive))).status, 0);
  t.is((await send(reserve6, { out: list, nexus: otherHost })).status, 0x18);
  t.is((await send([0x16, 0, 0, 0, 0, 0], { nexus: otherHost })).status, 0x18, 'nor the whole unit');
  t.is((await send([0x57, 1, 7, 0, 0, 0, 0, 0, 0, 0])).status, 0, 'RELEASE(10) of that identification');
  t.is((await send(moveCdb(slot + 1, slot), { nexus: otherHost })).status, 0);
  const all = Buffer.from([0, 0, 0, 0, ...u16(slot)]);
  t.is((await send([0x56, 1, 9, 0, 0, 0, 0, 0, 6, 0], { out: all, nexus: otherHost })).status, 0);
  t.is((await send(moveCdb(slot, slot + 1))).status, 0x18, 'no number: all from there on');
  await unit.detach(otherHost);
  t.is((await send(moveCdb(slot, slot + 1))).status, 0);
  const wrong = Buffer.from([0, 0, ...u16(1), 0x99, 0x99]);
  t.deepEqual(senseOf(await send([0x16, 1, 7, 0, 6, 0], { out: wrong })), invalidAddress);
  t.deepEqual(senseOf(await send([0x16, 1, 7, 0, 5, 0], { out: Buffer.alloc(5) })), [5, 0x1a, 0x00]);
});
