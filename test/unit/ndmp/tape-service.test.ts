/** Opening a tape, writing to its end, and what is refused; hosts on iSCSI beside it are the TapeBench's nexus. */
import test from 'ava';
import { mediumOf } from '#vtl';
import { changerName, driveName, NdmpBench, type NdmpClient, ndmpSecret, ndmpUser } from '#support';

const open = async (
  client: NdmpClient,
  device = driveName,
  mode: 'read' | 'read-write' | 'raw' = 'read-write',
) => await client.errorOf('tapeOpen', { device, mode });
const write = async (client: NdmpClient, bytes: number): Promise<string> =>
  await client.errorOf('tapeWrite', { dataOut: Buffer.alloc(bytes, 7) });

test('TAPE_OPEN tells what is wrong, the first thing first', async (t) => {
  const bench = await NdmpBench.make(t, { cartridge: 'none' });
  const client = await bench.login();
  t.is(await client.errorOf('tapeOpen', { device: 'nothing', mode: { unknown: 9 } }), 'illegal-args');
  t.is(await open(client, 'nothing'), 'no-device');
  t.is(await open(client, changerName), 'no-device');
  t.is(await open(client), 'no-tape-loaded');
  t.is(await open(client, driveName, 'raw'), 'no-err');
  t.is(await open(client, 'nothing'), 'device-opened');
  const other = await bench.login();
  t.is(await open(other), 'device-busy');
  t.is(await open(other, 'TS00000001'), 'device-busy', 'by its serial number it is the same device');
});

test('a protected cartridge is read, and not opened for writing', async (t) => {
  const bench = await NdmpBench.make(t, { cartridge: { writeProtected: true } });
  const client = await bench.login();
  t.is(await open(client), 'write-protect');
  t.is(await open(client, driveName, 'raw'), 'no-err');
  t.is(await write(client, 10), 'write-protect');
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'eof', count: 1 }), 'write-protect');
  t.is((await client.must('tapeGetState', {})).flags, 0x18);
  await client.must('tapeClose', {});
  t.is(await open(client, driveName, 'read'), 'no-err');
});

test('what is open for reading only is not written', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened(4, 'read');
  t.is(await write(client, 10), 'permission');
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'eof', count: 1 }), 'permission');
  t.is((await client.must('tapeGetState', {})).flags, 0x08);
});

test('nothing is done to a tape that is not open', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.login();
  t.is(await client.errorOf('tapeClose', {}), 'dev-not-open');
  t.is(await client.errorOf('tapeGetState', {}), 'dev-not-open');
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'rew', count: 1 }), 'dev-not-open');
  t.is(await client.errorOf('tapeRead', { count: 1 }), 'dev-not-open');
  t.is(await write(client, 1), 'dev-not-open');
  const cdb = { flags: 0, timeout: 0, datainLen: 0, cdb: Buffer.alloc(6), dataout: Buffer.alloc(0) };
  t.is(await client.errorOf('tapeExecuteCdb', cdb), 'dev-not-open');
});

test('a record is read as it was written, whoever wrote it', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  const record = Buffer.from(Array.from({ length: 300_001 }, (_, index) => index % 251));
  t.is((await client.must('tapeWrite', { dataOut: record })).count, record.length);
  await client.must('tapeMtio', { tapeOp: 'eof', count: 1 });
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  t.deepEqual(Buffer.concat((await client.must('tapeRead', { count: 0x7fff_ffff })).dataIn), record);
  await client.must('tapeClose', {});

  await bench.tape.rewind();
  t.deepEqual((await bench.tape.read(record.length)).data, record);
  await bench.tape.rewind();
  await bench.tape.record(500, 0);
  const again = await bench.opened(3, 'read');
  await again.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  t.deepEqual(Buffer.concat((await again.must('tapeRead', { count: 999 })).dataIn), Buffer.alloc(500, 1));
});

test('a buffer without end, and a record that no drive takes', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  t.is(await client.errorOf('tapeRead', { count: 0x8000_0000 }), 'illegal-args');
  t.is(await client.errorOf('tapeRead', { count: 0xffff_ffff }), 'illegal-args');
  const largest = { dataOut: Buffer.alloc(16 * 1024 * 1024 - 1) };
  t.is((await client.must('tapeWrite', largest)).count, largest.dataOut.length);
  t.is(await client.errorOf('tapeWrite', { dataOut: Buffer.alloc(16 * 1024 * 1024) }), 'header 18');
});

test('more filemarks than a command can ask for', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'eof', count: 0x100_0000 }), 'illegal-args');
  t.is((await client.must('tapeGetState', {})).fileNum, 0);
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'fsf', count: 0xffff_ffff }), 'no-err');
});

test('behind early warning the first write is refused, the others are done until there is no room', async (t) => {
  const MiB = 1024 * 1024;
  const bench = await NdmpBench.make(t, { cartridge: { sizeBytes: 3 * MiB } });
  const client = await bench.opened();
  const results: string[] = [];
  for (let i = 0; i < 12; i++) results.push(await write(client, MiB - 1000));
  // Early warning lies behind the fourth record (3 MiB), the end 4 MiB later.
  const expected = [...Array.from({ length: 4 }, () => 'no-err'), 'eom', 'no-err', 'no-err', 'no-err', 'io'];
  t.deepEqual(results, [...expected, 'io', 'io', 'io']);
  const { blockno } = await client.must('tapeGetState', {});
  t.is(blockno, 7, 'what was refused was not written');
  t.is(
    await client.errorOf('tapeMtio', { tapeOp: 'eof', count: 2 }),
    'no-err',
    'filemarks never meet the end',
  );

  await client.must('tapeMtio', { tapeOp: 'bsf', count: 2 });
  t.is(await write(client, 1000), 'eom', 'who has moved is told again');
  t.is(await write(client, 1000), 'no-err');
});

test('the end of the storage group is told as the end of the medium, then as an error', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  t.is(await write(client, 1000), 'no-err');
  bench.tape.group.failing = 'full';
  t.is(await write(client, 1000), 'eom');
  t.is(await write(client, 1000), 'io');
  bench.tape.group.failing = undefined;
  t.is(await write(client, 1000), 'no-err');
});

test('WORM cartridges are written at their end only', async (t) => {
  const bench = await NdmpBench.make(t, { cartridge: { worm: true } });
  const client = await bench.opened();
  t.is(await write(client, 100), 'no-err');
  t.is(await write(client, 100), 'no-err');
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  t.is(await write(client, 100), 'write-protect');
  await client.must('tapeMtio', { tapeOp: 'fsr', count: 2 });
  t.is(await write(client, 100), 'no-err');
});

test('what could not be made durable is told once', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  t.is(await write(client, 1000), 'no-err');
  bench.tape.group.failing = 'io';
  t.is(await client.errorOf('tapeClose', {}), 'io');
  bench.tape.group.failing = undefined;
  t.is(bench.tape.unit.reservations.reservedBy, undefined, 'it is closed all the same');
  t.is(await client.errorOf('tapeGetState', {}), 'dev-not-open');
});

test('another cartridge under the hand of the DMA is not written over', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  t.is(await write(client, 1000), 'no-err');
  const { drive } = bench.tape;
  await drive.remove();
  t.is(await write(client, 1000), 'no-tape-loaded');
  const other = await bench.tape.cartridge();
  await drive.insert(other);
  t.is(await write(client, 1000), 'no-err', 'it was told that there is none, so it may load one');

  await drive.remove();
  await drive.insert(await bench.tape.cartridge());
  t.is(await write(client, 1000), 'io', 'it was not told');
  t.is((await client.must('tapeGetState', {})).blockno, 0);
  t.is(await write(client, 1000), 'no-err');
});

test('a drive that was opened without a tape is written when there is one', async (t) => {
  const bench = await NdmpBench.make(t, { cartridge: 'none' });
  const client = await bench.opened(4, 'raw');
  t.is(await write(client, 1000), 'no-tape-loaded');
  await bench.tape.drive.insert(await bench.tape.cartridge());
  t.is(await write(client, 1000), 'no-err');
  await client.must('tapeMtio', { tapeOp: 'off', count: 1 });
  await bench.tape.drive.remove();
  await bench.tape.drive.insert(await bench.tape.cartridge());
  t.is(await write(client, 1000), 'no-err', 'it was the DMA who changed the tape');
});

test('a CDB reaches the drive, as from an initiator that has reserved it', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  const execute = async (cdb: number[], datainLen = 0, dataout = Buffer.alloc(0)) =>
    await client.must('tapeExecuteCdb', {
      flags: datainLen > 0 ? 1 : dataout.length > 0 ? 2 : 0,
      timeout: 60_000,
      datainLen,
      cdb: Buffer.from(cdb),
      dataout,
    });
  const inquiry = await execute([0x12, 0, 0, 0, 96, 0], 36);
  t.deepEqual([inquiry.status, inquiry.datain.length, inquiry.datain[0]], [0, 36, 0x01]);
  t.is(inquiry.datain.toString('latin1', 8, 11), 'IBM');
  const written = await execute([0x0a, 0, 0, 0, 5, 0], 0, Buffer.from('hello'));
  t.deepEqual([written.status, written.dataoutLen, written.extSense.length], [0, 5, 0]);
  t.is((await client.must('tapeGetState', {})).blockno, 1);
  const beyond = await execute([0x08, 0, 0, 0, 5, 0], 5);
  t.is(beyond.status, 2);
  t.is((beyond.extSense[2] ?? 0) & 0x0f, 0x8, 'BLANK CHECK');
});

test('text passwords come from this host only', async (t) => {
  const bench = await NdmpBench.make(t, { from: '127.0.0.1' });
  const client = await bench.connect();
  await client.nextPost('notifyConnectionStatus');
  const authData = { type: 'text', authId: ndmpUser, authPassword: ndmpSecret } as const;
  t.is(await client.errorOf('connectClientAuth', { authData }), 'no-err');
});

test('a CDB that asks for more than a reply holds is ended', async (t) => {
  const bench = await NdmpBench.make(t);
  const client = await bench.opened();
  const MiB = 1024 * 1024;
  for (let i = 0; i < 20; i++) await client.must('tapeWrite', { dataOut: Buffer.alloc(MiB) });
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  const request = { flags: 1, timeout: 0, datainLen: 0xffff_ffff, dataout: Buffer.alloc(0) };
  const select = Buffer.from('15 10 00 00 0c 00'.replaceAll(' ', ''), 'hex');
  const fixed = Buffer.from('00001008 00000000 00100000'.replaceAll(' ', ''), 'hex');
  await client.must('tapeExecuteCdb', { ...request, flags: 2, cdb: select, dataout: fixed });
  const read = (blocks: number): Buffer => Buffer.from([0x08, 1, 0, 0, blocks, 0]);
  const { datain } = await client.must('tapeExecuteCdb', { ...request, cdb: read(4) });
  t.is(datain.length, 4 * MiB);
  t.is(await client.errorOf('tapeExecuteCdb', { ...request, cdb: read(16) }), 'no-mem');
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'rew', count: 1 }), 'no-err');
});

test('a medium that the drive refuses is unloaded', async (t) => {
  const bench = await NdmpBench.make(t, { cartridge: { medium: mediumOf('LTO-9') } });
  const client = await bench.opened(4, 'raw');
  t.is(bench.tape.drive.state, 'refused');
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'tur', count: 1 }), 'no-tape-loaded');
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'rew', count: 1 }), 'no-tape-loaded');
  t.is(await client.errorOf('tapeMtio', { tapeOp: 'off', count: 1 }), 'no-err');
  t.is(bench.tape.drive.state, 'unloaded');
});
