/** Persistent reservations of other ports, their reports and limits, and what a power loss leaves. */
import test from 'ava';
import { STATUS } from '#scsi';
import {
  ask,
  attached,
  fakeNexus,
  MemoryPersistence,
  PlainUnit,
  readKeys,
  readReservation,
  registerAndMove,
  reserveOut,
  takeAttentions,
  threeNexuses,
  transportId,
  withLength,
} from '#support';

const conflict = STATUS.reservationConflict;
const { good } = STATUS;

/** A command that a reservation refuses to others: MODE SELECT. */
const changing = '151000000000';

// --- other ports ---------------------------------------------------------------------------------------------------

test('SPEC_I_PT registers other initiator ports, by port and by name', async (t) => {
  const unit = new PlainUnit();
  const [a, b, c] = [attached(unit, 'a'), attached(unit, 'b'), attached(unit, 'c')];
  const away = 'iqn.2024-01.test:away,i,0x0123456789ab';
  const more = withLength(
    transportId(b.initiatorPort.toUpperCase(), 1),
    transportId(c.initiatorName, 0),
    transportId(away, 1),
  );
  t.is((await reserveOut(unit, a, 'register', { serviceKey: 5, flags: 8, more })).status, good);
  t.deepEqual(await readKeys(unit, a), { generation: 1, keys: [5, 5, 5, 5] });
  t.is((await reserveOut(unit, c, 'reserve', { key: 5, type: 1 })).status, good);
  const { data } = await ask(unit, a, '5e030000000000ffff00');
  t.true(data.includes(away));
  t.is(
    (await reserveOut(unit, a, 'register', { key: 5, serviceKey: 6, flags: 8, more })).where,
    'parameters 20.3',
  );
});
test('SPEC_I_PT: a list that is not whole registers nobody', async (t) => {
  const unit = new PlainUnit();
  const a = attached(unit, 'a');
  const known = transportId(a.initiatorPort, 1);
  const cut = known.subarray(0, known.length - 4);
  const bad: readonly (readonly [string, Buffer])[] = [
    ['5 26 00 parameters 24', Buffer.concat([withLength(known), Buffer.alloc(4)])],
    ['5 26 00 parameters 30', withLength(cut)],
    ['5 26 00 parameters 28', withLength(Buffer.alloc(3))],
    ['5 26 00 parameters 28', withLength(transportId('iqn.nobody', 0))],
    ['5 26 00 parameters 32', withLength(transportId('iqn.nobody,i,0xzz', 1))],
    ['5 26 00 parameters 28.3', withLength(Buffer.alloc(24))],
    [
      '5 26 00 parameters 32',
      withLength(transportId(`iqn.${'x'.repeat(220)},i,0x000000000000`, 1)), // RFC 7143 4.2.7.1: 223 bytes
    ],
    ['5 26 00 parameters 28.7', withLength(transportId('iqn.x', 2))],
    ['5 1a 00 ', Buffer.alloc(2)],
  ];
  for (const [expected, more] of bad) {
    const { why, where } = await reserveOut(unit, a, 'register', { serviceKey: 5, flags: 8, more });
    t.is(`${why} ${where}`, expected);
  }
  t.is(
    (await reserveOut(unit, a, 'registerIgnore', { serviceKey: 5, flags: 8, more: withLength(known) })).where,
    'parameters 20.3',
  );
  t.is((await reserveOut(unit, a, 'register', { serviceKey: 5, more: Buffer.alloc(4) })).why, '5 1a 00');
  t.is((await ask(unit, a, '5f000000000000001700', '00'.repeat(23))).why, '5 1a 00');
  t.deepEqual(await readKeys(unit, a), { generation: 0, keys: [] });
});
test('ALL_TG_PT registers the initiator port at every target port', async (t) => {
  const unit = new PlainUnit();
  unit.setTargetPorts([
    { targetPort: 'iqn.2024-01.test:target,t,0x0001', relativeTargetPort: 1 },
    { targetPort: 'iqn.2024-01.test:target,t,0x0002', relativeTargetPort: 2 },
  ]);
  const a = attached(unit, 'a');
  const other = attached(unit, { ...a, id: 'a at 2', relativeTargetPort: 2 });
  t.is((await reserveOut(unit, a, 'register', { serviceKey: 5, flags: 4 })).status, good);
  t.is((await reserveOut(unit, other, 'reserve', { key: 5, type: 1 })).status, good);
  t.is((await ask(unit, a, changing)).status, conflict, 'each of them is a nexus of its own');
  const { data } = await ask(unit, a, '5e030000000000ffff00');
  t.deepEqual([data.readUInt16BE(8 + 18), data[8 + 12]], [1, 0]);
  const second = 8 + 24 + data.readUInt32BE(8 + 20);
  t.deepEqual([data.readUInt16BE(second + 18), data[second + 12], data[second + 13]], [2, 1, 1]);
  t.is((await reserveOut(unit, a, 'register', { key: 5, flags: 4 })).status, good);
  t.deepEqual((await readKeys(unit, a)).keys, []);
});

test('REGISTER AND MOVE hands the reservation over', async (t) => {
  const { unit, a, b, c } = await threeNexuses();
  const to = transportId(c.initiatorPort, 1);
  t.is((await registerAndMove(unit, a, { key: 10, serviceKey: 12, to })).where, 'cdb 1.4', 'nothing to move');
  await reserveOut(unit, a, 'reserve', { key: 10, type: 6 });
  const refused = async (options: Partial<Parameters<typeof registerAndMove>[2]>): Promise<string> => {
    const { why, where } = await registerAndMove(unit, a, { key: 10, serviceKey: 12, to, ...options });
    return `${why} ${where}`;
  };
  t.is(await refused({ serviceKey: 0 }), '5 26 00 parameters 8');
  t.is(await refused({ to: transportId(a.initiatorPort, 1) }), '5 26 00 parameters 24');
  t.is(await refused({ to: transportId('iqn.nobody', 0) }), '5 26 00 parameters 24');
  t.is(await refused({ to: Buffer.concat([to, to]) }), '5 26 00 parameters 20');
  t.is(await refused({ port: 9 }), '5 26 00 parameters 18');
  t.is((await registerAndMove(unit, b, { key: 11, serviceKey: 12, to })).status, conflict, 'not the holder');
  t.is((await registerAndMove(unit, a, { key: 10, serviceKey: 12, to, unregister: true })).status, good);
  t.deepEqual(await readReservation(unit, a), { type: 6, key: 12 });
  t.deepEqual(await readKeys(unit, a), { generation: 3, keys: [11, 12] });
  t.is((await ask(unit, a, changing)).status, conflict);
  t.is(
    (await registerAndMove(unit, c, { key: 12, serviceKey: 13, to: transportId(b.initiatorName, 0) })).status,
    good,
  );
  t.deepEqual(await readReservation(unit, a), { type: 6, key: 13 });
  t.deepEqual((await readKeys(unit, a)).keys, [13, 12]);
});
test('an all registrants reservation cannot be moved', async (t) => {
  const { unit, a, c } = await threeNexuses();
  await reserveOut(unit, a, 'reserve', { key: 10, type: 7 });
  t.is(
    (await registerAndMove(unit, a, { key: 10, serviceKey: 12, to: transportId(c.initiatorPort, 1) })).status,
    conflict,
  );
});

// --- reports, limits, power loss -------------------------------------------------------------------------------------

test('REPORT CAPABILITIES', async (t) => {
  const { unit, a } = await threeNexuses();
  t.is((await ask(unit, a, '5e02000000000000ff00')).data.toString('hex'), '00081db0ea010000');
  await reserveOut(unit, a, 'register', { key: 10, serviceKey: 10, flags: 1 });
  t.is((await ask(unit, a, '5e02000000000000ff00')).data[3], 0xb1);
});
test('lists are cut to the allocation length and say how long they are', async (t) => {
  const { unit, a } = await threeNexuses();
  t.is((await ask(unit, a, '5e000000000000000c00')).data.toString('hex'), '000000020000001000000000');
});
test('registrations have a limit', async (t) => {
  const unit = new PlainUnit();
  const a = attached(unit, 'a');
  const ids = Array.from({ length: 256 }, (_, index) => transportId(`iqn.x:${index},i,0x000000000001`, 1));
  t.is(
    (await reserveOut(unit, a, 'register', { serviceKey: 1, flags: 8, more: withLength(...ids) })).why,
    '5 55 04',
  );
  t.is((await readKeys(unit, a)).keys.length, 0);
  t.is(
    (await reserveOut(unit, a, 'register', { serviceKey: 1, flags: 8, more: withLength(...ids.slice(1)) }))
      .status,
    good,
  );
  t.is((await readKeys(unit, a)).keys.length, 256);
});
test('with APTPL all is there after a power loss, without it nothing is', async (t) => {
  const persistence = new MemoryPersistence();
  const { unit, a, b } = await threeNexuses(persistence);
  t.is(persistence.blobs.size, 0);
  await reserveOut(unit, a, 'register', { key: 10, serviceKey: 20, flags: 1 });
  await reserveOut(unit, a, 'reserve', { key: 20, type: 5 });
  const again = async (): Promise<{ keys: number[]; reservation: unknown; generation: number }> => {
    const next = new PlainUnit(persistence);
    await next.load();
    const nexus = attached(next, 'b');
    return { ...(await readKeys(next, nexus)), reservation: await readReservation(next, nexus) };
  };
  t.deepEqual(await again(), { keys: [20, 11], generation: 0, reservation: { type: 5, key: 20 } });
  await reserveOut(unit, b, 'preempt', { key: 11, serviceKey: 20, type: 8 });
  t.deepEqual(await again(), { keys: [11], generation: 0, reservation: { type: 8, key: 0 } });
  takeAttentions(unit, b);
  await reserveOut(unit, b, 'register', { key: 11, serviceKey: 12 });
  t.deepEqual(await again(), { keys: [], generation: 0, reservation: undefined }, 'the last APTPL counts');
});
test('a change that cannot be kept is not made', async (t) => {
  const persistence = new MemoryPersistence();
  const { unit, a, b } = await threeNexuses(persistence);
  await reserveOut(unit, a, 'register', { key: 10, serviceKey: 10, flags: 1 });
  persistence.failing = true;
  t.is((await reserveOut(unit, a, 'clear', { key: 10 })).why, '4 44 00');
  persistence.failing = false;
  t.deepEqual((await readKeys(unit, a)).keys, [10, 11]);
  t.deepEqual(takeAttentions(unit, b), []);
  t.is((await reserveOut(unit, a, 'clear', { key: 10 })).status, good, 'and the next one is tried afresh');
});
test('a damaged record of reservations is not guessed at', async (t) => {
  const persistence = new MemoryPersistence();
  const { unit, a } = await threeNexuses(persistence);
  await reserveOut(unit, a, 'register', { key: 10, serviceKey: 10, flags: 1 });
  const [key, blob] = [...persistence.blobs][0] ?? ['', Buffer.alloc(0)];
  for (const damaged of [
    blob.subarray(0, -1),
    Buffer.concat([blob, Buffer.alloc(1)]),
    blob.subarray(0, 4),
    Buffer.alloc(0),
  ]) {
    persistence.blobs.set(key, damaged);
    await t.throwsAsync(async () => await new PlainUnit(persistence).load(), { code: 'not-reservations' });
  }
});
test('a nexus that is away keeps its registration and finds it when it is back', async (t) => {
  const { unit, a } = await threeNexuses();
  await reserveOut(unit, a, 'reserve', { key: 10, type: 3 });
  await unit.detach(a);
  const back = attached(unit, fakeNexus('a'));
  t.is((await ask(unit, back, changing)).status, good);
  await unit.reset('logical-unit');
  takeAttentions(unit, back);
  t.deepEqual(await readReservation(unit, back), { type: 3, key: 10 }, 'a reset leaves it');
});
