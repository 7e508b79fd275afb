/** RFC 7143 6.3.1, 6.3.4, 6.3.5: which session a login makes, joins or replaces. */
import test from 'ava';
import { LOGIN_STATUS, STAGE } from '#iscsi';
import {
  defaultIsid,
  iscsiTarget,
  targetName,
  initiatorName,
  who,
  pairs,
  toFullFeature,
  refused,
} from '#support';

test('6.3.5: the same initiator port again replaces its session', async (t) => {
  const { login, server } = await iscsiTarget(t);
  const old = await login();
  const fresh = await login();
  await old.closed;
  t.not(fresh.tsih, old.tsih);
  t.is(server.sessions().length, 1);
  const inquiry = await fresh.command([0x12, 0, 0, 0, 36, 0], { in: 36 });
  t.is(inquiry.status, 0);
});
test('6.3.1: another ISID or another initiator is another session', async (t) => {
  const { login, server } = await iscsiTarget(t);
  const first = await login();
  await login({ isid: Buffer.from('00023d000002', 'hex') });
  await login({ name: 'iqn.2026-01.test:other' });
  t.is(server.sessions().length, 3);
  t.is(new Set(server.sessions().map(({ tsih }) => tsih)).size, 3);
  t.false(first.isClosed);
});
test('6.3.1: a TSIH without its session is refused', async (t) => {
  const { connect, login } = await iscsiTarget(t);
  const { tsih } = await login();
  const wrong = [
    { tsih: tsih + 1, isid: defaultIsid },
    { tsih, isid: Buffer.from('00023d000002', 'hex') },
  ];
  for (const fields of wrong) {
    await refused(t, await connect(), LOGIN_STATUS.sessionDoesNotExist, { ...toFullFeature, ...fields }, who);
  }
});
test('6.3.1: a further connection is one too many', async (t) => {
  const { connect, login } = await iscsiTarget(t);
  const first = await login();
  const fields = { ...toFullFeature, tsih: first.tsih, cid: 1 };
  await refused(t, await connect(), LOGIN_STATUS.tooManyConnections, fields, who);
  t.is((await first.command([0, 0, 0, 0, 0, 0])).status, 2, 'the session goes on: its unit attention comes');
});
test('6.3.4: the same CID again replaces the connection, and the session goes on', async (t) => {
  const { connect, login, server, disk } = await iscsiTarget(t);
  const old = await login();
  await old.command([0, 0, 0, 0, 0, 0]);
  disk.stop();
  old.startCommand([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], { in: 512 });
  await old.command([0x12, 0, 0, 0, 36, 0], { in: 36 });
  const fresh = await connect();
  fresh.cmdSN = old.cmdSN;
  const fields = await fresh.login({ target: targetName, tsih: old.tsih });
  await old.closed;
  t.is(fields.tsih, old.tsih);
  t.is(fields.expCmdSN, old.cmdSN);
  disk.go();
  t.is((await fresh.command([0, 0, 0, 0, 0, 0])).status, 0, 'no unit attention: the nexus was not lost');
  t.is(server.sessions().length, 1);
});
test('6.3.4: a further connection may not negotiate what belongs to the session', async (t) => {
  const { connect, login } = await iscsiTarget(t);
  const old = await login({ keys: { MaxBurstLength: '65536' } });
  const fresh = await connect();
  const response = await fresh.loginStep({ ...toFullFeature, tsih: old.tsih }, [
    ...who,
    ...pairs({ MaxBurstLength: '131072', HeaderDigest: 'CRC32C' }),
  ]);
  t.deepEqual(response.pairs.slice(0, 2), pairs({ MaxBurstLength: 'Reject', HeaderDigest: 'CRC32C' }));
});
test('6.3.4: a further connection may say again what type its session is', async (t) => {
  const { connect, login } = await iscsiTarget(t);
  const old = await login();
  const fresh = await connect();
  const declared = [...who, ...pairs({ SessionType: 'Normal' })];
  const response = await fresh.loginStep({ ...toFullFeature, tsih: old.tsih }, declared);
  t.false(
    response.pairs.some(({ key }) => key === 'SessionType'),
    'a declaration is not answered',
  );
});
test('4.3: a discovery session has no further connections', async (t) => {
  const { connect } = await iscsiTarget(t);
  const keys = pairs({ InitiatorName: initiatorName, SessionType: 'Discovery' });
  await refused(t, await connect(), LOGIN_STATUS.sessionDoesNotExist, { ...toFullFeature, tsih: 1 }, keys);
});
test('a target that goes away during a login is gone', async (t) => {
  const { connect, server } = await iscsiTarget(t);
  const initiator = await connect();
  await initiator.loginStep({ currentStage: STAGE.operational }, who);
  await server.removeTarget(targetName);
  await refused(t, initiator, LOGIN_STATUS.targetRemoved, toFullFeature, []);
});
