/** RFC 7143 4.3, 11.10, 11.11, appendix C: text requests and SendTargets. */
import test from 'ava';
import { formatText, noTag, type Pair, parseText, REJECT } from '#iscsi';
import { TargetDevice } from '#scsi';
import {
  Initiator,
  iscsiTarget,
  type IscsiTarget,
  openAccess,
  ready,
  targetName,
  testUnitReady,
  read10,
} from '#support';

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
  const initiator = await Initiator.connect(env.net, portal.address);
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
  const result = await initiator.command([...read10().slice(0, 8), 4, 0], { in: 2048 });
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
test('4.3: neither task management nor pings have a place in a discovery session', async (t) => {
  const initiator = await discover(await iscsiTarget(t));
  const numbered = { final: true, initiatorTaskTag: 7 };
  initiator.send('taskManagementRequest', { ...numbered, function: 5, cmdSN: initiator.cmdSN++ });
  t.is((await initiator.expect('reject')).fields.reason, REJECT.commandNotSupported);
  initiator.send('nopOut', { ...numbered, targetTransferTag: noTag, cmdSN: initiator.cmdSN++ });
  const reject = await initiator.expect('reject');
  t.is(reject.fields.reason, REJECT.commandNotSupported);
  t.is(reject.fields.expCmdSN, initiator.cmdSN, 'both have been received');
  // The answer to a ping of ours is no request.
  initiator.send('nopOut', { ...numbered, immediate: true, initiatorTaskTag: noTag, targetTransferTag: 5 });
  t.is((await initiator.logout(0)).response, 0);
});
