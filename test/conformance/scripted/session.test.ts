/** A session as others see it: what it takes along, what it shows, what it costs. */
import test from 'ava';
import { SENSE, STATUS } from '#scsi';
import {
  FakeDisk,
  inquiry,
  is,
  iscsiTarget,
  oneBlock,
  read10,
  ready,
  sync,
  targetName,
  testUnitReady,
  whyOf,
  write10,
} from '#support';

test('a connection that breaks takes its session and its tasks along, in any state', async (t) => {
  const { login, server, disk, pool } = await iscsiTarget(t);
  const initiator = await ready(await login({ keys: { InitialR2T: 'No', ImmediateData: 'No' } }));
  disk.stop();
  initiator.startCommand(read10(), oneBlock);
  initiator.startCommand(write10(0, 8), { out: Buffer.alloc(4096) });
  await sync(initiator);
  initiator.close();
  disk.go();
  const watcher = await login({ name: 'iqn.2026-01.test:watcher' });
  await ready(watcher);
  t.deepEqual(
    server.sessions().map((one) => one.initiatorName),
    ['iqn.2026-01.test:watcher'],
  );
  t.is(pool.freeBytes, pool.blocksMax * pool.blockBytes);
});
test('units added while sessions are open are there, and initiators are told', async (t) => {
  const { login, device, env } = await iscsiTarget(t);
  const initiator = await ready(await login());
  device.plug(1, new FakeDisk(64, env));
  t.is(whyOf((await initiator.command(testUnitReady)).sense), '6 3f 0e');
  t.is(whyOf((await initiator.command(testUnitReady, { lun: 1 })).sense), '6 29 00');
  const luns = await initiator.command([0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0], { in: 64 });
  t.is(luns.data.readUInt32BE(0), 16);
  t.is(SENSE.reportedLunsDataHasChanged.asc, 0x3f);
});
test('a peer that does not read stops being read, does not grow us, and goes on when it reads', async (t) => {
  const { login, disk } = await iscsiTarget(t, { diskBlocks: 65_536 });
  const initiator = await ready(await login({ keys: { MaxRecvDataSegmentLength: '262144' } }));
  disk.pieceBytes = 1 << 20;
  initiator.link.pause();
  const options = { in: 16 << 20 };
  const big = [0x28, 0, 0, 0, 0, 0, 0, 0x80, 0, 0];
  const tags = Array.from({ length: 4 }, () => initiator.startCommand(big, options));
  initiator.link.resume();
  for (const tag of tags) t.is((await initiator.finishCommand(tag, options)).data.length, options.in);
});
test('a peer that never reads is dropped', async (t) => {
  const { login, disk, clock, server } = await iscsiTarget(t, { diskBlocks: 65_536 });
  const initiator = await ready(await login());
  disk.pieceBytes = 1 << 20;
  initiator.link.pause();
  const big = [0x28, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0];
  for (let count = 0; count < 4; count++) initiator.startCommand(big, { in: 32 << 20 });
  const other = await login({ name: 'iqn.2026-01.test:other' });
  while (disk.slabsHeld < 1) await sync(other);
  for (let tick = 0; tick < 40 && server.sessions().length > 1; tick++) {
    clock.pass(15_000);
    await sync(other);
  }
  t.is(server.sessions().length, 1);
});
test('a peer that does not send the data it was asked for is dropped', async (t) => {
  const { login, clock, server } = await iscsiTarget(t);
  const initiator = await ready(await login({ keys: { InitialR2T: 'Yes', ImmediateData: 'No' } }));
  initiator.startCommand(write10(0, 8), { out: Buffer.alloc(4096) });
  await initiator.expect('readyToTransfer');
  for (let tick = 0; tick < 4; tick++) {
    await sync(initiator); // it is alive otherwise
    clock.pass(15_000);
  }
  await initiator.closed;
  t.is(server.sessions().length, 0);
});
test('a peer that sends a command with its data byte by byte is dropped, with the memory for it', async (t) => {
  const { login, clock, server, pool } = await iscsiTarget(t);
  const initiator = await ready(await login());
  const bytes = initiator.encode(
    'scsiCommand',
    {
      final: true,
      write: true,
      attribute: 1,
      initiatorTaskTag: initiator.nextTag(),
      expectedDataTransferLength: 4096,
      cmdSN: initiator.cmdSN,
      expStatSN: initiator.expStatSN,
      cdb: Buffer.from([...write10(0, 8), 0, 0, 0, 0, 0, 0]),
    },
    { data: Buffer.alloc(4096) },
  );
  initiator.sendRaw(bytes.subarray(0, 100));
  const other = await login({ name: 'iqn.2026-01.test:other' });
  const isHeld = (): boolean => pool.freeBytes < pool.blocksMax * pool.blockBytes;
  while (!isHeld()) await sync(other);
  for (let tick = 0; tick < 5; tick++) {
    t.true(isHeld());
    initiator.sendRaw(bytes.subarray(100 + tick, 101 + tick));
    for (let turn = 0; turn < 3; turn++) await sync(other); // it has come by then
    clock.pass(15_000);
  }
  await initiator.closed;
  t.is(server.sessions().length, 1);
  t.false(isHeld());
});
test('a peer that leaves out a command for good is dropped, with the memory of those behind it', async (t) => {
  const { login, clock, server, pool } = await iscsiTarget(t);
  const initiator = await ready(await login());
  initiator.cmdSN += 1;
  initiator.startCommand(write10(0, 8), { out: Buffer.alloc(4096) });
  for (let tick = 0; tick < 5; tick++) {
    await sync(initiator); // it is alive otherwise
    t.true(pool.freeBytes < pool.blocksMax * pool.blockBytes);
    clock.pass(15_000);
  }
  await initiator.closed;
  t.is(server.sessions().length, 0);
  t.is(pool.freeBytes, pool.blocksMax * pool.blockBytes);
});
test('the list of sessions shows what was negotiated, and counts', async (t) => {
  const { login, server } = await iscsiTarget(t);
  const initiator = await ready(
    await login({ keys: { InitiatorAlias: 'host one', MaxBurstLength: '65536', HeaderDigest: 'CRC32C' } }),
  );
  await initiator.command(read10(), oneBlock);
  const [view] = server.sessions();
  t.is(view?.type, 'normal');
  t.is(view?.initiatorAlias, 'host one');
  t.is(view?.targetName, targetName);
  t.is(view?.isid, '00023d000001');
  t.is(view?.keys['HeaderDigest'], 'CRC32C');
  t.is(view?.keys['MaxBurstLength'], 65536);
  t.is(view?.counters.commands, 2);
  t.is(view?.counters.bytesOut, 512 + 20, 'data and one sense');
  t.is(view?.connections.length, 1);
  t.is(view?.outstandingCommands, 0);
});
test('connections that do not log in are limited in time, and do not disturb', async (t) => {
  const { connect, login, clock } = await iscsiTarget(t);
  const idle = await Promise.all(Array.from({ length: 20 }, async () => await connect()));
  const initiator = await login();
  clock.pass(15_000);
  await Promise.all(idle.map(async (one) => await one.closed));
  t.is((await initiator.command(inquiry, { in: 36 })).status, STATUS.good);
  t.true(is(initiator.log[0] ?? (await initiator.next()), 'loginResponse'));
});
