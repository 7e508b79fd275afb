/** RFC 7143 4.2.2, 4.2.5, 11.3, 11.4, 11.7, 11.8: commands, their data and their status, against a scripted initiator. */
import test from 'ava';
import { ATTRIBUTE, noTag, PDU, REJECT } from '#iscsi';
import { formatLun, STATUS } from '#scsi';
import { fakeBlockBytes, type Initiator, is, iscsiTarget, whyOf } from '#support';

const testUnitReady = [0, 0, 0, 0, 0, 0];
const inquiry = [0x12, 0, 0, 0, 36, 0];
const read10 = (address: number, blocks: number): number[] => [
  0x28,
  0,
  0,
  0,
  address >> 8,
  address & 255,
  0,
  blocks >> 8,
  blocks & 255,
  0,
];
const write10 = (address: number, blocks: number): number[] => [0x2a, ...read10(address, blocks).slice(1)];
const pattern = (blocks: number, seed = 1): Buffer =>
  Buffer.from(
    Array.from({ length: blocks * fakeBlockBytes }, (_, index) => (index * seed + (index >> 9)) & 0xff),
  );

/** The unit attention of a new nexus is out of the way. */
async function ready(initiator: Initiator): Promise<Initiator> {
  await initiator.command(testUnitReady);
  return initiator;
}

// --- reading ------------------------------------------------------------------------------------------------------------

test('11.4.2, 11.7.3: GOOD travels with the last Data-In, errors with a SCSI Response and sense', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await login();
  const first = await initiator.command(testUnitReady);
  t.is(first.status, STATUS.checkCondition);
  t.is(whyOf(first.sense), '6 29 00');
  const good = await initiator.command(inquiry, { in: 36 });
  t.true(good.collapsed);
  t.is(good.data.length, 36);
  t.is(good.residual, 0);
  const bad = await initiator.command([0xff, 0, 0, 0, 0, 0]);
  t.is(whyOf(bad.sense), '5 20 00');
  t.is(bad.residual, 0);
});
test('11.7: data-in is cut by the segment length and the burst length, F at the end of each sequence', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  disk.bytes.set(pattern(40));
  disk.pieceBytes = 3000; // the unit's pieces are not the wire's
  const keys = { MaxRecvDataSegmentLength: '1024', MaxBurstLength: '4096' };
  const initiator = await ready(await login({ keys }));
  const result = await initiator.command(read10(0, 40), { in: 40 * fakeBlockBytes });
  t.true(result.data.equals(pattern(40)));
  t.is(result.status, STATUS.good);
  let inBurst = 0;
  for (const [index, pdu] of result.dataIns.entries()) {
    const last = index === result.dataIns.length - 1;
    t.true(pdu.dataSegmentLength <= 1024);
    inBurst += pdu.dataSegmentLength;
    t.true(inBurst <= 4096);
    t.is(pdu.final, last || inBurst === 4096);
    t.is(pdu.hasStatus, last);
    t.is(pdu.targetTransferTag, noTag);
    t.false(pdu.acknowledge);
    if (pdu.final) inBurst = 0;
  }
});
test('11.4.5: residuals of reads: underflow, overflow, nothing expected', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  disk.bytes.set(pattern(4));
  const initiator = await ready(await login());
  const under = await initiator.command(read10(0, 1), { in: 700 });
  t.deepEqual([under.status, under.residual, under.data.length, under.collapsed], [0, 188, 512, true]);
  const over = await initiator.command(read10(0, 2), { in: 600 });
  t.deepEqual([over.status, over.residual, over.data.length, over.collapsed], [0, -424, 600, true]);
  t.true(over.data.equals(pattern(4).subarray(0, 600)));
  const none = await initiator.command(read10(0, 1));
  t.deepEqual([none.status, none.residual, none.data.length], [0, -512, 0]);
  const failed = await initiator.command(read10(9000, 1), { in: 512 });
  t.deepEqual([failed.status, failed.residual], [2, 512]);
});
test('11.3: read data of one byte, and of lengths that need padding', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await login();
  for (const length of [1, 2, 3, 5, 36]) {
    const result = await initiator.command([0x12, 0, 0, 0, length, 0], { in: length });
    t.is(result.data.length, length);
  }
});

// --- writing ------------------------------------------------------------------------------------------------------------

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

// --- data that is not as it should be -----------------------------------------------------------------------------------

const byR2T = { InitialR2T: 'Yes', ImmediateData: 'No', MaxBurstLength: '4096', MaxOutstandingR2T: '1' };
const wrongData: readonly (readonly [
  string,
  string,
  (initiator: Initiator, tag: number, transferTag: number, out: Buffer) => void,
])[] = [
  [
    'too little',
    'b 0c 0d',
    (initiator, initiatorTaskTag, targetTransferTag, out) =>
      initiator.send(
        'dataOut',
        { final: true, initiatorTaskTag, targetTransferTag },
        { data: out.subarray(0, 512) },
      ),
  ],
  [
    'a gap',
    'b 0c 0d',
    (initiator, initiatorTaskTag, targetTransferTag, out) => {
      const common = { initiatorTaskTag, targetTransferTag };
      initiator.send('dataOut', { ...common, bufferOffset: 512 }, { data: out.subarray(512, 1024) });
      initiator.send(
        'dataOut',
        { ...common, final: true, dataSN: 1, bufferOffset: 1024 },
        { data: out.subarray(1024) },
      );
    },
  ],
  [
    'beyond the burst',
    'b 0c 0d',
    (initiator, initiatorTaskTag, targetTransferTag) =>
      initiator.send(
        'dataOut',
        { final: true, initiatorTaskTag, targetTransferTag },
        { data: Buffer.alloc(8192) },
      ),
  ],
  [
    'far beyond the buffer',
    'b 0c 0d',
    (initiator, initiatorTaskTag, targetTransferTag) =>
      initiator.send(
        'dataOut',
        { final: true, initiatorTaskTag, targetTransferTag, bufferOffset: 0xffff_ff00 },
        { data: Buffer.alloc(512) },
      ),
  ],
  [
    'nothing at all',
    'b 0c 0d',
    (initiator, initiatorTaskTag, targetTransferTag) =>
      initiator.send('dataOut', { final: true, initiatorTaskTag, targetTransferTag }),
  ],
  [
    'with a PDU missing',
    'b 47 05',
    (initiator, initiatorTaskTag, targetTransferTag, out) =>
      initiator.send(
        'dataOut',
        { final: true, initiatorTaskTag, targetTransferTag, dataSN: 1 },
        { data: out },
      ),
  ],
  [
    'unasked, though that is not allowed',
    'b 0c 0c',
    (initiator, initiatorTaskTag, targetTransferTag, out) => {
      initiator.send(
        'dataOut',
        { final: true, initiatorTaskTag, targetTransferTag: noTag },
        { data: out.subarray(0, 512) },
      );
      initiator.sendData(initiatorTaskTag, targetTransferTag, out, 0);
    },
  ],
];
for (const [what, why, send] of wrongData) {
  test(`11.4.7.2: data ${what} ends the command with sense, and nothing else`, async (t) => {
    const { login, disk } = await iscsiTarget(t);
    const initiator = await ready(await login({ keys: byR2T }));
    const out = pattern(8, 11);
    const tag = initiator.startCommand(write10(0, 8), { out });
    const r2t = await initiator.expect('readyToTransfer');
    send(initiator, tag, r2t.fields.targetTransferTag, out);
    const result = await initiator.finishCommand(tag);
    t.is(result.status, STATUS.checkCondition);
    t.is(whyOf(result.sense), why);
    t.true(disk.bytes.every((byte) => byte === 0));
    t.is((await initiator.command(testUnitReady)).status, 0, 'the session goes on');
  });
}
test('11.7.4: Data-Out with a transfer tag that we did not give is rejected; its task goes on', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login({ keys: byR2T }));
  const out = pattern(8);
  const tag = initiator.startCommand(write10(0, 8), { out });
  const { targetTransferTag } = (await initiator.expect('readyToTransfer')).fields;
  initiator.send(
    'dataOut',
    { final: true, initiatorTaskTag: tag, targetTransferTag: targetTransferTag + 1 },
    { data: out },
  );
  t.is((await initiator.expect('reject')).fields.reason, REJECT.invalidPduField);
  initiator.sendData(tag, targetTransferTag, out, 0);
  t.is((await initiator.finishCommand(tag)).status, 0);
});
test('Data-Out for a task that is not there is dropped without a word', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login());
  initiator.send(
    'dataOut',
    { final: true, initiatorTaskTag: 999, targetTransferTag: 1 },
    { data: pattern(1) },
  );
  t.is((await initiator.command(testUnitReady)).status, 0);
});
test('11.4.7.2: immediate and unsolicited data that was not agreed on', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login({ keys: { InitialR2T: 'Yes', ImmediateData: 'No' } }));
  const out = pattern(2);
  const immediate = await initiator.command(write10(0, 2), { out, immediateBytes: 1024 });
  t.is(whyOf(immediate.sense), 'b 0c 0c');
  const unsolicited = await initiator.command(write10(0, 2), { out, unsolicitedBytes: 1024 });
  t.is(whyOf(unsolicited.sense), 'b 0c 0c');
});
test('11.4.7.2: less unsolicited data than the first burst, when there is more to come', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(
    await login({ keys: { InitialR2T: 'No', ImmediateData: 'No', FirstBurstLength: '2048' } }),
  );
  const short = await initiator.command(write10(0, 8), { out: pattern(8), unsolicitedBytes: 1024 });
  t.is(whyOf(short.sense), 'b 0c 0d');
  const small = pattern(3);
  const result = await initiator.command(write10(0, 3), { out: small, unsolicitedBytes: 512 });
  t.is(result.status, 0, 'what fits the first burst may be sent in part; the rest is asked for');
  t.deepEqual(
    result.r2ts.map((r2t) => [r2t.bufferOffset, r2t.desiredDataTransferLength]),
    [[512, 1024]],
  );
});
test('11.4.7.2: more immediate data than the first burst', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login({ keys: { FirstBurstLength: '512' } }));
  const result = await initiator.command(write10(0, 2), { out: pattern(2), immediateBytes: 1024 });
  t.is(whyOf(result.sense), 'b 0c 0d');
});

// --- digests --------------------------------------------------------------------------------------------------------------

test('7.7: a header digest error closes the connection', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await login({ keys: { HeaderDigest: 'CRC32C' } });
  initiator.send('nopOut', { immediate: true, final: true }, { badHeaderDigest: true });
  await initiator.closed;
  t.is(initiator.log.at(-1)?.name, 'loginResponse');
});
test('7.8: a command with a data digest error is rejected, not executed, and may be sent again', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const initiator = await ready(await login({ keys: { DataDigest: 'CRC32C' } }));
  const out = pattern(1);
  const fields = {
    final: true,
    write: true,
    lun: formatLun(0),
    initiatorTaskTag: 50,
    expectedDataTransferLength: 512,
    cmdSN: initiator.cmdSN,
    cdb: Buffer.concat([Buffer.from(write10(0, 1)), Buffer.alloc(6)]),
  };
  initiator.send('scsiCommand', fields, { data: out, badDataDigest: true });
  const reject = await initiator.expect('reject');
  t.is(reject.fields.reason, REJECT.dataDigestError);
  t.is(
    PDU.scsiCommand.bhs.decode(reject.data).initiatorTaskTag,
    50,
    'it carries the header of what it rejects',
  );
  t.is(reject.fields.expCmdSN, initiator.cmdSN, 'the command has not been received');
  t.true(disk.bytes.every((byte) => byte === 0));
  initiator.send('scsiCommand', { ...fields, expStatSN: initiator.expStatSN }, { data: out });
  initiator.cmdSN += 1;
  t.is((await initiator.finishCommand(50)).status, 0);
});
test('7.8: Data-Out with a digest error is rejected, and its task ends when all data has come', async (t) => {
  const { login } = await iscsiTarget(t);
  const keys = { ...byR2T, MaxOutstandingR2T: '2', MaxBurstLength: '1024', DataDigest: 'CRC32C' };
  const initiator = await ready(await login({ keys }));
  const out = pattern(4);
  const tag = initiator.startCommand(write10(0, 4), { out });
  const first = (await initiator.expect('readyToTransfer')).fields.targetTransferTag;
  const second = (await initiator.expect('readyToTransfer')).fields.targetTransferTag;
  const fields = { final: true, initiatorTaskTag: tag, targetTransferTag: first };
  initiator.send('dataOut', fields, { data: out.subarray(0, 1024), badDataDigest: true });
  t.is((await initiator.expect('reject')).fields.reason, REJECT.dataDigestError);
  await initiator.command(inquiry, { in: 36, immediate: true });
  t.true(initiator.isQuiet, 'the other burst is still under way');
  initiator.sendData(tag, second, out, 1024);
  t.is(whyOf((await initiator.finishCommand(tag)).sense), 'b 47 05');
});

// --- order and window -------------------------------------------------------------------------------------------------------

test('4.2.2.1: commands are executed in the order of CmdSN, whatever the order of arrival', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login());
  const base = initiator.cmdSN;
  const order = [3, 1, 2, 0];
  const tags = new Map<number, number>();
  for (const offset of order) {
    initiator.cmdSN = base + offset;
    tags.set(initiator.startCommand(write10(offset, 1), { out: pattern(1, offset + 1) }), offset);
  }
  const answered: (number | undefined)[] = [];
  for (let count = 0; count < 4; count++)
    answered.push(tags.get((await initiator.next()).fields.initiatorTaskTag));
  t.deepEqual(answered, [0, 1, 2, 3]);
});
test('4.2.2.1: unsolicited data for a command that is held goes to it', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const keys = { InitialR2T: 'No', ImmediateData: 'No' };
  const initiator = await ready(await login({ keys }));
  const base = initiator.cmdSN;
  initiator.cmdSN = base + 1;
  const out = pattern(4, 9);
  const held = initiator.startCommand(write10(0, 4), { out });
  initiator.cmdSN = base;
  t.is((await initiator.command(testUnitReady)).status, 0);
  t.is((await initiator.finishCommand(held)).status, 0);
  t.true(disk.bytes.subarray(0, out.length).equals(out));
});
test('4.2.2.1: duplicates and what is outside the window are ignored without a word', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login());
  const { cmdSN, maxCmdSN } = initiator;
  for (const wrong of [cmdSN - 1, maxCmdSN + 1, (cmdSN + 0x8000_0000) >>> 0]) {
    initiator.cmdSN = wrong >>> 0;
    initiator.startCommand(testUnitReady);
  }
  initiator.cmdSN = cmdSN;
  const result = await initiator.command(testUnitReady);
  t.is(result.status, 0);
  t.true(initiator.isQuiet);
});
test('4.2.2.1: the window closes with the commands outstanding and opens as they end', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const initiator = await ready(await login());
  disk.stop();
  const first = initiator.maxCmdSN;
  const tags = Array.from({ length: 10 }, () => initiator.startCommand(read10(0, 1), { in: 512 }));
  const other = await initiator.command(inquiry, { in: 36, immediate: true });
  t.is(other.status, 0);
  t.is(initiator.expCmdSN, initiator.cmdSN);
  t.is(initiator.maxCmdSN, first, 'ten outstanding: MaxCmdSN stands still');
  disk.go();
  for (const tag of tags) await initiator.finishCommand(tag, { in: 512 });
  t.is(initiator.maxCmdSN, first + 10);
});
test('4.2.2.1: CmdSN wraps around', async (t) => {
  const { connect } = await iscsiTarget(t);
  const initiator = await connect();
  initiator.cmdSN = 0xffff_fffe;
  await initiator.login({ target: 'iqn.2026-01.test:disk' });
  for (let count = 0; count < 5; count++) await initiator.command(testUnitReady);
  t.is(initiator.cmdSN, 3);
  t.is(initiator.expCmdSN, 3);
});
test('11.3: immediate commands take no CmdSN, run beside the window, and there are not too many', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const initiator = await ready(await login());
  disk.stop();
  const { cmdSN } = initiator;
  const tags = Array.from({ length: 64 }, () =>
    initiator.startCommand(read10(0, 1), { in: 512, immediate: true }),
  );
  const one = initiator.startCommand(read10(0, 1), { in: 512, immediate: true });
  const reject = await initiator.expect('reject');
  t.is(reject.fields.reason, REJECT.tooManyImmediateCommands);
  t.is(PDU.scsiCommand.bhs.decode(reject.data).initiatorTaskTag, one);
  t.is(reject.fields.expCmdSN, cmdSN);
  disk.go();
  for (const tag of tags) t.is((await initiator.finishCommand(tag, { in: 512 })).status, 0);
});
test('11.3.1: HEAD OF QUEUE goes before what waits', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const initiator = await ready(await login());
  disk.stop();
  const options = { in: 512 };
  const running = initiator.startCommand(read10(0, 1), options);
  const waiting = initiator.startCommand(read10(0, 1), options);
  const first = initiator.startCommand(read10(0, 1), { ...options, attribute: ATTRIBUTE.headOfQueue });
  await initiator.command(inquiry, { in: 36, immediate: true });
  disk.go();
  for (const tag of [running, first, waiting])
    t.is((await initiator.expect('dataIn')).fields.initiatorTaskTag, tag);
});

// --- commands that are not right ------------------------------------------------------------------------------------------------

for (const [what, fields, data] of [
  ['the reserved task tag', { initiatorTaskTag: noTag, final: true }, 0],
  ['no F without being a write', { initiatorTaskTag: 70, final: false }, 0],
  ['data without being a write', { initiatorTaskTag: 70, final: true }, 512],
] as const) {
  test(`11.3: a command with ${what} is rejected, and its CmdSN is used up`, async (t) => {
    const { login } = await iscsiTarget(t);
    const initiator = await ready(await login());
    initiator.send(
      'scsiCommand',
      { ...fields, cmdSN: initiator.cmdSN },
      data === 0 ? {} : { data: Buffer.alloc(data) },
    );
    const reject = await initiator.expect('reject');
    t.is(reject.fields.reason, REJECT.invalidPduField);
    t.is(reject.fields.expCmdSN, initiator.cmdSN + 1);
    initiator.cmdSN += 1;
    t.is((await initiator.command(testUnitReady)).status, 0);
  });
}
test('11.17.1: a task tag in use is rejected; the task that has it goes on', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const initiator = await ready(await login());
  disk.stop();
  const tag = initiator.startCommand(read10(0, 1), { in: 512 });
  initiator.send('scsiCommand', { final: true, initiatorTaskTag: tag, cmdSN: initiator.cmdSN });
  initiator.cmdSN += 1;
  t.is((await initiator.expect('reject')).fields.reason, REJECT.taskInProgress);
  disk.go();
  t.is((await initiator.finishCommand(tag, { in: 512 })).status, 0);
});
test('11.2.2: an extended CDB reaches the unit; a wrong AHS is rejected', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login());
  const fields = { final: true, initiatorTaskTag: 80, cmdSN: initiator.cmdSN, lun: formatLun(0) };
  const cdb = Buffer.concat([Buffer.from([0x7f]), Buffer.alloc(15)]);
  initiator.send('scsiCommand', { ...fields, cdb }, { ahs: Buffer.from('0005010000000000', 'hex') });
  t.is(whyOf((await initiator.finishCommand(80)).sense), '5 20 00');
  initiator.cmdSN += 1;
  initiator.send(
    'scsiCommand',
    { ...fields, cmdSN: initiator.cmdSN },
    { ahs: Buffer.from('00ff010000000000', 'hex') },
  );
  t.is((await initiator.expect('reject')).fields.reason, REJECT.invalidPduField);
});
test('11.3: a LUN that is not there, or not seen by this initiator', async (t) => {
  const { login } = await iscsiTarget(t, { access: { sees: (_, lun) => lun !== 0 } });
  const initiator = await login();
  for (const lun of [0, 5]) {
    t.is(whyOf((await initiator.command(testUnitReady, { lun })).sense), '5 25 00');
    t.is((await initiator.command(inquiry, { lun, in: 36 })).data[0], 0x7f);
  }
});

// --- memory -----------------------------------------------------------------------------------------------------------------------

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
