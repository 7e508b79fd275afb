import test from 'ava';
import { parseStatus, senseOf, silo, statusCdb } from './silo.js';

const robot = 0x0001;
const drive = 0x0101;
const mail = 0x0300;
const slot = 0x0400;

test('all elements come in ascending order, one page of whole descriptors for each type', async (t) => {
  const { send } = await silo(t);
  const { header, pages, descriptors } = parseStatus((await send(statusCdb())).data);
  t.deepEqual(
    pages.map((page) => page.elementType),
    [1, 4, 3, 2],
  );
  t.deepEqual(
    descriptors.map(({ address }) => address),
    [robot, drive, drive + 1, mail, mail + 1, ...Array.from({ length: 8 }, (_, index) => slot + index)],
  );
  t.like(header, { firstElementAddress: robot, elements: 13 });
  t.is(header.reportBytes, 4 * 8 + 13 * (12 + 36 + 4));
  t.deepEqual(
    descriptors.map(({ tag }) => tag).filter((tag) => tag !== ''),
    ['T0L8', 'T1L8', 'T2L8'],
  );
});

test('bytes of one descriptor, as mtx and the kernel read them', async (t) => {
  const { library, send } = await silo(t);
  await library.move({ kind: 'slot', index: 2 }, { kind: 'drive', index: 1 });
  const { data } = await send(statusCdb({ type: 4, from: drive + 1, count: 1, flags: 1 }));
  // First address, one element, 5Bh bytes of report; type 4, PVolTag, 53h bytes a descriptor, 53h bytes of descriptors.
  t.is(data.subarray(0, 16).toString('hex'), '010200010000005b0480005300000053');
  t.is(data.subarray(16, 28).toString('hex'), '010209000000000000810402');
  t.is(data.subarray(28, 64).toString('latin1'), `${'T2L8'.padEnd(32)}\0\0\0\0`);
  const identifier = `IBM     ULT3580-TD8     SNLIBD1`;
  t.is(data.subarray(64, 68).toString('hex'), `020100${identifier.length.toString(16)}`);
  t.is(data.subarray(68, 68 + identifier.length).toString('latin1'), identifier);
  t.is(data.length, 16 + 0x53);
});

test('without VOLTAG and DVCID descriptors have sixteen bytes', async (t) => {
  const { send } = await silo(t);
  const { pages, descriptors } = parseStatus((await send(statusCdb({ volumeTag: false }))).data);
  t.true(pages.every((page) => page.descriptorBytes === 16 && !page.primaryVolumeTag));
  t.is(descriptors.length, 13);
});

test('element type, starting address and number of elements choose', async (t) => {
  const { send } = await silo(t);
  const addresses = async (options: Parameters<typeof statusCdb>[0]) =>
    parseStatus((await send(statusCdb(options))).data).descriptors.map(({ address }) => address);
  t.deepEqual(await addresses({ type: 2, count: 3 }), [slot, slot + 1, slot + 2]);
  t.deepEqual(await addresses({ type: 2, from: slot + 6 }), [slot + 6, slot + 7]);
  t.deepEqual(await addresses({ from: drive + 1, count: 2 }), [drive + 1, mail]);
  t.deepEqual(await addresses({ type: 4, from: mail }), []);
  t.deepEqual(await addresses({ count: 0 }), []);
  t.deepEqual(senseOf(await send(statusCdb({ type: 5 }))), [5, 0x24, 0x00]);
});

test('nothing to report is a header and no page', async (t) => {
  const { send } = await silo(t, { mailSlots: 0 });
  const { data } = await send(statusCdb({ type: 3 }));
  t.is(data.toString('hex'), '0000000000000000');
});

test('a short allocation cuts after a whole descriptor, and headers tell of all', async (t) => {
  const { send } = await silo(t);
  const whole = (await send(statusCdb({ type: 2 }))).data;
  for (let allocation = 0; allocation <= whole.length + 1; allocation++) {
    const { data } = await send(statusCdb({ type: 2, allocation }));
    const fitting = Math.max(0, Math.floor((allocation - 16) / 52));
    const expected =
      allocation < 8 ? allocation : Math.min(whole.length, fitting === 0 ? 8 : 16 + fitting * 52);
    t.is(data.length, expected, `allocation ${allocation}`);
    t.deepEqual(data, whole.subarray(0, expected));
  }
});

test('flags tell of operator, source, door and empty bay', async (t) => {
  const { library, shelf, send } = await silo(t, { drives: 3 });
  const out = await library.exportCartridge({ kind: 'slot', index: 0 });
  t.is(shelf.cartridges.length, 1);
  await library.importCartridge(out, { kind: 'mail', index: 0 });
  await library.openDoor(1);
  await library.removeDrive('libd1');
  await send([0, 0, 0, 0, 0, 0]); // takes the unit attentions
  await send([0, 0, 0, 0, 0, 0]);
  await send([0, 0, 0, 0, 0, 0]);
  const { descriptors } = parseStatus((await send(statusCdb())).data);
  const at = (address: number) => descriptors.find((one) => one.address === address)?.flags;
  t.like(at(mail), {
    full: true,
    importedByOperator: true,
    importEnabled: true,
    exportEnabled: true,
    accessible: true,
    sourceValid: false,
    mediumType: 1,
  });
  t.like(at(mail + 1), { full: false, accessible: false, exception: true, asc: 0x3b, ascq: 0x11 });
  t.like(at(drive + 1), { full: false, accessible: false, disabled: true, asc: 0x3b, ascq: 0x1a });
  t.like(at(drive), { accessible: true, exception: false, disabled: false });
  t.like(at(slot), { full: false, accessible: true, importEnabled: false });
});

test('a drive whose host keeps the cartridge is not accessible', async (t) => {
  const { library, send } = await silo(t);
  await library.move({ kind: 'slot', index: 0 }, { kind: 'drive', index: 0 });
  const flags = async () => parseStatus((await send(statusCdb({ type: 4 }))).data).descriptors[0]?.flags;
  t.true((await flags())?.accessible);
  const first = library.drives[0];
  if (first !== undefined) first.removalPrevented = true;
  t.false((await flags())?.accessible);
});

test('DVCID names each drive; a personality may give the serial number alone', async (t) => {
  const { send } = await silo(t, {}, 'STK L700');
  const { descriptors } = parseStatus((await send(statusCdb({ flags: 1 }))).data);
  t.deepEqual(
    descriptors.filter(({ type }) => type === 4).map(({ identifier }) => identifier),
    ['SNLIBD0', 'SNLIBD1'],
  );
  t.true(descriptors.filter(({ type }) => type !== 4).every(({ identifier }) => identifier === ''));
});

test('ten thousand slots and 256 drives are told in one answer, quickly', async (t) => {
  const { send } = await silo(t, { slots: 10_000, mailSlots: 256, drives: 256, cartridges: 5 });
  const before = performance.now();
  const { data } = await send(statusCdb({ flags: 1 }));
  const took = performance.now() - before;
  t.log(`${Math.round(took)} ms`);
  t.is(parseStatus(data).descriptors.length, 10_513);
  t.true(took < 1_000);
});
