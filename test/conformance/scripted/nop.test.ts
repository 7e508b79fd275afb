/** RFC 7143 11.18, 11.19: pings both ways. */
import test from 'ava';
import { noTag } from '#iscsi';
import { iscsiTarget, sync } from '#support';

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
test('pings that wait for their turn hold little memory', async (t) => {
  const { login, pool } = await iscsiTarget(t);
  const initiator = await login();
  initiator.cmdSN += 1; // they come behind a command that does not
  for (let count = 0; count < 20; count++) {
    const fields = { final: true, initiatorTaskTag: 9, targetTransferTag: noTag, cmdSN: initiator.cmdSN++ };
    initiator.send('nopOut', fields, { data: Buffer.alloc(100, count) });
  }
  await sync(initiator);
  t.is(pool.freeBytes, (pool.blocksMax - 8) * pool.blockBytes);
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
