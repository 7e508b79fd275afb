/** RFC 7143 11.9, 11.14 … 11.17: logout, Reject, SNACK, Asynchronous Messages. */
import test from 'ava';
import { ASYNC_EVENT, LOGOUT_RESPONSE, noTag, PDU, REJECT } from '#iscsi';
import { STATUS, TargetDevice } from '#scsi';
import {
  type Initiator,
  iscsiTarget,
  type IscsiTarget,
  makeHeader,
  oneBlock,
  openAccess,
  read10,
  ready,
  sync,
  targetName,
  testUnitReady,
} from '#support';

async function discover(target: IscsiTarget): Promise<Initiator> {
  const initiator = await target.connect();
  await initiator.login();
  return initiator;
}

test('11.14: closing the session ends its tasks, answers, and closes the connection', async (t) => {
  const { login, server, disk, device } = await iscsiTarget(t);
  const initiator = await ready(await login());
  const other = await login({ name: 'iqn.2026-01.test:other' });
  disk.stop();
  initiator.startCommand(read10(), oneBlock);
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
