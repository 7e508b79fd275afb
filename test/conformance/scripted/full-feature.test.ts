/** RFC 7143 4.3, 11.5, 11.9 … 11.19, appendix C: everything beside SCSI commands, against a scripted initiator. */
import test from 'ava';
import {
  ASYNC_EVENT,
  formatText,
  LOGOUT_RESPONSE,
  noTag,
  type Pair,
  parseText,
  PDU,
  REJECT,
  TASK_FUNCTION,
  TASK_RESPONSE,
} from '#iscsi';
import { formatLun, SENSE, STATUS, TargetDevice } from '#scsi';
import {
  FakeDisk,
  type Initiator,
  is,
  iscsiTarget,
  type IscsiTarget,
  makeHeader,
  openAccess,
  targetName,
  whyOf,
} from '#support';

const testUnitReady = [0, 0, 0, 0, 0, 0];
const inquiry = [0x12, 0, 0, 0, 36, 0];
const read10 = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const write10 = [0x2a, 0, 0, 0, 0, 0, 0, 0, 8, 0];
const read = { in: 512 };

async function ready(initiator: Initiator): Promise<Initiator> {
  await initiator.command(testUnitReady);
  return initiator;
}
/** Everything sent so far has been taken in. */
const sync = async (initiator: Initiator): Promise<void> =>
  void (await initiator.command(inquiry, { in: 36, immediate: true }));

/** The same, without a command. */
async function ping(initiator: Initiator): Promise<void> {
  const { cmdSN } = initiator;
  initiator.send('nopOut', {
    immediate: true,
    final: true,
    initiatorTaskTag: 0x7000,
    targetTransferTag: noTag,
    cmdSN,
  });
  await initiator.expect('nopIn');
}

// --- NOP ----------------------------------------------------------------------------------------------------------------

test('11.18, 11.19: a ping is answered with its data', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await login({ keys: { MaxRecvDataSegmentLength: '1024' } });
  for (const length of [0, 1, 7, 1024]) {
    const data = Buffer.alloc(length, length);
    const fields = { final: true, initiatorTaskTag: 9, targetTransferTag: noTag, cmdSN: initiator.cmdSN++ };
    initiator.send('nopOut', fields, { data });
    const answer = await initiator.expect('nopIn');
    t.is(answer.fields.initiatorTaskTag, 9);
    t.is(answer.fields.targetTransferTag, noTag);
    t.true(answer.data.equals(data));
    t.is(answer.fields.expCmdSN, initiator.cmdSN);
  }
});
test('11.18: a ping of more than the initiator takes is answered with what it takes', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await login({ keys: { MaxRecvDataSegmentLength: '512' } });
  const fields = {
    immediate: true,
    final: true,
    initiatorTaskTag: 9,
    targetTransferTag: noTag,
    cmdSN: initiator.cmdSN,
  };
  initiator.send('nopOut', fields, { data: Buffer.alloc(100_000, 7) });
  t.deepEqual((await initiator.expect('nopIn')).data, Buffer.alloc(512, 7));
});
test('keepalive: silence is answered by a ping; a peer that answers stays, one that does not goes', async (t) => {
  const { login, clock, server } = await iscsiTarget(t);
  const initiator = await login();
  clock.pass(15_000); // it has been heard within this tick
  clock.pass(30_000);
  const ping = await initiator.expect('nopIn');
  t.is(ping.fields.initiatorTaskTag, noTag);
  t.not(ping.fields.targetTransferTag, noTag);
  const { targetTransferTag } = ping.fields;
  initiator.send('nopOut', {
    immediate: true,
    final: true,
    initiatorTaskTag: noTag,
    targetTransferTag,
    cmdSN: initiator.cmdSN,
  });
  await sync(initiator);
  clock.pass(15_000);
  await sync(initiator);
  t.is(server.sessions().length, 1);
  clock.pass(60_000);
  await initiator.closed;
  t.is(server.sessions().length, 0);
});

// --- text ---------------------------------------------------------------------------------------------------------------

async function ask(initiator: Initiator, keys: Readonly<Record<string, string>>): Promise<Pair[]> {
  const pairs = Object.entries(keys).map(([key, value]) => ({ key, value }));
  const fields = {
    final: true,
    initiatorTaskTag: initiator.nextTag(),
    targetTransferTag: noTag,
    cmdSN: initiator.cmdSN++,
  };
  initiator.send('textRequest', fields, { data: formatText(pairs) });
  const answer = await initiator.expect('textResponse');
  checkFinal(answer.fields.final);
  return parseText(answer.data);
}
function checkFinal(final: boolean): void {
  if (!final) throw new Error('the answer is not final');
}
const values = (pairs: readonly Pair[], key: string): string[] =>
  pairs.filter((pair) => pair.key === key).map((pair) => pair.value);
async function discover(target: IscsiTarget): Promise<Initiator> {
  const initiator = await target.connect();
  await initiator.login();
  return initiator;
}

test('appendix C: a discovery session is told of all targets that admit it, with their addresses', async (t) => {
  const target = await iscsiTarget(t);
  const { server, portal } = target;
  const device = new TargetDevice(target.env.log);
  server.addTarget({ name: 'iqn.2026-01.test:second', alias: '', device, access: openAccess });
  server.addTarget({
    name: 'iqn.2026-01.test:hidden',
    alias: '',
    device,
    access: { ...openAccess, admits: () => false },
  });
  const initiator = await discover(target);
  const answer = await ask(initiator, { SendTargets: 'All' });
  t.deepEqual(values(answer, 'TargetName'), [targetName, 'iqn.2026-01.test:second']);
  t.deepEqual(new Set(values(answer, 'TargetAddress')), new Set([`127.0.0.1:${portal.address.port},1`]));
  t.is(answer[1]?.key, 'TargetAddress', 'the address stands behind its name');
  t.deepEqual(values(await ask(initiator, { SendTargets: 'iqn.2026-01.test:second' }), 'TargetName'), [
    'iqn.2026-01.test:second',
  ]);
  t.deepEqual(await ask(initiator, { SendTargets: 'iqn.2026-01.test:hidden' }), []);
  t.deepEqual(await ask(initiator, { SendTargets: 'iqn.2026-01.test:none' }), []);
});
test('appendix C: a normal session may ask for its own target only', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await login();
  for (const what of ['', targetName])
    t.deepEqual(values(await ask(initiator, { SendTargets: what }), 'TargetName'), [targetName]);
  for (const what of ['All', 'iqn.2026-01.test:second']) {
    t.deepEqual(await ask(initiator, { SendTargets: what }), [{ key: 'SendTargets', value: 'Reject' }]);
  }
});
test('appendix C: portals in groups, IPv6 in brackets, announced addresses', async (t) => {
  const target = await iscsiTarget(t);
  const { server, portal } = target;
  const six = await server.addPortal({ address: { host: '::1', port: 0 }, groupTag: 2 });
  const announced = await server.addPortal({
    address: { host: '127.0.0.1', port: 0 },
    groupTag: 3,
    announce: { host: '10.0.2.2', port: 3260 },
  });
  const every = await server.addPortal({ address: { host: '0.0.0.0', port: 0 }, groupTag: 4 });
  const addresses = values(await ask(await discover(target), { SendTargets: 'All' }), 'TargetAddress');
  t.deepEqual(addresses, [
    `127.0.0.1:${portal.address.port},1`,
    `[::1]:${six.address.port},2`,
    '10.0.2.2:3260,3',
    `127.0.0.1:${every.address.port},4`,
  ]);
  await server.removePortal(announced.id);
  t.is(server.portals().length, 3);
});
test('4.4: the portal group is that of the portal that was reached, and part of the port name', async (t) => {
  const { server, env, device } = await iscsiTarget(t);
  const portal = await server.addPortal({ address: { host: '::1', port: 0 }, groupTag: 7 });
  const { Initiator: Scripted } = await import('#support');
  const initiator = await Scripted.connect(env.net, portal.address);
  t.teardown(() => initiator.close());
  await initiator.login({ target: targetName });
  t.is(server.sessions()[0]?.groupTag, 7);
  t.is(device.nexuses[0]?.targetPort, `${targetName},t,0x0007`);
  t.is(device.nexuses[0]?.initiatorPort, 'iqn.2026-01.test:initiator,i,0x00023d000001');
});
test('11.10, 11.11: a long answer comes in parts, fetched with the transfer tag', async (t) => {
  const target = await iscsiTarget(t);
  for (let index = 0; index < 40; index++) {
    const device = new TargetDevice(target.env.log);
    target.server.addTarget({ name: `iqn.2026-01.test:t${index}`, alias: '', device, access: openAccess });
  }
  const initiator = await target.connect();
  await initiator.login({ keys: { MaxRecvDataSegmentLength: '512' } });
  const parts: Buffer[] = [];
  let targetTransferTag: number = noTag;
  for (;;) {
    const data = parts.length === 0 ? formatText([{ key: 'SendTargets', value: 'All' }]) : Buffer.alloc(0);
    initiator.send(
      'textRequest',
      { final: true, initiatorTaskTag: 3, targetTransferTag, cmdSN: initiator.cmdSN++ },
      { data },
    );
    const { fields, data: part } = await initiator.expect('textResponse');
    parts.push(part);
    t.is(fields.continues, !fields.final);
    t.is(fields.targetTransferTag === noTag, fields.final);
    ({ targetTransferTag } = fields);
    if (fields.final) break;
    t.is(part.length, 512);
  }
  t.true(parts.length > 4);
  t.is(values(parseText(Buffer.concat(parts)), 'TargetName').length, 41);
});
test('11.10: a long question comes in parts', async (t) => {
  const target = await iscsiTarget(t);
  const initiator = await discover(target);
  const common = { initiatorTaskTag: 4 };
  initiator.send(
    'textRequest',
    { ...common, continues: true, targetTransferTag: noTag, cmdSN: initiator.cmdSN++ },
    { data: Buffer.from('SendTar') },
  );
  const { fields, data } = await initiator.expect('textResponse');
  t.is(data.length, 0);
  t.false(fields.final);
  const { targetTransferTag } = fields;
  initiator.send(
    'textRequest',
    { ...common, final: true, targetTransferTag, cmdSN: initiator.cmdSN++ },
    { data: Buffer.from('gets=All\0') },
  );
  t.deepEqual(values(parseText((await initiator.expect('textResponse')).data), 'TargetName'), [targetName]);
});
test('11.10.4: a transfer tag that is not the one of the exchange is rejected', async (t) => {
  const initiator = await discover(await iscsiTarget(t));
  initiator.send('textRequest', {
    final: true,
    initiatorTaskTag: 4,
    targetTransferTag: 1234,
    cmdSN: initiator.cmdSN++,
  });
  t.is((await initiator.expect('reject')).fields.reason, REJECT.invalidPduField);
  t.is((await ask(initiator, { SendTargets: 'All' })).length, 2);
});
test('13.12: the segment length may be declared anew; other keys are refused or not understood', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  disk.bytes.fill(5);
  const initiator = await ready(await login());
  const answer = await ask(initiator, {
    MaxRecvDataSegmentLength: '512',
    HeaderDigest: 'CRC32C',
    'X-odd': '1',
  });
  t.deepEqual(answer, [
    { key: 'HeaderDigest', value: 'Reject' },
    { key: 'X-odd', value: 'NotUnderstood' },
  ]);
  const result = await initiator.command([...read10.slice(0, 8), 4, 0], { in: 2048 });
  t.deepEqual(
    result.dataIns.map((pdu) => pdu.dataSegmentLength),
    [512, 512, 512, 512],
  );
});
test('11.10: text that is none is rejected', async (t) => {
  const initiator = await discover(await iscsiTarget(t));
  const fields = { final: true, initiatorTaskTag: 4, targetTransferTag: noTag };
  initiator.send('textRequest', { ...fields, cmdSN: initiator.cmdSN++ }, { data: Buffer.from('nonsense\0') });
  t.is((await initiator.expect('reject')).fields.reason, REJECT.protocolError);
  initiator.send('textRequest', { ...fields, cmdSN: initiator.cmdSN++ }, { data: Buffer.alloc(70_000, 65) });
  t.is((await initiator.expect('reject')).fields.reason, REJECT.invalidPduField);
  initiator.send('textRequest', { ...fields, continues: true, cmdSN: initiator.cmdSN++ });
  t.is((await initiator.expect('reject')).fields.reason, REJECT.protocolError);
  t.is((await ask(initiator, { SendTargets: 'All' })).length, 2);
});
test('4.3: SCSI commands have no place in a discovery session', async (t) => {
  const initiator = await discover(await iscsiTarget(t));
  initiator.startCommand(testUnitReady);
  t.is((await initiator.expect('reject')).fields.reason, REJECT.commandNotSupported);
});

// --- task management --------------------------------------------------------------------------------------------------------

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
  const running = initiator.startCommand(read10, read);
  const waiting = initiator.startCommand(read10, read);
  t.is(
    await manage(initiator, { function: TASK_FUNCTION.abortTask, referencedTaskTag: waiting }),
    TASK_RESPONSE.functionComplete,
  );
  disk.go();
  t.is((await initiator.finishCommand(running, read)).status, STATUS.good);
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
  const tag = initiator.startCommand(read10, read);
  t.is(await manage(initiator, { ...abort, lun: 3, referencedTaskTag: tag }), TASK_RESPONSE.taskDoesNotExist);
  disk.go();
  t.is((await initiator.finishCommand(tag, read)).status, STATUS.good);
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
  const out = Buffer.alloc(4096, 9);
  const tag = initiator.startCommand(write10, { out });
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
  const tag = initiator.startCommand(write10, { out: Buffer.alloc(4096) });
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
    for (let count = 0; count < 3; count++) initiator.startCommand(read10, read);
    const its = other.startCommand(read10, read);
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
    if (code === TASK_FUNCTION.abortTaskSet) t.is((await other.finishCommand(its, read)).status, STATUS.good);
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

// --- logout, reject, asynchronous messages ------------------------------------------------------------------------------------

test('11.14: closing the session ends its tasks, answers, and closes the connection', async (t) => {
  const { login, server, disk, device } = await iscsiTarget(t);
  const initiator = await ready(await login());
  const other = await login({ name: 'iqn.2026-01.test:other' });
  disk.stop();
  initiator.startCommand(read10, read);
  await sync(initiator);
  const closing = initiator.logout(0);
  while (device.nexuses.length > 1) await sync(other);
  disk.go();
  const response = await closing;
  t.is(response.response, LOGOUT_RESPONSE.closed);
  await initiator.closed;
  t.is(server.sessions().length, 1);
  t.is(initiator.log.at(-1)?.name, 'logoutResponse', 'nothing behind the answer');
});
test('11.14: closing the only connection closes the session; another CID is not found', async (t) => {
  const { login, server } = await iscsiTarget(t);
  const initiator = await ready(await login({ cid: 5 }));
  t.is((await initiator.logout(1, 6)).response, LOGOUT_RESPONSE.cidNotFound);
  t.is((await initiator.command(testUnitReady)).status, STATUS.good);
  t.is((await initiator.logout(1, 5)).response, LOGOUT_RESPONSE.closed);
  await initiator.closed;
  t.is(server.sessions().length, 0);
});
test('11.15.1: removing a connection for recovery is of level 2; unknown reasons are rejected', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login());
  t.is((await initiator.logout(2, 0)).response, LOGOUT_RESPONSE.recoveryNotSupported);
  initiator.send('logoutRequest', {
    immediate: true,
    final: true,
    reason: 9,
    initiatorTaskTag: 1,
    cmdSN: initiator.cmdSN,
  });
  t.is((await initiator.expect('reject')).fields.reason, REJECT.invalidPduField);
});
test('11.14: in a discovery session only the session can be closed', async (t) => {
  const initiator = await discover(await iscsiTarget(t));
  initiator.send('logoutRequest', {
    immediate: true,
    final: true,
    reason: 1,
    initiatorTaskTag: 1,
    cmdSN: initiator.cmdSN,
  });
  t.is((await initiator.expect('reject')).fields.reason, REJECT.invalidPduField);
  t.is((await initiator.logout(0)).response, LOGOUT_RESPONSE.closed);
});
test('what follows a Logout Request is not taken any more', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login());
  const logout = initiator.encode('logoutRequest', {
    immediate: true,
    final: true,
    initiatorTaskTag: 1,
    cmdSN: initiator.cmdSN,
  });
  const command = initiator.encode('scsiCommand', {
    final: true,
    initiatorTaskTag: 2,
    cmdSN: initiator.cmdSN,
  });
  initiator.sendRaw(Buffer.concat([logout, command]));
  await initiator.expect('logoutResponse');
  await initiator.closed;
  t.is(initiator.log.at(-1)?.name, 'logoutResponse');
});
test('11.16: SNACK is rejected at level 0, of each type', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await login();
  for (const type of [0, 1, 2, 3]) {
    initiator.send('snackRequest', { final: true, type, initiatorTaskTag: 1, targetTransferTag: noTag });
    const reject = await initiator.expect('reject');
    t.is(reject.fields.reason, REJECT.snackReject);
    t.is(reject.fields.initiatorTaskTag, noTag);
    t.is(PDU.snackRequest.bhs.decode(reject.data).type, type);
  }
});
test('11.17.1: opcodes that are not, and logins that come too late, are rejected', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await ready(await login());
  for (const opcode of [0x07, 0x1c, 0x25, 0x3f]) {
    const header = makeHeader('nopOut', { immediate: true });
    header[0] = 0x40 | opcode;
    initiator.sendRaw(header);
    const reject = await initiator.expect('reject');
    t.is(reject.fields.reason, REJECT.commandNotSupported);
    t.is(reject.data[0], 0x40 | opcode);
  }
  initiator.send('loginRequest', { immediate: true });
  t.is((await initiator.expect('reject')).fields.reason, REJECT.protocolError);
  t.is((await initiator.command(testUnitReady)).status, STATUS.good);
});
test('a data segment longer than declared closes the connection', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await login();
  initiator.sendRaw(makeHeader('nopOut', { immediate: true, dataSegmentLength: 262_145 }));
  await initiator.closed;
  t.pass();
});
test('11.9.1: at shutdown initiators are asked to log out, and may', async (t) => {
  const { login, server } = await iscsiTarget(t);
  const initiator = await login();
  const closing = server.close(3000);
  const message = await initiator.expect('asyncMessage');
  t.is(message.fields.asyncEvent, ASYNC_EVENT.logoutRequest);
  t.is(message.fields.parameter3, 3);
  t.is(message.fields.initiatorTaskTag, noTag);
  t.is((await initiator.logout()).response, LOGOUT_RESPONSE.closed);
  await closing;
  t.is(server.sessions().length, 0);
});
test('11.9.1: who does not log out is told and cut off when the time is over', async (t) => {
  const { login, server, clock } = await iscsiTarget(t);
  const initiator = await login();
  const closing = server.close(3000);
  await initiator.expect('asyncMessage');
  clock.pass(3000);
  await closing;
  t.is((await initiator.expect('asyncMessage')).fields.asyncEvent, ASYNC_EVENT.sessionDrop);
  await initiator.closed;
});
test('a session that is dropped is told, and its target goes on', async (t) => {
  const { login, server } = await iscsiTarget(t);
  const initiator = await login();
  const [session] = server.sessions();
  t.true(await server.dropSession(session?.id ?? 0));
  t.is((await initiator.expect('asyncMessage')).fields.asyncEvent, ASYNC_EVENT.sessionDrop);
  await initiator.closed;
  t.false(await server.dropSession(session?.id ?? 0));
  await login();
});
test('a target that is removed drops its sessions; a name is a name, once', async (t) => {
  const { login, server, env } = await iscsiTarget(t);
  const initiator = await login();
  const spec = { alias: '', device: new TargetDevice(env.log), access: openAccess };
  t.throws(() => server.addTarget({ ...spec, name: targetName }), { code: 'conflict' });
  for (const name of [
    'disk',
    'iqn.2026-13.test:x',
    'iqn.2026-01.test:Upper',
    'iqn.2026-01.test:a b',
    `iqn.2026-01.${'x'.repeat(220)}`,
  ]) {
    t.throws(() => server.addTarget({ ...spec, name }), { code: 'usage' }, name);
  }
  await server.removeTarget(targetName);
  await initiator.expect('asyncMessage');
  await initiator.closed;
  server.addTarget({ ...spec, name: targetName });
  await login();
});

// --- the session as others see it -----------------------------------------------------------------------------------------------

test('a connection that breaks takes its session and its tasks along, in any state', async (t) => {
  const { login, server, disk, pool } = await iscsiTarget(t);
  const initiator = await ready(await login({ keys: { InitialR2T: 'No', ImmediateData: 'No' } }));
  disk.stop();
  initiator.startCommand(read10, read);
  initiator.startCommand(write10, { out: Buffer.alloc(4096) });
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
  initiator.startCommand(write10, { out: Buffer.alloc(4096) });
  await initiator.expect('readyToTransfer');
  for (let tick = 0; tick < 4; tick++) {
    await sync(initiator); // it is alive otherwise
    clock.pass(15_000);
  }
  await initiator.closed;
  t.is(server.sessions().length, 0);
});
test('the list of sessions shows what was negotiated, and counts', async (t) => {
  const { login, server } = await iscsiTarget(t);
  const initiator = await ready(
    await login({ keys: { InitiatorAlias: 'host one', MaxBurstLength: '65536', HeaderDigest: 'CRC32C' } }),
  );
  await initiator.command(read10, read);
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
