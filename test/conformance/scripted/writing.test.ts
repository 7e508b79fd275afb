/** RFC 7143 4.2.5, 11.3, 11.7, 11.8: data-out as agreed: immediate, unsolicited, asked for by R2T; memory. */
import test from 'ava';
import { noTag } from '#iscsi';
import { STATUS } from '#scsi';
import { inquiry, is, iscsiTarget, pattern, read10, ready, testUnitReady, write10 } from '#support';

const shapes: readonly (readonly [string, Record<string, string>])[] = [
  ['everything unasked', { InitialR2T: 'No', ImmediateData: 'Yes', FirstBurstLength: '262144' }],
  ['immediate data, then R2T', { InitialR2T: 'Yes', ImmediateData: 'Yes' }],
  [
    'unsolicited PDUs only',
    { InitialR2T: 'No', ImmediateData: 'No', FirstBurstLength: '4096', MaxBurstLength: '8192' },
  ],
  [
    'all by R2T, one at a time',
    { InitialR2T: 'Yes', ImmediateData: 'No', MaxBurstLength: '4096', MaxOutstandingR2T: '1' },
  ],
  [
    'many R2Ts at once',
    { InitialR2T: 'Yes', ImmediateData: 'No', MaxBurstLength: '2048', MaxOutstandingR2T: '8' },
  ],
  [
    'with both digests',
    { InitialR2T: 'No', HeaderDigest: 'CRC32C', DataDigest: 'CRC32C', FirstBurstLength: '16384' },
  ],
  ['with header digests', { HeaderDigest: 'CRC32C' }],
  ['with data digests', { DataDigest: 'CRC32C' }],
];
for (const [what, keys] of shapes) {
  test(`writes arrive as sent, and read back: ${what}`, async (t) => {
    const { login, disk } = await iscsiTarget(t);
    disk.pieceBytes = 5000;
    const initiator = await ready(await login({ keys }));
    for (const blocks of [1, 7, 33, 128]) {
      const out = pattern(blocks, blocks + 2);
      const result = await initiator.command(write10(blocks, blocks), { out });
      t.is(result.status, STATUS.good);
      t.is(result.residual, 0);
      const back = await initiator.command(read10(blocks, blocks), { in: out.length });
      t.true(back.data.equals(out), `${blocks} blocks`);
    }
  });
}
test('11.8: R2Ts ask for everything once, in order, as many at a time as agreed, none longer than a burst', async (t) => {
  const { login } = await iscsiTarget(t);
  const keys = { InitialR2T: 'Yes', ImmediateData: 'No', MaxBurstLength: '1024', MaxOutstandingR2T: '3' };
  const initiator = await ready(await login({ keys }));
  const out = pattern(20);
  const tag = initiator.startCommand(write10(0, 20), { out });
  const asked = [];
  for (let round = 0; round < 3; round++) asked.push((await initiator.expect('readyToTransfer')).fields);
  await initiator.command(inquiry, { in: 36, immediate: true });
  t.deepEqual(
    asked.map(({ r2tSN }) => r2tSN),
    [0, 1, 2],
  );
  t.deepEqual(
    asked.map(({ bufferOffset }) => bufferOffset),
    [0, 1024, 2048],
  );
  t.is(new Set(asked.map(({ targetTransferTag }) => targetTransferTag)).size, 3);
  for (const r2t of asked)
    initiator.sendData(
      tag,
      r2t.targetTransferTag,
      out.subarray(0, r2t.bufferOffset + 1024),
      r2t.bufferOffset,
    );
  let expDataSN = 3;
  for (;;) {
    const pdu = await initiator.next();
    if (!is(pdu, 'readyToTransfer')) {
      t.is(pdu.name, 'scsiResponse');
      break;
    }
    t.is(pdu.fields.r2tSN, expDataSN++);
    t.true(pdu.fields.desiredDataTransferLength <= 1024);
    const end = pdu.fields.bufferOffset + pdu.fields.desiredDataTransferLength;
    initiator.sendData(tag, pdu.fields.targetTransferTag, out.subarray(0, end), pdu.fields.bufferOffset);
  }
  t.is(expDataSN, 10);
});
test('data is asked for ahead of execution: a queue of writes pipelines', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const initiator = await ready(await login({ keys: { InitialR2T: 'Yes', ImmediateData: 'No' } }));
  disk.stop();
  const out = pattern(8);
  const tags = [0, 8, 16].map((address) => initiator.startCommand(write10(address, 8), { out }));
  for (const tag of tags) {
    const r2t = await initiator.expect('readyToTransfer');
    t.is(r2t.fields.initiatorTaskTag, tag);
    initiator.sendData(tag, r2t.fields.targetTransferTag, out, 0);
  }
  disk.go();
  for (const tag of tags) t.is((await initiator.finishCommand(tag)).status, 0);
});
test('a record larger than all bursts together goes through the ring of its memory', async (t) => {
  // 16 blocks of pool are 8 for a session: 2 MiB; the write is larger.
  const { login, disk } = await iscsiTarget(t, { blocksMax: 16, diskBlocks: 8192 });
  disk.pieceBytes = 100_000;
  const initiator = await ready(
    await login({ keys: { InitialR2T: 'No', MaxBurstLength: '262144', MaxOutstandingR2T: '4' } }),
  );
  const out = pattern(8000, 3);
  const result = await initiator.command(write10(0, 8000), { out });
  t.is(result.status, 0);
  t.true(disk.bytes.subarray(0, out.length).equals(out));
});
test('11.4.5: residuals of writes', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login());
  const under = await initiator.command(write10(0, 1), { out: pattern(2) });
  t.deepEqual([under.status, under.residual], [0, 512]);
  const over = await initiator.command(write10(0, 2), { out: pattern(1) });
  t.deepEqual([over.status, over.residual], [0, -512]);
  const unasked = await initiator.command(testUnitReady, { out: pattern(1) });
  t.deepEqual([unasked.status, unasked.residual], [0, 512]);
  const none = await initiator.command(write10(0, 1));
  t.deepEqual([none.status, none.residual], [0, -512]);
});
test('a refused write drops its data, and status waits until the R2Ts are answered', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const initiator = await ready(await login({ keys: { InitialR2T: 'Yes', ImmediateData: 'No' } }));
  const out = pattern(4, 5);
  const tag = initiator.startCommand(write10(9000, 4), { out });
  const r2t = await initiator.expect('readyToTransfer');
  await initiator.command(inquiry, { in: 36, immediate: true });
  t.true(initiator.isQuiet, 'no status before the data');
  initiator.sendData(tag, r2t.fields.targetTransferTag, out, 0);
  const result = await initiator.finishCommand(tag);
  t.is(result.status, STATUS.checkCondition);
  t.is(disk.bytes.indexOf(out.subarray(0, 64)), -1);
});
test('13.18, 13.19: data may come in any order when that is agreed', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const keys = {
    InitialR2T: 'Yes',
    ImmediateData: 'No',
    MaxBurstLength: '2048',
    MaxOutstandingR2T: '4',
    DataPDUInOrder: 'No',
    DataSequenceInOrder: 'No',
  };
  const initiator = await ready(await login({ keys }));
  t.is(initiator.keys['DataPDUInOrder'], 'No');
  const out = pattern(16, 7);
  const tag = initiator.startCommand(write10(0, 16), { out });
  const asked = [];
  for (let round = 0; round < 4; round++) asked.push((await initiator.expect('readyToTransfer')).fields);
  for (const { bufferOffset, targetTransferTag } of asked.toReversed()) {
    for (const [dataSN, part] of [3, 1, 0, 2].entries()) {
      const at = bufferOffset + part * 512;
      const fields = {
        final: dataSN === 3,
        initiatorTaskTag: tag,
        targetTransferTag,
        dataSN,
        bufferOffset: at,
      };
      initiator.send('dataOut', fields, { data: out.subarray(at, at + 512) });
    }
  }
  t.is((await initiator.finishCommand(tag)).status, 0);
  t.true(disk.bytes.subarray(0, out.length).equals(out));
});

// --- memory ---

test('without memory a write with data is told TASK SET FULL, and what follows does not overtake it', async (t) => {
  const { login, disk } = await iscsiTarget(t, { blocksMax: 4 });
  const initiator = await ready(await login({ keys: { InitialR2T: 'No' } }));
  disk.stop();
  const out = pattern(2, 3);
  const held = [0, 2].map((address) => initiator.startCommand(write10(address, 2), { out }));
  const full = initiator.startCommand(write10(4, 2), { out });
  const behind = initiator.startCommand(testUnitReady);
  t.is((await initiator.finishCommand(full)).status, STATUS.taskSetFull);
  t.is((await initiator.finishCommand(behind)).status, STATUS.taskSetFull);
  disk.go();
  for (const tag of held) t.is((await initiator.finishCommand(tag)).status, 0);
  t.is((await initiator.command(write10(4, 2), { out })).status, 0);
});
test('what follows a refused write waits for its answer, not for that of another', async (t) => {
  const { login, disk } = await iscsiTarget(t, { blocksMax: 4 });
  const initiator = await ready(await login({ keys: { InitialR2T: 'No', ImmediateData: 'No' } }));
  disk.stop();
  const out = pattern(2, 3);
  const held = [0, 2].map((address) => initiator.startCommand(write10(address, 2), { out }));
  const { cmdSN, expStatSN } = initiator;
  // Its data has not come, so it is answered after the one behind it.
  const slow = initiator.nextTag();
  initiator.send('scsiCommand', {
    write: true,
    attribute: 1,
    lun: Buffer.alloc(8),
    initiatorTaskTag: slow,
    expectedDataTransferLength: out.length,
    cmdSN,
    expStatSN,
    cdb: Buffer.concat([Buffer.from(write10(4, 2)), Buffer.alloc(6)]),
  });
  initiator.cmdSN += 1;
  const behind = initiator.startCommand(testUnitReady);
  t.is((await initiator.finishCommand(behind)).status, STATUS.taskSetFull);
  t.is((await initiator.command(testUnitReady)).status, STATUS.taskSetFull, 'the first is not yet answered');
  initiator.sendData(slow, noTag, out, 0);
  t.is((await initiator.finishCommand(slow)).status, STATUS.taskSetFull);
  t.is((await initiator.command(inquiry, { in: 36 })).status, STATUS.good);
  disk.go();
  for (const tag of held) t.is((await initiator.finishCommand(tag)).status, 0);
});
test('without memory a write that waits to be asked for its data waits', async (t) => {
  const { login, disk } = await iscsiTarget(t, { blocksMax: 4 });
  const initiator = await ready(await login({ keys: { InitialR2T: 'Yes', ImmediateData: 'No' } }));
  disk.stop();
  const out = pattern(2, 3);
  const tags = [0, 2, 4].map((address) => initiator.startCommand(write10(address, 2), { out }));
  for (const tag of tags.slice(0, 2)) {
    initiator.sendData(tag, (await initiator.expect('readyToTransfer')).fields.targetTransferTag, out, 0);
  }
  await initiator.command(inquiry, { in: 36, immediate: true });
  t.true(initiator.isQuiet, 'no R2T without memory');
  disk.go();
  const results: string[] = [];
  for (let count = 0; count < 4; count++) {
    const pdu = await initiator.next();
    results.push(pdu.name);
    if (is(pdu, 'readyToTransfer')) initiator.sendData(tags[2] ?? 0, pdu.fields.targetTransferTag, out, 0);
  }
  t.is(results.filter((name) => name === 'readyToTransfer').length, 1);
  t.is(results.filter((name) => name === 'scsiResponse').length, 3);
});
