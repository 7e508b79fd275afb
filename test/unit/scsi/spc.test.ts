import test from 'ava';
import { ask, attached, fakeNexus, PlainUnit } from '#support';

test('INQUIRY tells what the unit is', async (t) => {
  const unit = new PlainUnit();
  const a = fakeNexus();
  unit.attach(a);
  const { status, data } = await ask(unit, a, '12 00 00 00 ff 00');
  t.is(status, 0);
  t.is(data.length, 96);
  t.is(data.toString('hex', 0, 8), '088007125b100002');
  t.is(data.toString('latin1', 8, 36), 'TAPESILOPLAIN           0001');
});

test('every VPD page in the list of pages can be read', async (t) => {
  const unit = new PlainUnit();
  const a = attached(unit);
  const { data } = await ask(unit, a, '12 01 00 00 ff 00');
  t.is(data.toString('hex'), '0800000700808385868788');
  for (const page of data.subarray(4)) {
    const answer = await ask(unit, a, Buffer.from([0x12, 1, page, 0x10, 0, 0]));
    t.is(answer.status, 0);
    t.is(answer.data[1], page);
    t.is(answer.data.length, answer.data.readUInt16BE(2) + 4);
  }
});
