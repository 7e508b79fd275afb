/** CDBs of a DMA reach the unit and come back whole; one device per session, one session per device. */
import test from 'ava';
import { SENSE } from '#scsi';
import type { RequestOf } from '#ndmp';
import { breathe, changerName, driveName, NdmpBench, type NdmpClient } from '#support';

type Cdb = RequestOf<'scsiExecuteCdb'>;
const none = Buffer.alloc(0);
const cdbOf = (bytes: readonly number[], more: Partial<Cdb> = {}): Cdb => ({
  flags: more.datainLen === undefined ? 0 : 1,
  timeout: 0,
  datainLen: 0,
  cdb: Buffer.from(bytes),
  dataout: none,
  ...more,
});
const inquiry = [0x12, 0, 0, 0, 96, 0] as const;
const testUnitReady = [0, 0, 0, 0, 0, 0] as const;
const work = [0xc0, 0, 1, 0, 0, 0, 0, 0, 0, 0] as const;

const opened = async (bench: NdmpBench, version: 2 | 3 | 4 = 4): Promise<NdmpClient> => {
  const client = await bench.login(version);
  await client.must('scsiOpen', { device: changerName });
  return client;
};

test('one device at a time, by name or by serial number', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login();
  t.is(await client.errorOf('scsiOpen', { device: 'nothing' }), 'no-device');
  for (const name of ['scsiClose', 'scsiGetState', 'scsiResetDevice'] as const)
    t.is(await client.errorOf(name, {}), 'dev-not-open');
  t.is(await client.errorOf('scsiExecuteCdb', cdbOf(testUnitReady)), 'dev-not-open');
  t.is(await client.errorOf('scsiOpen', { device: 'TS0001' }), 'no-err');
  t.is(await client.errorOf('scsiOpen', { device: changerName }), 'device-opened');
  t.is(await client.errorOf('scsiClose', {}), 'no-err');
  await client.must('tapeOpen', { device: driveName, mode: 'read' });
  t.is(await client.errorOf('scsiOpen', { device: changerName }), 'device-opened');
  const other = await bench.login();
  t.is(await other.errorOf('scsiOpen', { device: driveName }), 'device-busy');
});

test('nothing that was before the session is told to it; what comes later is', async (t) => {
  const bench = await NdmpBench.make(t);
  bench.changer.raise(SENSE.importOrExportElementAccessed);
  const client = await opened(bench);
  t.is((await client.must('scsiExecuteCdb', cdbOf(testUnitReady))).status, 0);
  bench.changer.raise(SENSE.importOrExportElementAccessed);
  const told = await client.must('scsiExecuteCdb', cdbOf(testUnitReady));
  t.is(told.status, 2);
  t.deepEqual([told.extSense[0], told.extSense[2], told.extSense[12], told.extSense[13]], [0x70, 6, 0x28, 1]);
  t.is((await client.must('scsiExecuteCdb', cdbOf(testUnitReady))).status, 0);
});

test('data-in is cut to what was asked for', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await opened(bench);
  const whole = await client.must('scsiExecuteCdb', cdbOf(inquiry, { datainLen: 0xffff_ffff }));
  t.is(whole.datain.length, 96);
  t.is(whole.datain[0], 0x08);
  const cut = await client.must('scsiExecuteCdb', cdbOf(inquiry, { datainLen: 5 }));
  t.deepEqual(cut.datain, whole.datain.subarray(0, 5));
  t.is(
    (await client.must('scsiExecuteCdb', cdbOf(inquiry))).datain.length,
    0,
    'without a direction there is none',
  );
});

test('data-out goes to the unit, and how much it took is told', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await opened(bench);
  const echo = [0x3b, 0x0a, 0, 0, 0, 0, 0, 0, 8, 0];
  const dataout = Buffer.from('abcdefgh');
  const written = await client.must('scsiExecuteCdb', cdbOf(echo, { flags: 2, dataout }));
  t.deepEqual([written.status, written.dataoutLen], [0, 8]);
  const readBack = [0x3c, 0x0a, 0, 0, 0, 0, 0, 0, 8, 0];
  t.deepEqual((await client.must('scsiExecuteCdb', cdbOf(readBack, { datainLen: 8 }))).datain, dataout);
});

test('what is no CDB, and directions that there are not', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await opened(bench);
  for (const bytes of [[], [0], Array.from({ length: 5 }, () => 0), Array.from({ length: 17 }, () => 0)])
    t.is(await client.errorOf('scsiExecuteCdb', cdbOf(bytes)), 'illegal-args', `${bytes.length} bytes`);
  for (const flags of [3, 4, 0xffff_ffff])
    t.is(
      await client.errorOf('scsiExecuteCdb', cdbOf(testUnitReady, { flags })),
      'illegal-args',
      `flags ${flags}`,
    );
  const unknown = await client.must('scsiExecuteCdb', cdbOf([0xcf, 0, 0, 0, 0, 0]));
  t.deepEqual(
    [unknown.status, unknown.extSense[12]],
    [2, 0x20],
    'a CDB that the unit does not know is its to refuse',
  );
});

test('a command that takes too long is canceled; one without a limit is waited for', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await opened(bench);
  const late = client.errorOf('scsiExecuteCdb', cdbOf(work, { timeout: 5000 }));
  await breathe();
  bench.clock.pass(5000);
  await breathe();
  bench.changer.end(1);
  t.is(await late, 'timeout');
  const patient = client.must('scsiExecuteCdb', cdbOf(work));
  await breathe();
  bench.clock.pass(3600_000);
  await breathe();
  bench.changer.end(1);
  t.is((await patient).status, 0);
});

test('the session ends while a command runs: it is aborted, the device is free', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await opened(bench);
  client.sendRaw(client.encode('scsiExecuteCdb', cdbOf(work)));
  await breathe();
  t.deepEqual(bench.changer.started, [1]);
  client.close();
  await client.closed;
  await breathe();
  const other = await bench.login();
  t.is(
    await other.errorOf('scsiOpen', { device: changerName }),
    'no-err',
    'at once, not when the command ends',
  );
  bench.changer.end(1);
  await breathe();
});

test('where the device is, and a reset of it', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await opened(bench, 3);
  const where = { targetController: 0, targetId: 0, targetLun: 0 };
  t.deepEqual(await client.must('scsiGetState', {}), where);
  t.is(await client.errorOf('scsiSetTarget', { device: changerName, ...where }), 'no-err');
  t.is(await client.errorOf('scsiSetTarget', { device: changerName, ...where, targetId: 4 }), 'illegal-args');
  t.is(await client.errorOf('scsiSetTarget', { device: driveName, ...where }), 'illegal-args');
  t.is(await client.errorOf('scsiSetTarget', { device: 'nothing', ...where }), 'no-device');
  for (const name of ['scsiResetDevice', 'scsiResetBus'] as const) {
    t.is(await client.errorOf(name, {}), 'no-err');
    const told = await client.must('scsiExecuteCdb', cdbOf(testUnitReady));
    t.deepEqual([told.status, told.extSense[12]], [2, 0x29], name);
  }
});

test('devices are listed by kind and model, with what tells them apart', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login();
  const { tapeInfo } = await client.must('configGetTapeInfo', {});
  t.is(tapeInfo.length, 1);
  t.like(tapeInfo[0], { model: 'IBM ULT3580-TD8', caplist: [{ device: driveName, attr: 4 }] });
  t.true(tapeInfo[0]?.caplist[0]?.capability.some(({ value }) => value === 'TS00000001'));
  const { scsiInfo } = await client.must('configGetScsiInfo', {});
  t.like(scsiInfo[0], { model: 'TAPESILO PLAIN', caplist: [{ device: changerName, attr: 0 }] });
  t.is(scsiInfo.length, 1);
});
