/** RFC 7143 4.2.3, 11.5, 11.6: task management. */
import test from 'ava';
import { REJECT, TASK_FUNCTION, TASK_RESPONSE } from '#iscsi';
import { formatLun, STATUS } from '#scsi';
import {
  FakeDisk,
  type Initiator,
  inquiry,
  is,
  iscsiTarget,
  oneBlock,
  ping,
  read10,
  ready,
  sync,
  testUnitReady,
  whyOf,
  write10,
} from '#support';

interface Managing {
  readonly function: number;
  readonly lun?: number;
  readonly referencedTaskTag?: number;
  readonly refCmdSN?: number;
  readonly cmdSN?: number;
  readonly immediate?: boolean;
}
function startManaging(initiator: Initiator, { lun = 0, immediate = true, ...fields }: Managing): void {
  const common = {
    final: true,
    immediate,
    lun: formatLun(lun),
    initiatorTaskTag: initiator.nextTag(),
    cmdSN: initiator.cmdSN,
  };
  initiator.send('taskManagementRequest', { ...common, ...fields });
  if (!immediate) initiator.cmdSN += 1;
}
async function manage(initiator: Initiator, fields: Managing): Promise<number> {
  startManaging(initiator, fields);
  return (await initiator.expect('taskManagementResponse')).fields.response;
}

test('11.5.1: ABORT TASK ends the task, and nothing of it comes any more', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const initiator = await ready(await login());
  disk.stop();
  const running = initiator.startCommand(read10(), oneBlock);
  const waiting = initiator.startCommand(read10(), oneBlock);
  t.is(
    await manage(initiator, { function: TASK_FUNCTION.abortTask, referencedTaskTag: waiting }),
    TASK_RESPONSE.functionComplete,
  );
  disk.go();
  t.is((await initiator.finishCommand(running, oneBlock)).status, STATUS.good);
  await sync(initiator);
  t.true(initiator.isQuiet);
  t.is(
    (await initiator.command(testUnitReady)).status,
    STATUS.good,
    'the window is open, no unit attention for itself',
  );
});
test('11.5.1: ABORT TASK of a task that is over, of another LUN, or that never was', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const initiator = await ready(await login());
  const abort = { function: TASK_FUNCTION.abortTask };
  const { cmdSN } = initiator;
  t.is(
    await manage(initiator, { ...abort, referencedTaskTag: 999, refCmdSN: cmdSN - 1 }),
    TASK_RESPONSE.taskDoesNotExist,
  );
  t.is(
    await manage(initiator, { ...abort, referencedTaskTag: 999, refCmdSN: cmdSN + 5000 }),
    TASK_RESPONSE.taskDoesNotExist,
  );
  disk.stop();
  const tag = initiator.startCommand(read10(), oneBlock);
  t.is(await manage(initiator, { ...abort, lun: 3, referencedTaskTag: tag }), TASK_RESPONSE.taskDoesNotExist);
  disk.go();
  t.is((await initiator.finishCommand(tag, oneBlock)).status, STATUS.good);
});
test('11.5.1: ABORT TASK of a command still to come takes its CmdSN', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login());
  const lost = initiator.cmdSN++;
  const behind = initiator.startCommand(inquiry, { in: 36 });
  startManaging(initiator, { function: TASK_FUNCTION.abortTask, referencedTaskTag: 999, refCmdSN: lost });
  const answers = [await initiator.next(), await initiator.next()];
  const response = answers.find((pdu) => is(pdu, 'taskManagementResponse'));
  t.is(response?.fields.response, TASK_RESPONSE.functionComplete);
  const ran = answers.find((pdu) => is(pdu, 'dataIn'));
  t.is(ran?.fields.initiatorTaskTag, behind, 'the command behind the gap runs');
});
test('4.2.3.3: a write is aborted after the data that it was asked for has come', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const initiator = await ready(await login({ keys: { InitialR2T: 'Yes', ImmediateData: 'No' } }));
  await initiator.command(write10(0, 8), { out: Buffer.alloc(4096, 7) }); // memory is not all zeros from here on
  disk.bytes.fill(0);
  const out = Buffer.alloc(4096, 9);
  const tag = initiator.startCommand(write10(0, 8), { out });
  const { targetTransferTag } = (await initiator.expect('readyToTransfer')).fields;
  startManaging(initiator, { function: TASK_FUNCTION.abortTask, referencedTaskTag: tag });
  await sync(initiator);
  t.true(initiator.isQuiet, 'no response while data is under way');
  initiator.sendData(tag, targetTransferTag, out, 0);
  t.is((await initiator.expect('taskManagementResponse')).fields.response, TASK_RESPONSE.functionComplete);
  t.true(disk.bytes.every((byte) => byte === 0));
});
test('4.2.3.3: an initiator that sends no data to a task that it aborts is answered all the same', async (t) => {
  const { login, clock, pool } = await iscsiTarget(t);
  const initiator = await ready(await login({ keys: { InitialR2T: 'Yes', ImmediateData: 'No' } }));
  const tag = initiator.startCommand(write10(0, 8), { out: Buffer.alloc(4096) });
  await initiator.expect('readyToTransfer');
  startManaging(initiator, { function: TASK_FUNCTION.abortTask, referencedTaskTag: tag });
  await sync(initiator);
  clock.pass(1000);
  t.is((await initiator.expect('taskManagementResponse')).fields.response, TASK_RESPONSE.functionComplete);
  t.is(pool.freeBytes, pool.blocksMax * pool.blockBytes, 'P7: its memory is free');
});
for (const [name, code] of [
  ['ABORT TASK SET', TASK_FUNCTION.abortTaskSet],
  ['CLEAR TASK SET', TASK_FUNCTION.clearTaskSet],
  ['LOGICAL UNIT RESET', TASK_FUNCTION.logicalUnitReset],
  ['TARGET WARM RESET', TASK_FUNCTION.targetWarmReset],
] as const) {
  test(`11.5.1: ${name} ends all tasks it means, and the other initiator's if it means them`, async (t) => {
    const { login, disk } = await iscsiTarget(t);
    const initiator = await ready(await login());
    const other = await ready(await login({ name: 'iqn.2026-01.test:other' }));
    disk.stop();
    for (let count = 0; count < 3; count++) initiator.startCommand(read10(), oneBlock);
    const its = other.startCommand(read10(), oneBlock);
    await sync(initiator);
    await sync(other);
    startManaging(initiator, { function: code, immediate: false });
    const later = initiator.startCommand(inquiry, { in: 36 });
    await ping(initiator);
    t.true(initiator.isQuiet, 'no response while a task is still running');
    disk.go();
    t.is((await initiator.expect('taskManagementResponse')).fields.response, TASK_RESPONSE.functionComplete);
    t.is(
      (await initiator.finishCommand(later, { in: 36 })).status,
      STATUS.good,
      'what came behind is not meant',
    );
    if (code === TASK_FUNCTION.abortTaskSet)
      t.is((await other.finishCommand(its, oneBlock)).status, STATUS.good);
    await sync(other);
    t.true(other.isQuiet && initiator.isQuiet);
    const told = await other.command(testUnitReady);
    const why = { 2: '0 00 00', 4: '6 2f 00', 5: '6 29 03', 6: '6 29 02' }[code];
    t.is(whyOf(told.sense), why);
  });
}
test('11.6.1: functions for a LUN that is not there, for what we do not have, for level 2', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login());
  const cases: [number, number, number][] = [
    [TASK_FUNCTION.logicalUnitReset, 9, TASK_RESPONSE.lunDoesNotExist],
    [TASK_FUNCTION.abortTaskSet, 9, TASK_RESPONSE.lunDoesNotExist],
    [TASK_FUNCTION.clearAca, 0, TASK_RESPONSE.functionNotSupported],
    [TASK_FUNCTION.taskReassign, 0, TASK_RESPONSE.reassignmentNotSupported],
    [99, 0, TASK_RESPONSE.functionNotSupported],
  ];
  for (const [code, lun, response] of cases) t.is(await manage(initiator, { function: code, lun }), response);
});
test('11.5.1: TARGET COLD RESET answers, then ends all sessions of the target', async (t) => {
  const { login, server } = await iscsiTarget(t);
  const initiator = await login();
  const other = await login({ name: 'iqn.2026-01.test:other' });
  t.is(await manage(initiator, { function: TASK_FUNCTION.targetColdReset }), TASK_RESPONSE.functionComplete);
  await initiator.closed;
  await other.closed;
  t.is(server.sessions().length, 0);
  const again = await login();
  t.is((await again.command(testUnitReady)).status, STATUS.checkCondition);
});
test('11.5.1: who does not see all units may not reset the target', async (t) => {
  const sees = ({ name }: { name: string }, lun: number): boolean => lun === 0 || name.endsWith(':other');
  const { login, server, device, env } = await iscsiTarget(t, { access: { sees } });
  device.plug(1, new FakeDisk(64, env));
  const initiator = await ready(await login());
  const other = await ready(await login({ name: 'iqn.2026-01.test:other' }));
  for (const code of [TASK_FUNCTION.targetWarmReset, TASK_FUNCTION.targetColdReset]) {
    t.is(await manage(initiator, { function: code }), TASK_RESPONSE.authorizationFailed);
  }
  t.is((await other.command(testUnitReady)).status, STATUS.good, 'nothing has happened to the others');
  t.is(server.sessions().length, 2);
  t.is(await manage(other, { function: TASK_FUNCTION.targetWarmReset }), TASK_RESPONSE.functionComplete);
});
test('commands that wait behind a task management function count: the window closes, immediate ones are limited', async (t) => {
  const { login, disk, server } = await iscsiTarget(t);
  const initiator = await ready(await login());
  disk.stop();
  initiator.startCommand(read10(), oneBlock);
  await sync(initiator);
  const last = initiator.maxCmdSN;
  startManaging(initiator, { function: TASK_FUNCTION.logicalUnitReset });
  const waiting = Array.from({ length: 20 }, () => initiator.startCommand(inquiry, { in: 36 }));
  await ping(initiator);
  t.is(initiator.expCmdSN, initiator.cmdSN, 'all of them have been taken');
  t.is(initiator.maxCmdSN, last, 'none has ended');
  for (let count = 0; count < 65; count++) initiator.startCommand(inquiry, { in: 36, immediate: true });
  t.is((await initiator.expect('reject')).fields.reason, REJECT.tooManyImmediateCommands);
  t.is(server.sessions()[0]?.outstandingCommands, 20 + 64 + 1);
  disk.go();
  await initiator.expect('taskManagementResponse');
  for (const tag of waiting) t.is((await initiator.finishCommand(tag, { in: 36 })).status, STATUS.good);
});
test('there are not too many task management functions at once', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  const initiator = await ready(await login());
  disk.stop();
  initiator.startCommand(read10(), oneBlock);
  await sync(initiator);
  for (let count = 0; count < 65; count++) {
    startManaging(initiator, { function: TASK_FUNCTION.abortTaskSet });
  }
  t.is((await initiator.expect('reject')).fields.reason, REJECT.tooManyImmediateCommands);
  disk.go();
  for (let count = 0; count < 64; count++) await initiator.expect('taskManagementResponse');
  t.is(await manage(initiator, { function: TASK_FUNCTION.abortTaskSet }), TASK_RESPONSE.functionComplete);
});
