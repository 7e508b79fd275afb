/** Timestamp, identifying information, target port groups, diagnostics and buffers. */
import test from 'ava';
import { realEnv } from '#env';
import { CONTROL_EXTENSION } from '#scsi';
import { ask, attached, fakeNexus, MemoryPersistence, PlainUnit, takeAttentions } from '#support';

class Clock {
  wall = 0x0102_0304_0506;
  monotonic = 1000;
  unit(): PlainUnit {
    const env = realEnv();
    const clock = { ...env.clock, wallMs: () => this.wall, monotonicMs: () => this.monotonic };
    return new PlainUnit(new MemoryPersistence(), { ...env, clock });
  }
}
const stampOf = (data: Buffer): string => `${data[2]} ${data.readUIntBE(4, 6)}`;

test('the timestamp is our clock until a host sets it; then it runs on from there', async (t) => {
  const clock = new Clock();
  const unit = clock.unit();
  const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
  t.is(
    (await ask(unit, a, 'a30f00000000000001000000')).data.toString('hex'),
    '000a0300010203040506' + '0000',
  );
  t.is(
    (await ask(unit, a, 'a40f0000000000000c00', '00000000 000000010000 0000')).why,
    '5 1a 00',
    'a CDB cut short has no list',
  );
  t.is((await ask(unit, a, 'a40f00000000' + '0000000c0000', '00000000 000000010000 0000')).why, '');
  t.deepEqual(takeAttentions(unit, a), []);
  t.deepEqual(takeAttentions(unit, b), ['2a/10']);
  clock.monotonic += 1500.75;
  clock.wall = 5;
  t.is(stampOf((await ask(unit, a, 'a30f00000000000001000000')).data), `2 ${0x10000 + 1500}`);
  t.is((await ask(unit, a, 'a40f00000000' + '0000000b0000', '00'.repeat(11))).why, '5 1a 00');
  t.is((await ask(unit, a, 'a40f00000000' + '000000000000')).why, '');
});
test('SCSIP = 0 leaves the timestamp to our clock', async (t) => {
  const unit = new Clock().unit();
  const a = attached(unit);
  unit.modePages.set(CONTROL_EXTENSION, { scsiPrecedence: false });
  t.is((await ask(unit, a, 'a40f00000000' + '0000000c0000', '00'.repeat(12))).why, '');
  t.is(stampOf((await ask(unit, a, 'a30f00000000000001000000')).data), `3 ${0x0102_0304_0506}`);
  unit.modePages.set(CONTROL_EXTENSION, { timestampChangeableOutside: false });
  await ask(unit, a, 'a40f00000000' + '0000000c0000', '00'.repeat(12));
  t.is(stampOf((await ask(unit, a, 'a30f00000000000001000000')).data), '2 0');
});

test('identifying information is kept and told', async (t) => {
  const unit = new PlainUnit();
  const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
  t.is((await ask(unit, a, 'a305000000000000ff000000')).data.toString('hex'), '00000000');
  t.is((await ask(unit, a, 'a40600000000000000030000', 'aabbcc')).why, '');
  t.deepEqual(takeAttentions(unit, b), ['3f/05']);
  t.is((await ask(unit, a, 'a305000000000000ff000000')).data.toString('hex'), '00000003aabbcc');
  t.is(
    (await ask(unit, a, 'a305000000000000ff00fe00')).data.toString('hex'),
    '00000008' + '00000200' + '04000100',
  );
  t.is((await ask(unit, a, 'a40600000000000000030400', '616200')).why, '');
  t.is(
    (await ask(unit, a, 'a40600000000000000020400', '6162')).where,
    'parameters 1',
    'text ends with a null',
  );
  t.is((await ask(unit, a, 'a40600000000000002010000', '00'.repeat(513))).where, 'cdb 6');
  t.is((await ask(unit, a, 'a40600000000000000010600', '00')).where, 'cdb 10.7');
});

test('target port groups name every port that the target has', async (t) => {
  const unit = new PlainUnit();
  const a = attached(unit);
  t.is(
    (await ask(unit, a, 'a30a00000000000001000000')).data.toString('hex'),
    '0000000c' + '0001000100000001' + '00000001',
  );
  unit.setTargetPorts([
    { targetPort: 'iqn.x:y,t,0x0007', relativeTargetPort: 7 },
    { targetPort: 'iqn.x:y,t,0x0003', relativeTargetPort: 3 },
  ]);
  t.is(
    (await ask(unit, a, 'a32a00000000000001000000')).data.toString('hex'),
    '0000001810000000' + '0001000100000003' + '00000001' + '00000003' + '00000007',
  );
  t.is((await ask(unit, a, 'a34a00000000000001000000')).where, 'cdb 1.7');
  t.is((await ask(unit, a, '120000006000')).data.readUInt8(6), 0x10, 'more than one port: MULTIP');
});

class FailingUnit extends PlainUnit {
  passes = true;
  protected override async test(): Promise<boolean> {
    return await Promise.resolve(this.passes);
  }
}
test('SEND DIAGNOSTIC tests the unit', async (t) => {
  const unit = new FailingUnit();
  const a = attached(unit);
  t.is((await ask(unit, a, '1d0400000000')).why, '');
  t.is((await ask(unit, a, '1d2000000000')).why, '');
  unit.passes = false;
  t.is((await ask(unit, a, '1d0400000000')).why, '4 3e 03');
  t.is((await ask(unit, a, '1da000000000')).why, '4 3e 03', 'short, in the foreground');
  t.is((await ask(unit, a, '1d4000000000')).why, '', 'in the background: the log page tells');
  t.deepEqual(
    unit.selfTests.map(({ code, passed }) => `${code} ${passed}`),
    ['2 false', '5 false', '0 false', '1 true', '0 true'],
  );
  for (const cdb of ['1d2400000000', '1d6000000000', '1d8000000000'])
    t.is((await ask(unit, a, cdb)).where, 'cdb 1.7');
  t.is((await ask(unit, a, '1d0400000400', '00000000')).where, 'cdb 3');
});
test('the one diagnostic page is the list of pages', async (t) => {
  const unit = new PlainUnit();
  const a = attached(unit);
  t.is((await ask(unit, a, '1d1000000400', '00000000')).why, '');
  t.is((await ask(unit, a, '1c0100010000')).data.toString('hex'), '0000000100');
  t.is((await ask(unit, a, '1c0140010000')).where, 'cdb 2');
  t.is((await ask(unit, a, '1d1000000400', '40000000')).where, 'parameters 0');
  t.is((await ask(unit, a, '1d1000000400', '00000004')).where, 'parameters 2');
  t.is((await ask(unit, a, '1d1000000200', '0000')).why, '5 1a 00');
});

test('the data buffer holds what was written and never what was in memory', async (t) => {
  const unit = new PlainUnit();
  const a = attached(unit);
  t.is((await ask(unit, a, '3c030000000000000400')).data.toString('hex'), '00010000');
  t.is((await ask(unit, a, '3c030100000000000400')).data.toString('hex'), '00000000');
  t.true((await ask(unit, a, '3c020000000002000000')).data.every((byte) => byte === 0));
  t.is((await ask(unit, a, '3b02000000fe00000300', '010203')).why, '');
  t.is((await ask(unit, a, '3c02000000fd00000600')).data.toString('hex'), '000102030000');
  t.is((await ask(unit, a, '3c02000000fe00000400')).data.toString('hex'), '01020300');
  t.is((await ask(unit, a, '3c0200010000000010' + '00')).data.length, 0, 'at the end there is nothing');
  t.is((await ask(unit, a, '3c020001000100001000')).where, 'cdb 3');
  t.is((await ask(unit, a, '3b020000ffff00000200', '0102')).where, 'cdb 6');
  t.is((await ask(unit, a, '3b020100000000000100', '01')).where, 'cdb 2');
  t.is((await ask(unit, a, '3b050000000000000100', '01')).where, 'cdb 1.4', 'no microcode');
});
test('each nexus has its own echo buffer', async (t) => {
  const unit = new PlainUnit();
  const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
  t.is((await ask(unit, a, '3c0b0000000000000400')).data.toString('hex'), '00001000');
  t.is((await ask(unit, a, '3c0a0000000000100000')).why, '5 2c 00');
  t.is((await ask(unit, a, '3b0a0000000000000400', 'deadbeef')).why, '');
  t.is((await ask(unit, b, '3b0a0000000000000100', '55')).why, '');
  t.is((await ask(unit, a, '3c0a0000000000100000')).data.toString('hex'), 'deadbeef');
  t.is((await ask(unit, a, '3b0a0000000000100100', '00'.repeat(4097))).where, 'cdb 6');
  await unit.detach(a);
  attached(unit, fakeNexus('a'));
  t.is((await ask(unit, a, '3c0a0000000000100000')).why, '5 2c 00');
});
