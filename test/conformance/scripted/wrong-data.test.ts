/** RFC 7143 7.7 … 7.9, 11.4.7.2: data-out that is not as it should be. */
import test from 'ava';
import { noTag, PDU, REJECT } from '#iscsi';
import { formatLun, STATUS } from '#scsi';
import {
  type Initiator,
  inquiry,
  iscsiTarget,
  pattern,
  ready,
  testUnitReady,
  whyOf,
  write10,
} from '#support';

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

// --- digests ---

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
