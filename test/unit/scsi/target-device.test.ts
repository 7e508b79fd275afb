/** LUNs, what a nexus may see of them, and what everyone is told when they change (SAM-5 4.7, SPC-5 6.32). */
import test from 'ava';
import { silentLog } from '#env';
import { formatLun, type Nexus, parseLun, STATUS, TargetDevice } from '#scsi';
import { BusyUnit, FakeTask, fakeNexus, PlainUnit, startWork, takeAttentions, whyOf } from '#support';
import { parseHex } from '#wire';

interface Answered {
  readonly status: number | undefined;
  readonly why: string;
  readonly data: string;
}
async function send(device: TargetDevice, nexus: Nexus, lun: number, cdb: string): Promise<Answered> {
  const task = new FakeTask({ cdb: parseHex(cdb), nexus, lun });
  const { status, sense } = await device.execute(task);
  return { status, why: whyOf(sense), data: task.data.toString('hex') };
}
function deviceWith(...luns: readonly number[]): { device: TargetDevice; units: PlainUnit[]; a: Nexus } {
  const device = new TargetDevice(silentLog);
  const units = luns.map((lun) => {
    const unit = new PlainUnit();
    device.plug(lun, unit);
    return unit;
  });
  const a = fakeNexus('a');
  device.attach(a);
  for (const unit of units) takeAttentions(unit, a);
  return { device, units, a };
}
const reportLuns = 'a00000000000000010000000';

test('LUN addressing: peripheral up to 255, flat space above, nothing else', (t) => {
  for (const lun of [0, 1, 255, 256, 300, 16383]) t.is(parseLun(formatLun(lun)), lun);
  t.is(formatLun(255).toString('hex'), '00ff000000000000');
  t.is(formatLun(256).toString('hex'), '4100000000000000');
  t.is(parseLun(parseHex('4001000000000000')), 1, 'flat space for a small number');
  for (const other of [
    '0100000000000000',
    '8001000000000000',
    'c101000000000000',
    '0001000100000000',
    '0001000000000001',
  ]) {
    t.is(parseLun(parseHex(other)), undefined, other);
  }
});

test('REPORT LUNS lists what the nexus may see, at any LUN', async (t) => {
  const { device, a } = deviceWith(0, 2, 300);
  const masked = fakeNexus('b');
  device.attach(masked, (lun) => lun !== 2);
  const list = '00000018' + '00000000' + '0000000000000000' + '0002000000000000' + '412c000000000000';
  t.is((await send(device, a, 0, reportLuns)).data, list);
  t.is((await send(device, a, 77, reportLuns)).data, list);
  t.is(
    (await send(device, masked, 0, reportLuns)).data,
    '00000010' + '00000000' + '0000000000000000' + '412c000000000000',
  );
  t.is(
    (await send(device, a, 0, 'a00000000000000000100000')).data,
    list.slice(0, 32),
    'cut, and the length is whole',
  );
  t.is(
    (await send(device, a, 0, 'a00001000000000010000000')).data,
    '0000000000000000',
    'no well known units',
  );
  for (const bad of [
    'a00003000000000010000000',
    'a000000000000000000f0000',
    'a00100000000000010000000',
    'a00000000000000010000004',
    'a0',
  ]) {
    t.is((await send(device, a, 0, bad)).why, '5 24 00', bad);
    t.is((await send(device, a, 9, bad)).why, '5 24 00', bad);
  }
});

test('a LUN that is not there, or not for this nexus', async (t) => {
  const { device } = deviceWith(0, 1);
  const b = fakeNexus('b');
  device.attach(b, (lun) => lun === 0);
  for (const lun of [1, 5]) {
    t.is((await send(device, b, lun, '000000000000')).why, '5 25 00');
    t.is((await send(device, b, lun, '120000002400')).data.slice(0, 10), '7f0007021f');
    t.is((await send(device, b, lun, '03000000fc00')).data.slice(4, 6), '05');
    t.is((await send(device, b, lun, '03010000fc00')).data.slice(0, 8), '72052500', 'descriptor format');
    t.is((await send(device, b, lun, '120180002400')).why, '5 25 00');
  }
});

test('units come and go while the target is in use', async (t) => {
  const { device, units, a } = deviceWith(0);
  const [zero] = units;
  const one = new PlainUnit();
  device.plug(1, one);
  t.deepEqual(takeAttentions(one, a), ['29/00'], 'the new one says that it is new');
  t.is((await send(device, a, 0, '000000000000')).why, '6 3f 0e');
  t.is((await send(device, a, 0, '000000000000')).status, STATUS.good);
  await device.unplug(1);
  t.is((await send(device, a, 1, '000000000000')).why, '5 25 00');
  t.is((await send(device, a, 0, reportLuns)).data, '00000008' + '00000000' + '0000000000000000');
  if (zero !== undefined) t.deepEqual(takeAttentions(zero, a), [], 'REPORT LUNS has told it');
  t.deepEqual(one.nexuses, []);
});

test('a unit that goes away answers for what was under way to it, and for nothing of another target', async (t) => {
  const [one, two] = [new TargetDevice(silentLog), new TargetDevice(silentLog)];
  const [a, b] = [fakeNexus('a'), fakeNexus('b')];
  const unit = new BusyUnit();
  for (const [device, nexus] of [
    [one, a],
    [two, b],
  ] as const) {
    device.plug(0, unit);
    device.attach(nexus);
    takeAttentions(unit, nexus);
  }
  const theirs = startWork(two, b, 1);
  const ours = startWork(one, a, 2);
  await one.unplug(0);
  t.is(whyOf((await ours.outcome).sense), '5 25 00');
  unit.end(1);
  t.is((await theirs.outcome).status, STATUS.good);
});

test('a nexus that leaves is forgotten by every unit', async (t) => {
  const { device, units, a } = deviceWith(0, 1);
  await device.detach(a);
  t.deepEqual(
    units.map((unit) => unit.nexuses.length),
    [0, 0],
  );
  t.is((await send(device, a, 0, '000000000000')).why, '5 25 00');
});

test('a reset of the target reaches every unit', async (t) => {
  const { device, units, a } = deviceWith(0, 1);
  await device.reset('target', a);
  t.deepEqual(
    units.map((unit) => takeAttentions(unit, a)),
    [['29/02'], ['29/02']],
  );
});

test('ports of the target are those of every unit, the later ones too', (t) => {
  const { device, units, a } = deviceWith(0);
  const port = { targetPort: 'iqn.2024-01.test:target,t,0x0005', relativeTargetPort: 5 };
  device.setPorts([port]);
  const late = new PlainUnit();
  device.plug(1, late);
  const own = { targetPort: a.targetPort, relativeTargetPort: 1 };
  t.deepEqual(units[0]?.targetPorts, [own, port]);
  t.deepEqual(late.targetPorts, [own, port]);
});
