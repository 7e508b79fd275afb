/** libiscsi's conformance tests of iSCSI itself, with data sent and received, and tshark on every kind of PDU. */
import { formatText, noTag, TASK_FUNCTION } from '#iscsi';
import { dissect, Initiator, iscsiTarget, mustRun, Relay, targetName, testWith } from '#support';

testWith(['iscsi-test-cu'], 'iscsi-test-cu finds no fault with the iSCSI family', async (t) => {
  const { portal } = await iscsiTarget(t, { diskBlocks: 16_384 });
  const url = `iscsi://127.0.0.1:${portal.address.port}/${targetName}/0`;
  const said = await mustRun(t, 'iscsi-test-cu', ['--dataloss', '--test=iSCSI', url]);
  const [, ran, passed, failed] = /tests\s+\d+\s+(\d+)\s+(\d+)\s+(\d+)/.exec(said) ?? [];
  t.is(failed, '0', said);
  t.is(passed, ran);
  t.true(Number(ran) >= 15, said);
});

testWith(['tshark', 'text2pcap'], 'tshark understands every kind of PDU that we send', async (t) => {
  const { server, portal, env, disk, clock } = await iscsiTarget(t, { alias: 'a disk' });
  const relay = await Relay.start(t);
  relay.upstream = portal.address;
  const initiator = await Initiator.connect(env.net, relay.address);
  await initiator.login({
    target: targetName,
    keys: {
      InitialR2T: 'Yes',
      ImmediateData: 'No',
      MaxBurstLength: '4096',
      MaxRecvDataSegmentLength: '1024',
    },
  });
  await initiator.command([0x12, 0, 0, 0, 36, 0], { in: 36 });
  await initiator.command([0, 0, 0, 0, 0, 0]);
  await initiator.command([0x2a, 0, 0, 0, 0, 0, 0, 0, 16, 0], { out: Buffer.alloc(8192, 7) });
  await initiator.command([0x28, 0, 0, 0, 0, 0, 0, 0, 16, 0], { in: 8192 });
  const fields = { final: true, initiatorTaskTag: 77, targetTransferTag: noTag };
  initiator.send('nopOut', { ...fields, cmdSN: initiator.cmdSN++ }, { data: Buffer.from('ping') });
  await initiator.expect('nopIn');
  initiator.send(
    'textRequest',
    { ...fields, cmdSN: initiator.cmdSN++ },
    { data: formatText([{ key: 'SendTargets', value: '' }]) },
  );
  await initiator.expect('textResponse');
  disk.stop();
  const tag = initiator.startCommand([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], { in: 512 });
  initiator.startCommand([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], { in: 512 });
  initiator.send('taskManagementRequest', {
    final: true,
    immediate: true,
    function: TASK_FUNCTION.abortTask,
    initiatorTaskTag: 78,
    referencedTaskTag: tag + 1,
    cmdSN: initiator.cmdSN,
  });
  await initiator.expect('taskManagementResponse');
  disk.go();
  await initiator.finishCommand(tag, { in: 512 });
  initiator.send('snackRequest', { final: true, initiatorTaskTag: 79, targetTransferTag: noTag });
  await initiator.expect('reject');
  clock.pass(45_000);
  await initiator.expect('nopIn');
  const closing = server.close(1000);
  await initiator.expect('asyncMessage');
  await initiator.logout();
  await closing;
  await initiator.closed;
  const { opcodes, faults } = await dissect(t, relay.conversations[0] ?? []);
  t.deepEqual(faults, []);
  const ours = ['20', '21', '22', '23', '24', '25', '26', '31', '32', '3f'];
  t.deepEqual(
    ours.filter((opcode) => !opcodes.includes(opcode)),
    [],
  );
});
