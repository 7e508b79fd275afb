/** RESERVE and RELEASE, persistent reservations: the cases that the standard names. */
import test from 'ava';
import { type Nexus, STATUS } from '#scsi';
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
} from '#support';

const conflict = STATUS.reservationConflict;
const { good } = STATUS;

/** One command of each kind of row. */
const allowed = '4d004000000000010000'; // LOG SENSE
const reading = '1a003f00ff00'; // MODE SENSE
const changing = '151000000000'; // MODE SELECT
const testReady = '000000000000';

interface Three {
  readonly unit: PlainUnit;
  readonly a: Nexus;
  readonly b: Nexus;
  readonly c: Nexus;
}
/** Nexuses a and b, registered with keys 10 and 11, and c. */
async function three(persistence = new MemoryPersistence()): Promise<Three> {
  const unit = new PlainUnit(persistence);
  const [a, b, c] = [attached(unit, 'a'), attached(unit, 'b'), attached(unit, 'c')];
  await reserveOut(unit, a, 'register', { serviceKey: 10 });
  await reserveOut(unit, b, 'register', { serviceKey: 11 });
  return { unit, a, b, c };
}

// --- RESERVE and RELEASE -------------------------------------------------------------------------------------------

test('RESERVE keeps others out; what SPC-2 allows passes', async (t) => {
  const unit = new PlainUnit();
  const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
  for (const [reserve, release] of [
    ['160000000000', '170000000000'],
    ['56000000000000000000', '57000000000000000000'],
  ] as const) {
    t.is((await ask(unit, a, reserve)).status, good);
    t.is((await ask(unit, a, reserve)).status, good, 'again by the holder');
    for (const cdb of [reserve, reading, changing, testReady])
      t.is((await ask(unit, b, cdb)).status, conflict, cdb);
    for (const cdb of ['120000002400', '03000000fc00', 'a00000000000000001000000', allowed, release]) {
      t.is((await ask(unit, b, cdb)).status, good, cdb);
    }
    t.is((await ask(unit, b, changing)).status, conflict, 'RELEASE by another has released nothing');
    t.is((await ask(unit, a, changing)).status, good);
    t.is((await ask(unit, a, release)).status, good);
    t.is((await ask(unit, b, changing)).status, good);
  }
});
test('RESERVE(10) for third parties is refused', async (t) => {
  const unit = new PlainUnit();
  const a = attached(unit, 'a');
  t.is((await ask(unit, a, '56100000000000000000')).where, 'cdb 1.4');
  t.is((await ask(unit, a, '56000000000000000800', '00'.repeat(8))).where, 'cdb 7');
});
test('RESERVE and persistent reservations keep each other out', async (t) => {
  const unit = new PlainUnit();
  const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
  await ask(unit, a, '160000000000');
  t.is((await reserveOut(unit, a, 'register', { serviceKey: 1 })).status, conflict, 'for the holder too');
  t.is((await ask(unit, b, '5e000000000000ffff00')).status, conflict);
  await ask(unit, a, '170000000000');
  t.is((await reserveOut(unit, a, 'register', { serviceKey: 1 })).status, good);
  for (const cdb of ['160000000000', '170000000000']) {
    t.is((await ask(unit, a, cdb)).status, conflict, 'registered, and nothing reserved');
    t.is((await ask(unit, b, cdb)).status, conflict);
  }
});
test('compatible handling: who is party to a persistent reservation reserves and releases without effect', async (t) => {
  const { unit, a, b, c } = await three();
  await reserveOut(unit, a, 'reserve', { key: 10, type: 5 });
  for (const cdb of ['160000000000', '170000000000']) {
    t.is((await ask(unit, a, cdb)).status, good);
    t.is((await ask(unit, b, cdb)).status, good, 'registered, and the type is registrants only');
    t.is((await ask(unit, c, cdb)).status, conflict);
  }
  t.is(unit.reservations.reservedBy, undefined);
  await reserveOut(unit, a, 'release', { key: 10, type: 5 });
  await reserveOut(unit, a, 'reserve', { key: 10, type: 1 });
  takeAttentions(unit, b);
  t.is((await ask(unit, b, '160000000000')).status, conflict, 'only the holder is party to that one');
});

// --- registering ---------------------------------------------------------------------------------------------------

test('REGISTER: the key must be the registered one, or zero before', async (t) => {
  const unit = new PlainUnit();
  const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
  t.is((await reserveOut(unit, a, 'register', { key: 1, serviceKey: 2 })).status, conflict);
  t.is((await reserveOut(unit, a, 'register', { serviceKey: 0 })).status, good);
  t.deepEqual(await readKeys(unit, b), { generation: 0, keys: [] });
  t.is((await reserveOut(unit, a, 'register', { serviceKey: 2 })).status, good);
  t.is((await reserveOut(unit, a, 'register', { serviceKey: 3 })).status, conflict);
  t.is((await reserveOut(unit, a, 'register', { key: 2, serviceKey: 3 })).status, good);
  t.is((await reserveOut(unit, b, 'registerIgnore', { key: 99, serviceKey: 4 })).status, good);
  t.is((await reserveOut(unit, b, 'registerIgnore', { key: 99, serviceKey: 5 })).status, good);
  t.deepEqual(await readKeys(unit, b), { generation: 4, keys: [3, 5] });
  t.is((await reserveOut(unit, b, 'registerIgnore', { serviceKey: 0 })).status, good);
  t.is((await reserveOut(unit, a, 'register', { key: 3, serviceKey: 0 })).status, good);
  t.deepEqual(await readKeys(unit, b), { generation: 6, keys: [] });
});
test('who is not registered, or has another key, may do nothing else', async (t) => {
  const { unit, a, c } = await three();
  for (const action of ['reserve', 'release', 'clear', 'preempt', 'preemptAndAbort'] as const) {
    t.is((await reserveOut(unit, c, action, { serviceKey: 10, type: 1 })).status, conflict, action);
    t.is((await reserveOut(unit, a, action, { key: 11, serviceKey: 11, type: 1 })).status, conflict, action);
  }
  t.deepEqual(await readKeys(unit, c), { generation: 2, keys: [10, 11] });
});
test('unregistering the holder releases; registrants only types tell the others', async (t) => {
  for (const [type, told] of [
    [1, []],
    [3, []],
    [5, ['2a/04']],
    [6, ['2a/04']],
  ] as const) {
    const { unit, a, b, c } = await three();
    await reserveOut(unit, a, 'reserve', { key: 10, type });
    t.is((await reserveOut(unit, a, 'register', { key: 10 })).status, good);
    t.is(await readReservation(unit, c), undefined);
    t.deepEqual(takeAttentions(unit, b), [...told]);
    t.deepEqual(takeAttentions(unit, a), []);
  }
});
test('an all registrants reservation lives as long as one registrant does', async (t) => {
  const { unit, a, b, c } = await three();
  t.is((await reserveOut(unit, a, 'reserve', { key: 10, type: 7 })).status, good);
  t.deepEqual(await readReservation(unit, c), { type: 7, key: 0 });
  t.is((await reserveOut(unit, b, 'reserve', { key: 11, type: 7 })).status, good, 'b holds it too');
  await reserveOut(unit, a, 'register', { key: 10 });
  t.deepEqual(await readReservation(unit, c), { type: 7, key: 0 });
  t.deepEqual(takeAttentions(unit, b), []);
  await reserveOut(unit, b, 'register', { key: 11 });
  t.is(await readReservation(unit, c), undefined);
});

// --- what a reservation refuses ------------------------------------------------------------------------------------

/** Type → what the holder, another registrant and a stranger get for a reading and for a changing command. */
const matrix: readonly (readonly [number, string, string, string])[] = [
  [1, 'gg', 'gc', 'gc'],
  [3, 'gg', 'cc', 'cc'],
  [5, 'gg', 'gg', 'gc'],
  [6, 'gg', 'gg', 'cc'],
  [7, 'gg', 'gg', 'gc'],
  [8, 'gg', 'gg', 'cc'],
];
for (const [type, holder, registrant, stranger] of matrix) {
  test(`type ${type} refuses what the standard says`, async (t) => {
    const { unit, a, b, c } = await three();
    t.is((await reserveOut(unit, a, 'reserve', { key: 10, type })).status, good);
    const got = async (nexus: Nexus): Promise<string> => {
      const statuses = [await ask(unit, nexus, reading), await ask(unit, nexus, changing)];
      return statuses.map(({ status }) => (status === good ? 'g' : 'c')).join('');
    };
    t.deepEqual([await got(a), await got(b), await got(c)], [holder, registrant, stranger]);
    for (const cdb of [allowed, testReady, '5e000000000000ffff00'])
      t.is((await ask(unit, c, cdb)).status, good);
    t.is((await reserveOut(unit, b, 'reserve', { key: 11, type: type === 1 ? 3 : 1 })).status, conflict);
    t.is((await reserveOut(unit, a, 'reserve', { key: 10, type: type === 1 ? 3 : 1 })).status, conflict);
  });
}

test('RELEASE: by the holder and of that type only', async (t) => {
  const { unit, a, b, c } = await three();
  t.is((await reserveOut(unit, a, 'release', { key: 10, type: 1 })).status, good, 'nothing to release');
  await reserveOut(unit, a, 'reserve', { key: 10, type: 6 });
  t.is(
    (await reserveOut(unit, b, 'release', { key: 11, type: 6 })).status,
    good,
    'not the holder: no effect',
  );
  t.deepEqual(await readReservation(unit, c), { type: 6, key: 10 });
  t.is((await reserveOut(unit, a, 'release', { key: 10, type: 5 })).why, '5 26 04');
  t.is((await reserveOut(unit, a, 'release', { key: 10, type: 6 })).status, good);
  t.deepEqual(takeAttentions(unit, b), ['2a/04']);
  t.deepEqual(takeAttentions(unit, c), [], 'who is not registered is not told');
  t.is((await readKeys(unit, c)).generation, 2, 'RESERVE and RELEASE do not count');
});
test('CLEAR takes all away and tells the others', async (t) => {
  const { unit, a, b, c } = await three();
  await reserveOut(unit, a, 'reserve', { key: 10, type: 1 });
  t.is((await reserveOut(unit, b, 'clear', { key: 11 })).status, good);
  t.deepEqual(await readKeys(unit, c), { generation: 3, keys: [] });
  t.is(await readReservation(unit, c), undefined);
  t.deepEqual(takeAttentions(unit, a), ['2a/03']);
  t.deepEqual(takeAttentions(unit, b), []);
});

// --- preempting ----------------------------------------------------------------------------------------------------

test('PREEMPT of the holder takes the reservation, with a new type if asked', async (t) => {
  const { unit, a, b, c } = await three();
  await reserveOut(unit, c, 'register', { serviceKey: 12 });
  await reserveOut(unit, a, 'reserve', { key: 10, type: 1 });
  t.is((await reserveOut(unit, b, 'preempt', { key: 11, serviceKey: 10, type: 5 })).status, good);
  t.deepEqual(await readReservation(unit, b), { type: 5, key: 11 });
  t.deepEqual(await readKeys(unit, b), { generation: 4, keys: [11, 12] });
  t.deepEqual(takeAttentions(unit, a), ['2a/05']);
  t.deepEqual(takeAttentions(unit, c), ['2a/04'], 'the type has changed');
  t.deepEqual(takeAttentions(unit, b), []);
});
test('PREEMPT of others removes registrations and leaves the reservation', async (t) => {
  const { unit, a, b, c } = await three();
  await reserveOut(unit, a, 'reserve', { key: 10, type: 3 });
  await reserveOut(unit, c, 'register', { serviceKey: 11 });
  t.is((await reserveOut(unit, a, 'preempt', { key: 10, serviceKey: 11, type: 1 })).status, good);
  t.deepEqual(await readReservation(unit, a), { type: 3, key: 10 });
  t.deepEqual((await readKeys(unit, a)).keys, [10]);
  t.deepEqual([takeAttentions(unit, b), takeAttentions(unit, c)], [['2a/05'], ['2a/05']]);
  t.is(
    (await reserveOut(unit, a, 'preempt', { key: 10, serviceKey: 77, type: 1 })).status,
    conflict,
    'nobody has it',
  );
  const zero = await reserveOut(unit, a, 'preempt', { key: 10, serviceKey: 0, type: 1 });
  t.is(`${zero.why} ${zero.where}`, '5 26 00 parameters 8');
});
test('PREEMPT by the holder of itself changes the type and keeps the registration', async (t) => {
  const { unit, a, b } = await three();
  await reserveOut(unit, a, 'reserve', { key: 10, type: 1 });
  t.is((await reserveOut(unit, a, 'preempt', { key: 10, serviceKey: 10, type: 8 })).status, good);
  t.deepEqual(await readReservation(unit, a), { type: 8, key: 0 });
  t.deepEqual((await readKeys(unit, a)).keys, [10, 11]);
  t.deepEqual(takeAttentions(unit, b), ['2a/04']);
});
test('PREEMPT without a reservation removes registrations, one’s own too', async (t) => {
  const { unit, a, b } = await three();
  t.is((await reserveOut(unit, a, 'preempt', { key: 10, serviceKey: 10, type: 0, scope: 9 })).status, good);
  t.deepEqual((await readKeys(unit, a)).keys, [11]);
  t.deepEqual([takeAttentions(unit, a), takeAttentions(unit, b)], [[], []]);
});
test('PREEMPT of an all registrants reservation: key zero takes it from all, another key one registration', async (t) => {
  const { unit, a, b, c } = await three();
  await reserveOut(unit, c, 'register', { serviceKey: 12 });
  await reserveOut(unit, a, 'reserve', { key: 10, type: 8 });
  t.is((await reserveOut(unit, a, 'preempt', { key: 10, serviceKey: 12, type: 1 })).status, good);
  t.deepEqual(await readReservation(unit, a), { type: 8, key: 0 });
  t.deepEqual(takeAttentions(unit, c), ['2a/05']);
  t.is((await reserveOut(unit, b, 'preempt', { key: 11, serviceKey: 0, type: 3 })).status, good);
  t.deepEqual(await readReservation(unit, b), { type: 3, key: 11 });
  t.deepEqual((await readKeys(unit, b)).keys, [11]);
  t.deepEqual(takeAttentions(unit, a), ['2a/05']);
});
test('scope and type are checked where they count', async (t) => {
  const { unit, a } = await three();
  t.is((await reserveOut(unit, a, 'reserve', { key: 10, type: 2 })).where, 'cdb 2.3');
  t.is((await reserveOut(unit, a, 'reserve', { key: 10, type: 1, scope: 1 })).where, 'cdb 2.7');
  t.is((await reserveOut(unit, a, 'reserve', { key: 11, type: 2 })).status, conflict, 'the key comes first');
  await reserveOut(unit, a, 'reserve', { key: 10, type: 1 });
  t.is((await reserveOut(unit, a, 'preempt', { key: 10, serviceKey: 10, type: 4 })).where, 'cdb 2.3');
});

// --- other ports ---------------------------------------------------------------------------------------------------

/** TransportID by the table of SPC-5: format, protocol 5, length, text, null and padding to four. */
function transportId(text: string, format: number): Buffer {
  const body = Buffer.alloc(Math.max(20, Math.ceil((text.length + 1) / 4) * 4));
  body.write(text);
  return Buffer.concat([Buffer.from([(format << 6) | 5, 0, 0, body.length]), body]);
}
const withLength = (...ids: readonly Buffer[]): Buffer => {
  const length = Buffer.alloc(4);
  const all = Buffer.concat(ids);
  length.writeUInt32BE(all.length);
  return Buffer.concat([length, all]);
};

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
  const { unit, a, b, c } = await three();
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
  const { unit, a, c } = await three();
  await reserveOut(unit, a, 'reserve', { key: 10, type: 7 });
  t.is(
    (await registerAndMove(unit, a, { key: 10, serviceKey: 12, to: transportId(c.initiatorPort, 1) })).status,
    conflict,
  );
});

// --- reports, limits, power loss -------------------------------------------------------------------------------------

test('REPORT CAPABILITIES', async (t) => {
  const { unit, a } = await three();
  t.is((await ask(unit, a, '5e02000000000000ff00')).data.toString('hex'), '00081db0ea010000');
  await reserveOut(unit, a, 'register', { key: 10, serviceKey: 10, flags: 1 });
  t.is((await ask(unit, a, '5e02000000000000ff00')).data[3], 0xb1);
});
test('lists are cut to the allocation length and say how long they are', async (t) => {
  const { unit, a } = await three();
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
  const { unit, a, b } = await three(persistence);
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
  const { unit, a, b } = await three(persistence);
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
  const { unit, a } = await three(persistence);
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
  const { unit, a } = await three();
  await reserveOut(unit, a, 'reserve', { key: 10, type: 3 });
  await unit.detach(a);
  const back = attached(unit, fakeNexus('a'));
  t.is((await ask(unit, back, changing)).status, good);
  await unit.reset('logical-unit');
  takeAttentions(unit, back);
  t.deepEqual(await readReservation(unit, back), { type: 3, key: 10 }, 'a reset leaves it');
});
