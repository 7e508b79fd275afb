/** SAM-5 5.6: what tasks of other initiators end with when the Control mode page has TAS = 1. */
import test from 'ava';
import { noTag, TASK_FUNCTION } from '#iscsi';
import { CONTROL, formatLun, STATUS } from '#scsi';
import { iscsiTarget, whyOf } from '#support';

const testUnitReady = [0, 0, 0, 0, 0, 0];
const inquiry = [0x12, 0, 0, 0, 36, 0];
const read10 = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const read = { in: 512 };

for (const [name, code, why] of [
  ['CLEAR TASK SET', TASK_FUNCTION.clearTaskSet, '0 00 00'],
  ['LOGICAL UNIT RESET', TASK_FUNCTION.logicalUnitReset, '6 29 03'],
  ['TARGET WARM RESET', TASK_FUNCTION.targetWarmReset, '6 29 02'],
] as const) {
  test(`TAS = 1: a task that the ${name} of another ends has TASK ABORTED status`, async (t) => {
    const { login, disk } = await iscsiTarget(t);
    const initiator = await login();
    const other = await login({ name: 'iqn.2026-01.test:other' });
    for (const one of [initiator, other]) await one.command(testUnitReady);
    disk.modePages.set(CONTROL, { taskAbortedStatus: true });
    disk.stop();
    initiator.startCommand(read10, read);
    const its = other.startCommand(read10, read);
    for (const one of [initiator, other]) await one.command(inquiry, { in: 36, immediate: true });
    const { cmdSN } = initiator;
    const initiatorTaskTag = initiator.nextTag();
    const common = { final: true, immediate: true, lun: formatLun(0), initiatorTaskTag, cmdSN };
    initiator.send('taskManagementRequest', { ...common, function: code });
    // The answer to a ping says that the request was taken in.
    const ping = { final: true, immediate: true, initiatorTaskTag: initiator.nextTag(), cmdSN };
    initiator.send('nopOut', { ...ping, targetTransferTag: noTag });
    await initiator.expect('nopIn');
    disk.go();
    await initiator.expect('taskManagementResponse');
    t.is((await other.finishCommand(its, read)).status, STATUS.taskAborted);
    t.true(initiator.isQuiet, 'its own task ends silently');
    if (why !== '0 00 00') t.is(whyOf((await other.command(testUnitReady)).sense), why);
  });
}
