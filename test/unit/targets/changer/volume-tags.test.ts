import test from 'ava';
import fc from 'fast-check';
import { matchesTemplate } from '../../../../targets/changer/volume-tag.js';
import { otherHost, parseStatus, senseOf, silo, type Silo, u16, u24 } from './silo.js';

const drive = 0x0101;
const slot = 0x0400;

const tagList = (template: string, minimum = 0, maximum = 0): Buffer => {
  const list = Buffer.alloc(40);
  list.write(template.padEnd(32), 'latin1');
  list.writeUInt16BE(minimum, 34);
  list.writeUInt16BE(maximum, 38);
  return list;
};
const sendCdb = (action: number, address = 0, type = 0, length = 40): number[] => [
  0xb6, type, ...u16(address), 0, action, 0, 0, ...u16(length), 0, 0,
]; // prettier-ignore
const requestCdb = (options: { address?: number; count?: number; type?: number; allocation?: number } = {}): number[] => [
  0xb5, 0x10 | (options.type ?? 0), ...u16(options.address ?? 0), ...u16(options.count ?? 0xffff), 0,
  ...u24(options.allocation ?? 0xffff), 0, 0,
]; // prettier-ignore

async function search(
  { send }: Silo,
  action: number,
  template: string,
  type = 0,
  from = 0,
): Promise<number[]> {
  const sent = await send(sendCdb(action, from, type), { out: tagList(template) });
  if (sent.status !== 0) throw new Error(JSON.stringify(sent.sense));
  const { data } = await send(requestCdb());
  return parseStatus(data).descriptors.map(({ address }) => address);
}

test('templates: a star stands for any text, a question mark for one character', (t) => {
  t.true(matchesTemplate('T1L8', 'T1L8'));
  t.false(matchesTemplate('T1L', 'T1L8'));
  t.true(matchesTemplate('T?L8', 'T1L8'));
  t.false(matchesTemplate('T1L8?', 'T1L8'));
  t.true(matchesTemplate('*', ''));
  t.true(matchesTemplate('T*8*', 'T1L8'));
  t.true(matchesTemplate('*L8', 'L7L8'));
  t.false(matchesTemplate('', 'T1L8'));
});
test('templates agree with regular expressions', (t) => {
  const part = fc.constantFrom('A', 'B', '?', '*');
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 8 }),
      fc.string({ unit: fc.constantFrom('A', 'B'), maxLength: 10 }),
      (parts, tag) => {
        const pattern = new RegExp(`^${parts.join('').replaceAll('?', '.').replaceAll('*', '.*')}$`);
        return matchesTemplate(parts.join(''), tag) === pattern.test(tag);
      },
    ),
  );
  t.pass();
});

test('SEND VOLUME TAG translates, REQUEST VOLUME ELEMENT ADDRESS tells where', async (t) => {
  const changer = await silo(t);
  t.deepEqual(await search(changer, 0x5, 'T1L8'), [slot + 1]);
  t.deepEqual(await search(changer, 0x5, 'T?L8'), [slot, slot + 1, slot + 2]);
  t.deepEqual(await search(changer, 0x4, '*', 0, slot + 1), [slot + 1, slot + 2]);
  t.deepEqual(await search(changer, 0x1, 'T*'), [slot, slot + 1, slot + 2], 'sequence number 0 is in 0 to 0');
  t.deepEqual(await search(changer, 0x5, 'T*', 4), [], 'no drive has one');
  t.deepEqual(await search(changer, 0x6, '*'), [], 'nor an alternate tag');
  t.deepEqual(await search(changer, 0x5, 'NONE'), []);
});

test('results are told once, in ascending order, and belong to the nexus that asked', async (t) => {
  const { send } = await silo(t);
  t.deepEqual(senseOf(await send(requestCdb())), [5, 0x2c, 0x00], 'nothing was asked for');
  await send(sendCdb(0x5), { out: tagList('T*') });
  t.deepEqual(senseOf(await send(requestCdb(), { nexus: otherHost })), [5, 0x2c, 0x00]);
  const first = (await send(requestCdb({ count: 1 }))).data;
  t.is((first[4] ?? 0) & 0x1f, 0x5, 'the action that it answers');
  t.deepEqual(
    parseStatus(first).descriptors.map(({ tag }) => tag),
    ['T0L8'],
  );
  const cut = parseStatus((await send(requestCdb({ allocation: 16 + 52 }))).data);
  t.is(cut.header.elements, 2);
  t.deepEqual(
    cut.descriptors.map(({ tag }) => tag),
    ['T1L8'],
  );
  t.deepEqual(
    parseStatus((await send(requestCdb({ address: slot }))).data).descriptors.map(({ tag }) => tag),
    ['T2L8'],
  );
  t.deepEqual(parseStatus((await send(requestCdb())).data).descriptors, []);
});

test('alternate tags: assert, replace, undefine; they go with the cartridge', async (t) => {
  const changer = await silo(t);
  const { send, library } = changer;
  t.deepEqual(
    senseOf(await send(sendCdb(0xb, slot), { out: tagList('POOL1', 3) })),
    [5, 0x24, 0x00],
    'none to replace',
  );
  t.is((await send(sendCdb(0x9, slot), { out: tagList('POOL1', 3) })).status, 0);
  t.deepEqual(
    senseOf(await send(sendCdb(0x9, slot), { out: tagList('POOL2', 3) })),
    [5, 0x24, 0x00],
    'there already',
  );
  t.deepEqual(await search(changer, 0x6, 'POOL?'), [slot]);
  await library.move({ kind: 'slot', index: 0 }, { kind: 'drive', index: 0 });
  const found = parseStatus((await send([0xb8, 0x14, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0])).data);
  t.deepEqual(
    found.descriptors.map(({ tag, alternateTag }) => [tag, alternateTag]),
    [['T0L8', 'POOL1'], ['', '']],
  ); // prettier-ignore
  t.is((await send(sendCdb(0xb, drive), { out: tagList('POOL2', 4) })).status, 0);
  t.deepEqual(await search(changer, 0x2, 'POOL2'), [], 'sequence number 4 is not in 0 to 0');
  await send(sendCdb(0x2), { out: tagList('POOL2', 1, 9) });
  t.is(parseStatus((await send(requestCdb())).data).descriptors.length, 1);
  t.is((await send(sendCdb(0xd, drive, 0, 0))).status, 0);
  t.deepEqual(await search(changer, 0x6, '*'), []);
});

test('what is printed on the label stays, and nonsense is refused', async (t) => {
  const { send } = await silo(t);
  for (const action of [0x8, 0xa, 0xc, 0x3, 0x7, 0xe, 0x1f])
    t.deepEqual(
      senseOf(await send(sendCdb(action, slot), { out: tagList('NEW') })),
      [5, 0x24, 0x00],
      `action ${action}`,
    );
  t.deepEqual(senseOf(await send(sendCdb(0x9, slot + 7), { out: tagList('NEW') })), [5, 0x3b, 0x0e]);
  t.deepEqual(senseOf(await send(sendCdb(0x9, 0x999), { out: tagList('NEW') })), [5, 0x21, 0x01]);
  t.deepEqual(senseOf(await send(sendCdb(0x9, slot), { out: tagList('A*') })), [5, 0x26, 0x00]);
  t.deepEqual(senseOf(await send(sendCdb(0x9, slot), { out: tagList('') })), [5, 0x26, 0x00]);
  t.deepEqual(senseOf(await send(sendCdb(0x5, 0, 0, 12), { out: Buffer.alloc(12) })), [5, 0x1a, 0x00]);
  t.deepEqual(senseOf(await send(sendCdb(0x5, 0, 5), { out: tagList('*') })), [5, 0x24, 0x00]);
});

test('what was found is forgotten when elements come or go: addresses may have changed', async (t) => {
  const { send, library } = await silo(t);
  t.is((await send(sendCdb(0x5), { out: tagList('T*') })).status, 0);
  await library.addSlots(1);
  t.deepEqual(senseOf(await send(requestCdb())), [6, 0x2a, 0x01]);
  t.deepEqual(senseOf(await send(requestCdb())), [5, 0x2c, 0x00]);
});

test('a template ends with its first zero; to search for nothing is no error and finds nothing', async (t) => {
  const changer = await silo(t);
  t.deepEqual(await search(changer, 0x5, 'T1L8 \0T9'), [slot + 1]);
  const other = { nexus: otherHost };
  t.is((await changer.send(sendCdb(0x5, 0, 0, 0), other)).status, 0);
  t.deepEqual(senseOf(await changer.send(requestCdb(), other)), [5, 0x2c, 0x00]);
});
