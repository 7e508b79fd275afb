/** RESERVE and RELEASE, persistent reservations: the cases that the standard names. */
import test from 'ava';
import { type Nexus, STATUS } from '#scsi';
import {
  ask,
  attached,
  MemoryPersistence,
  PlainUnit,
  type Ran,
  readKeys,
  readReservation,
  reserveOut,
  takeAttentions,
  threeNexuses,
} from '#support';

const conflict = STATUS.reservationConflict;
const { good } = STATUS;

/** One command of each kind of row. */
const allowed = '4d004000000000010000'; // LOG SENSE
const reading = '1a003f00ff00'; // MODE SENSE
const changing = '151000000000'; // MODE SELECT
const testReady = '000000000000';

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
test('RESERVE waits for a registration that is being saved', async (t) => {
  const persistence = new MemoryPersistence();
  const unit = new PlainUnit(persistence);
  const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
  let reserving: Promise<Ran> | undefined;
  const save = persistence.save.bind(persistence);
  persistence.save = async (key, value) => {
    reserving = ask(unit, b, '160000000000');
    await new Promise((resolve) => setImmediate(resolve));
    await save(key, value);
  };
  const aptpl = 1;
  t.is((await reserveOut(unit, a, 'register', { serviceKey: 1, flags: aptpl })).status, good);
  t.is((await reserving)?.status, conflict);
  t.is(unit.reservations.reservedBy, undefined);
});
test('compatible handling: who is party to a persistent reservation reserves and releases without effect', async (t) => {
  const { unit, a, b, c } = await threeNexuses();
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
  const { unit, a, c } = await threeNexuses();
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
    const { unit, a, b, c } = await threeNexuses();
    await reserveOut(unit, a, 'reserve', { key: 10, type });
    t.is((await reserveOut(unit, a, 'register', { key: 10 })).status, good);
    t.is(await readReservation(unit, c), undefined);
    t.deepEqual(takeAttentions(unit, b), [...told]);
    t.deepEqual(takeAttentions(unit, a), []);
  }
});
test('an all registrants reservation lives as long as one registrant does', async (t) => {
  const { unit, a, b, c } = await threeNexuses();
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
    const { unit, a, b, c } = await threeNexuses();
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
  const { unit, a, b, c } = await threeNexuses();
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
  const { unit, a, b, c } = await threeNexuses();
  await reserveOut(unit, a, 'reserve', { key: 10, type: 1 });
  t.is((await reserveOut(unit, b, 'clear', { key: 11 })).status, good);
  t.deepEqual(await readKeys(unit, c), { generation: 3, keys: [] });
  t.is(await readReservation(unit, c), undefined);
  t.deepEqual(takeAttentions(unit, a), ['2a/03']);
  t.deepEqual(takeAttentions(unit, b), []);
});

// --- preempting ----------------------------------------------------------------------------------------------------

test('PREEMPT of the holder takes the reservation, with a new type if asked', async (t) => {
  const { unit, a, b, c } = await threeNexuses();
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
  const { unit, a, b, c } = await threeNexuses();
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
  const { unit, a, b } = await threeNexuses();
  await reserveOut(unit, a, 'reserve', { key: 10, type: 1 });
  t.is((await reserveOut(unit, a, 'preempt', { key: 10, serviceKey: 10, type: 8 })).status, good);
  t.deepEqual(await readReservation(unit, a), { type: 8, key: 0 });
  t.deepEqual((await readKeys(unit, a)).keys, [10, 11]);
  t.deepEqual(takeAttentions(unit, b), ['2a/04']);
});
test('PREEMPT without a reservation removes registrations, one’s own too', async (t) => {
  const { unit, a, b } = await threeNexuses();
  t.is((await reserveOut(unit, a, 'preempt', { key: 10, serviceKey: 10, type: 0, scope: 9 })).status, good);
  t.deepEqual((await readKeys(unit, a)).keys, [11]);
  t.deepEqual([takeAttentions(unit, a), takeAttentions(unit, b)], [[], []]);
});
test('PREEMPT of an all registrants reservation: key zero takes it from all, another key one registration', async (t) => {
  const { unit, a, b, c } = await threeNexuses();
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
  const { unit, a } = await threeNexuses();
  t.is((await reserveOut(unit, a, 'reserve', { key: 10, type: 2 })).where, 'cdb 2.3');
  t.is((await reserveOut(unit, a, 'reserve', { key: 10, type: 1, scope: 1 })).where, 'cdb 2.7');
  t.is((await reserveOut(unit, a, 'reserve', { key: 11, type: 2 })).status, conflict, 'the key comes first');
  await reserveOut(unit, a, 'reserve', { key: 10, type: 1 });
  t.is((await reserveOut(unit, a, 'preempt', { key: 10, serviceKey: 10, type: 4 })).where, 'cdb 2.3');
});
