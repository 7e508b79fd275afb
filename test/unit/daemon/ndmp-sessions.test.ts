/** Devices under their NDMP names, sessions as they are shown, and what an operator may not do under them. */
import test from 'ava';
import { fakeNexus, idleMover, ndmpSession } from '#support';
import { ndmpAdmin, type NdmpAdmin } from './ndmp-bench.js';

type Row = Record<string, unknown>;

test('drives and changers have names that are made of theirs, and are found by serial number too', async (t) => {
  const admin = await ndmpAdmin(t);
  await admin.do('library.create', { name: 'lib.2', drives: 1, slots: 1 });
  await admin.do('tape.move', { barcode: 'TS0001L8', to: 'drive1', library: 'library0' });
  const { devices } = admin.site;
  t.deepEqual(
    devices.list().map(({ name, kind, model }) => [name, kind, model]),
    [
      ['library0/changer', 'changer', 'IBM 03584L32'],
      ['library0/drive0', 'tape', 'IBM ULT3580-TD8'],
      ['library0/drive1', 'tape', 'IBM ULT3580-TD8'],
      ['library0/drive2', 'tape', 'IBM ULT3580-TD8'],
      ['library0/drive3', 'tape', 'IBM ULT3580-TD8'],
      ['lib.2/changer', 'changer', 'IBM 03584L32'],
      ['lib.2/drive0', 'tape', 'IBM ULT3580-TD8'],
    ],
  );
  const drive = devices.find('lib.2/drive0');
  if (drive?.kind !== 'tape') return t.fail();
  t.true(admin.installation.driveOfId(drive.drive.id)?.drive.face.unit === drive.unit);
  t.is(devices.find(drive.serial)?.name, 'lib.2/drive0');
  t.is(devices.find('drive0'), undefined);
  await admin.do('drive.set', {
    drive: 'drive0',
    library: 'lib.2',
    product: 'X',
    serial: 'lib.2/changer'.slice(0, 3),
  });
  t.is(devices.find('lib')?.model, 'IBM X');

  admin.server.open = [ndmpSession(3, { tape: 'library0/drive1', tapeMode: 'read' })];
  const shown = await admin.do<Row[]>('ndmp.device.list', { library: 'library0' });
  t.is(shown.length, 5);
  t.like(shown[2], {
    name: 'library0/drive1',
    kind: 'tape',
    state: 'ready',
    barcode: 'TS0001L8',
    session: 3,
    heldBy: 'session 3, backup at 192.0.2.7',
  });
  t.like(shown[0], { kind: 'changer', state: null, session: null, heldBy: null });
  t.like(await admin.do('drive.show', { drive: 'drive1', library: 'library0' }), {
    heldBy: 'NDMP session 3, backup at 192.0.2.7',
  });
  await admin.do('drive.delete', { drive: 'drive0', library: 'lib.2' });
  t.is(devices.find('lib.2/drive0'), undefined);
});

test('a host that keeps a drive for itself is named where NDMP finds it busy', async (t) => {
  const admin = await ndmpAdmin(t);
  const { device } = admin.installation.target(undefined);
  const nexus = fakeNexus('host');
  device.attach(nexus);
  await device.units.get(1)?.reservations.reserve(nexus);
  const held = async (): Promise<unknown[]> =>
    (await admin.do<Row[]>('ndmp.device.list')).map((row) => row['heldBy']);
  t.deepEqual(await held(), [null, `reserved by ${nexus.initiatorName}`, null, null, null]);
  await device.detach(nexus);
  t.deepEqual(await held(), [null, null, null, null, null]);
});

test('a session is shown with what it moves, and how far a job is', async (t) => {
  const admin = await ndmpAdmin(t);
  const mover = {
    ...idleMover,
    mode: 'read',
    recordNum: 7,
    bytesMoved: 7n * 65_536n,
    recordSize: 65_536,
  } as const;
  const data = {
    state: 'active',
    operation: 'backup',
    path: '/srv',
    bytes: 300n,
    estimateBytes: 1000n,
    files: 5,
  } as const;
  admin.server.open = [
    ndmpSession(1, { user: undefined, authorized: false }),
    ndmpSession(2, { tape: 'library0/drive0', mover: { ...mover, state: 'paused', pauseReason: 'eom' } }),
    ndmpSession(3, { data, mover: { ...mover, state: 'active' }, tls: true, user: undefined }),
    ndmpSession(4, { data: { ...data, bytes: 2000n } }),
    ndmpSession(5, { data: { ...data, state: 'halted', reason: 'successful' } }),
  ];
  const rows = await admin.do<Row[]>('ndmp.session.list');
  t.like(rows[0], { id: 1, peer: '192.0.2.7:701', user: null, mover: { state: 'idle' }, bytes: 0 });
  t.like(rows[1], { tape: 'library0/drive0', bytes: 458_752, percent: null, user: 'backup' });
  t.like(rows[1]?.['mover'], { state: 'paused', reason: 'eom', direction: 'to tape', records: 7 });
  t.like(rows[2], { tls: true, user: 'anonymous', bytes: 300, percent: 30 });
  t.like(rows[2]?.['mover'], { state: 'active', reason: 'to tape' });
  t.like(rows[2]?.['data'], {
    state: 'active',
    reason: 'backup',
    path: '/srv',
    percent: 30,
    estimateBytes: 1000,
  });
  t.is(rows[3]?.['percent'], 99);
  t.like(rows[4]?.['data'], { reason: 'successful', operation: 'backup' });
  t.is(rows[4]?.['percent'], null);
  t.notThrows(() => JSON.stringify(rows));

  t.like(await admin.do('ndmp.session.show', { id: 2 }), {
    local: '192.0.2.1:10000',
    tape: 'library0/drive0',
  });
  t.deepEqual(await admin.said('ndmp.session.drop', { id: 2 }), [
    'Ended NDMP session 2 of backup at 192.0.2.7:702; library0/drive0 is free',
  ]);
  t.is(admin.server.open.length, 4);
  t.regex(await admin.refused('not-found', 'ndmp.session.drop', { id: 2 }), /ndmp session list/);
  await admin.refused('not-found', 'ndmp.session.show', { id: 2 });
});

async function withOpenDrive(admin: NdmpAdmin): Promise<void> {
  await admin.do('tape.move', { barcode: 'TS0001L8', to: 'drive1' });
  admin.server.open = [ndmpSession(3, { tape: 'library0/drive1', tapeMode: 'read-write' })];
}

test('a cartridge is not moved or unloaded under a session, until it is ended', async (t) => {
  const admin = await ndmpAdmin(t);
  await withOpenDrive(admin);
  const message =
    'NDMP session 3, backup at 192.0.2.7, has drive1 open: let it close drive1, or end it with `tapesilo ndmp session drop 3`';
  const tape = { barcode: 'TS0001L8' };
  t.is(await admin.refused('conflict', 'tape.move', { ...tape, to: 'slot30' }), message);
  t.is(await admin.refused('conflict', 'tape.move', { ...tape, to: 'shelf' }), message);
  t.is(await admin.refused('conflict', 'tape.export', tape), message);
  await admin.refused('conflict', 'tape.delete', tape);
  await admin.refused('conflict', 'tape.erase', tape);
  t.is(await admin.refused('conflict', 'drive.unload', { drive: 'drive1' }), `${message}, or add --force`);
  t.like(await admin.do('drive.show', { drive: 'drive1' }), { state: 'ready' });
  // Another drive is nobody's.
  await admin.do('tape.move', { barcode: 'TS0002L8', to: 'drive0' });
  await admin.do('drive.unload', { drive: 'drive0', to: 'home' });

  await admin.do('ndmp.session.drop', { id: 3 });
  await admin.do('tape.move', { ...tape, to: 'slot30' });
});

test('an operator who insists unloads it', async (t) => {
  const admin = await ndmpAdmin(t);
  await withOpenDrive(admin);
  t.like(await admin.do('drive.unload', { drive: 'drive1', force: true }), { state: 'unloaded' });
});

test('an empty drive that a session waits with may be loaded, but not taken away', async (t) => {
  const admin = await ndmpAdmin(t);
  admin.server.open = [ndmpSession(3, { tape: 'library0/drive1' })];
  await admin.refused('conflict', 'drive.delete', { drive: 'drive1' });
  await admin.do('tape.move', { barcode: 'TS0001L8', to: 'drive1' });
});

test('a library of which something is open stays', async (t) => {
  const admin = await ndmpAdmin(t);
  const name = { name: 'library0' };
  admin.server.open = [ndmpSession(5, { scsi: 'library0/changer' })];
  t.regex(await admin.refused('conflict', 'library.delete', name), /session 5.* has its changer open/);
  admin.server.open = [ndmpSession(6, { tape: 'library0/drive3' })];
  t.regex(await admin.refused('conflict', 'library.delete', name), /session 6.* has drive3 open/);
  admin.server.open = [ndmpSession(7, { tape: 'other/drive0' })];
  await admin.do('library.delete', name);
});
