/** What a changer makes of reservations: RESERVE and RELEASE of unit and elements, persistent ones. */
import test from 'ava';
import { host, moveCdb, otherHost, senseOf, silo, type Silo, u16 } from './silo.js';

const drive = 0x0101;
const slot = 0x0400;
const good = 0;
const conflict = 0x18;

const reserveUnit = [0x16, 0, 0, 0, 0, 0];
const prevent = (on: number): number[] => [0x1e, 0, 0, 0, on, 0];

/** RESERVE ELEMENT of ranges: count and first address of each. */
async function reserveElements(
  { send }: Silo,
  ranges: readonly (readonly [count: number, first: number])[],
  nexus = host,
  identification = 1,
) {
  const out = Buffer.concat(
    ranges.map(([count, first]) => Buffer.from([0, 0, ...u16(count), ...u16(first)])),
  );
  return await send([0x16, 1, identification, ...u16(out.length), 0], { out, nexus });
}

/** PERSISTENT RESERVE OUT. */
async function reserveOut(
  { send }: Silo,
  action: number,
  keys: { readonly key?: number; readonly serviceKey?: number; readonly type?: number },
  nexus = host,
) {
  const out = Buffer.alloc(24);
  out.writeBigUInt64BE(BigInt(keys.key ?? 0), 0);
  out.writeBigUInt64BE(BigInt(keys.serviceKey ?? 0), 8);
  return await send([0x5f, action, keys.type ?? 0, 0, 0, 0, 0, 0, 24, 0], { out, nexus });
}
const register = 0;
const reserve = 1;
const preemptAndAbort = 5;

test('while one host has the unit by RESERVE, others may allow removal but not prevent it', async (t) => {
  const { send } = await silo(t);
  t.is((await send(reserveUnit)).status, good);
  t.is((await send(prevent(1), { nexus: otherHost })).status, conflict);
  t.is((await send(prevent(0), { nexus: otherHost })).status, good, 'SPC-2 table 10');
  t.is((await send(moveCdb(slot, drive), { nexus: otherHost })).status, conflict);
});

test('PREEMPT AND ABORT ends what the preempted host prevents', async (t) => {
  const changer = await silo(t);
  const { library, send } = changer;
  t.is((await reserveOut(changer, register, { serviceKey: 1 })).status, good);
  t.is((await reserveOut(changer, register, { serviceKey: 2 }, otherHost)).status, good);
  t.is((await send(prevent(1), { nexus: otherHost })).status, good);
  t.true(library.removalPrevented);
  t.is((await reserveOut(changer, preemptAndAbort, { key: 1, serviceKey: 2, type: 1 })).status, good);
  t.false(library.removalPrevented);
});

test('elements are not reserved beside a reservation of the whole unit by another', async (t) => {
  const changer = await silo(t);
  const { send } = changer;
  t.is((await send(reserveUnit, { nexus: otherHost })).status, good);
  t.is((await reserveElements(changer, [[1, slot]])).status, conflict);
  t.is((await send(moveCdb(slot, drive), { nexus: otherHost })).status, good, 'and nothing was reserved');
  t.is((await reserveElements(changer, [[1, slot]], otherHost)).status, good, 'the holder may');
});
test('elements are not reserved beside persistent reservations', async (t) => {
  const changer = await silo(t);
  t.is((await reserveOut(changer, register, { serviceKey: 1 })).status, good);
  t.is((await reserveOut(changer, reserve, { key: 1, type: 3 })).status, good);
  t.is((await reserveElements(changer, [[1, slot]], otherHost)).status, conflict);
  t.is((await changer.send(moveCdb(slot, drive))).status, good);
});
test('the elements that one nexus reserves are counted, and are there', async (t) => {
  const changer = await silo(t);
  const many = Array.from({ length: 200 }, () => [1, slot] as const);
  t.is((await reserveElements(changer, many, host, 1)).status, good);
  t.deepEqual(senseOf(await reserveElements(changer, many, host, 2)), [5, 0x55, 0x02]);
  t.is((await reserveElements(changer, many, host, 1)).status, good, 'it takes the place of the first');
  const beyond = await reserveElements(changer, [[9, slot]]);
  t.deepEqual(senseOf(beyond), [5, 0x21, 0x01], 'there are eight slots');
  t.is(beyond.sense?.fieldByte, 2);
});

test('persistent reservations are not made beside reserved elements', async (t) => {
  const changer = await silo(t);
  t.is((await reserveElements(changer, [[1, slot]])).status, good);
  t.is((await reserveOut(changer, register, { serviceKey: 1 })).status, conflict);
  t.is((await reserveOut(changer, register, { serviceKey: 2 }, otherHost)).status, conflict);
  t.is((await changer.send([0x17, 1, 1, 0, 0, 0])).status, good, 'RELEASE of that identification');
  t.is((await reserveOut(changer, register, { serviceKey: 2 }, otherHost)).status, good);
});
