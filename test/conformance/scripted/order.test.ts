/** RFC 7143 4.2.2.1, 11.3: the order of commands, the window, and commands that are not right. */
import test from 'ava';
import { ATTRIBUTE, noTag, PDU, REJECT } from '#iscsi';
import { formatLun } from '#scsi';
import { inquiry, iscsiTarget, pattern, read10, ready, testUnitReady, whyOf, write10 } from '#support';

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

// --- commands that are not right ---

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
