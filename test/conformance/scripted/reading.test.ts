/** RFC 7143 4.2.5, 11.4, 11.7: data-in and status. */
import test from 'ava';
import { noTag } from '#iscsi';
import { STATUS } from '#scsi';
import { fakeBlockBytes, inquiry, iscsiTarget, pattern, read10, ready, testUnitReady, whyOf } from '#support';

test('11.4.2, 11.7.3: GOOD travels with the last Data-In, errors with a SCSI Response and sense', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await login();
  const first = await initiator.command(testUnitReady);
  t.is(first.status, STATUS.checkCondition);
  t.is(whyOf(first.sense), '6 29 00');
  const good = await initiator.command(inquiry, { in: 36 });
  t.true(good.collapsed);
  t.is(good.data.length, 36);
  t.is(good.residual, 0);
  const bad = await initiator.command([0xff, 0, 0, 0, 0, 0]);
  t.is(whyOf(bad.sense), '5 20 00');
  t.is(bad.residual, 0);
});
test('11.7: data-in is cut by the segment length and the burst length, F at the end of each sequence', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  disk.bytes.set(pattern(40));
  disk.pieceBytes = 3000; // the unit's pieces are not the wire's
  const keys = { MaxRecvDataSegmentLength: '1024', MaxBurstLength: '4096' };
  const initiator = await ready(await login({ keys }));
  const result = await initiator.command(read10(0, 40), { in: 40 * fakeBlockBytes });
  t.true(result.data.equals(pattern(40)));
  t.is(result.status, STATUS.good);
  let inBurst = 0;
  for (const [index, pdu] of result.dataIns.entries()) {
    const last = index === result.dataIns.length - 1;
    t.true(pdu.dataSegmentLength <= 1024);
    inBurst += pdu.dataSegmentLength;
    t.true(inBurst <= 4096);
    t.is(pdu.final, last || inBurst === 4096);
    t.is(pdu.hasStatus, last);
    t.is(pdu.targetTransferTag, noTag);
    t.false(pdu.acknowledge);
    if (pdu.final) inBurst = 0;
  }
});
test('11.4.5: residuals of reads: underflow, overflow, nothing expected', async (t) => {
  const { login, disk } = await iscsiTarget(t);
  disk.bytes.set(pattern(4));
  const initiator = await ready(await login());
  const under = await initiator.command(read10(0, 1), { in: 700 });
  t.deepEqual([under.status, under.residual, under.data.length, under.collapsed], [0, 188, 512, true]);
  const over = await initiator.command(read10(0, 2), { in: 600 });
  t.deepEqual([over.status, over.residual, over.data.length, over.collapsed], [0, -424, 600, true]);
  t.true(over.data.equals(pattern(4).subarray(0, 600)));
  const none = await initiator.command(read10(0, 1));
  t.deepEqual([none.status, none.residual, none.data.length], [0, -512, 0]);
  const failed = await initiator.command(read10(9000, 1), { in: 512 });
  t.deepEqual([failed.status, failed.residual], [2, 512]);
});
test('11.3: read data of one byte, and of lengths that need padding', async (t) => {
  const { login } = await iscsiTarget(t);
  const initiator = await login();
  for (const length of [1, 2, 3, 5, 36]) {
    const result = await initiator.command([0x12, 0, 0, 0, length, 0], { in: length });
    t.is(result.data.length, length);
  }
});
