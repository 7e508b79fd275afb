import test from 'ava';
import { PlainUnit } from '../../support/plain-unit.js';
import { attached, run, testNexus } from '../../support/scsi.js';

const a = testNexus('a');

test('INQUIRY tells what the unit is', async (t) => {
  const unit = new PlainUnit();
  unit.attach(a);
  const { status, data } = await run(unit, a, '12 00 00 00 ff 00');
  t.is(status, 0);
  t.is(data.length, 96);
  t.is(data.toString('hex', 0, 8), '088007325b001002'.slice(0, 16));
  t.is(data.toString('latin1', 8, 36), 'TAPESILOPLAIN           0001');
});

test('every VPD page in the list of pages can be read', async (t) => {
  const unit = new PlainUnit();
  await attached(unit, a);
  const { data } = await run(unit, a, '12 01 00 00 ff 00');
  t.is(data.toString('hex'), '0800000700808385868788');
  for (const page of data.subarray(4)) {
    const cdb = Buffer.from([0x12, 1, page, 0x10, 0, 0]);
    const answer = await run(unit, a, cdb);
    t.is(answer.status, 0);
    t.is(answer.data[1], page);
    t.is(answer.data.length, answer.data.readUInt16BE(2) + 4);
  }
});
