/** The order of the checks before a command (SAM-5 5.3.3, 5.14), and what passes them. */
import test from 'ava';
import { bind, CheckCondition, command, CommandSet, SENSE, spcCommands, STATUS, type Task } from '#scsi';
import { ask, attached, FakeTask, fakeNexus, PlainUnit, takeAttentions } from '#support';
import { u8 } from '#wire';

const table = {
  READ: command({
    name: 'READ',
    opcode: 0xc0,
    length: 10,
    spec: 'test',
    fields: { value: u8(2) },
    data: 'none',
    reservation: 'read',
    needsMedium: true,
  }),
  WRITE: command({
    name: 'WRITE',
    opcode: 0x0a,
    length: 6,
    spec: 'test',
    fields: { value: u8(2) },
    data: 'none',
    reservation: 'conflict',
    needsMedium: true,
    writesMedium: true,
  }),
};
const done = async (unit: GatedUnit): Promise<void> => {
  unit.ran += 1;
  return await Promise.resolve();
};

class GatedUnit extends PlainUnit {
  override readonly commands: CommandSet<never> = new CommandSet<GatedUnit>([
    ...spcCommands,
    ...bind<GatedUnit, typeof table>(table, { READ: done, WRITE: done }),
  ]);
  ran = 0;
  ready = true;
  writable = true;
  failure: CheckCondition | undefined;
  override checkReady(): void {
    if (!this.ready)
      throw new CheckCondition({ key: 'not-ready', asc: 0x3a, ascq: 0, name: 'MEDIUM NOT PRESENT' });
  }
  override checkWritable(): void {
    if (!this.writable)
      throw new CheckCondition({ key: 'data-protect', asc: 0x27, ascq: 0, name: 'WRITE PROTECTED' });
  }
  protected override takeDeferredError(_task: Task): CheckCondition | undefined {
    const { failure } = this;
    this.failure = undefined;
    return failure;
  }
}

const write = '0a0000000000';
const reserve = '160000000000';

/** A unit where everything at once speaks against a write by `b`; each test takes the obstacles away one by one. */
test('a write meets its obstacles in the order of the standard', async (t) => {
  const unit = new GatedUnit();
  const a = attached(unit, 'a');
  const b = fakeNexus('b');
  unit.attach(b); // the unit attention of a new nexus is pending
  t.is((await ask(unit, a, reserve)).status, STATUS.good);
  unit.raise(SENSE.modeParametersChanged, a);
  unit.failure = new CheckCondition(SENSE.internalTargetFailure, { deferred: true });
  unit.ready = false;
  unit.writable = false;
  const bad = '0a1000000000';

  t.is((await ask(unit, b, bad)).why, '6 29 00', 'a reset goes before the reservation');
  t.is((await ask(unit, b, bad)).status, STATUS.reservationConflict);
  t.is((await ask(unit, a, '170000000000')).why, '4 44 00', 'RELEASE reports the deferred error');
  unit.failure = new CheckCondition(SENSE.internalTargetFailure, { deferred: true });
  unit.reservations.reset();
  t.is((await ask(unit, b, bad)).why, '6 2a 01');
  const deferred = await ask(unit, b, bad);
  t.is(deferred.why, '4 44 00');
  t.is(deferred.sense?.[0], 0x71);
  const refused = await ask(unit, b, bad);
  t.is(`${refused.why} ${refused.where}`, '5 24 00 cdb 1.4');
  t.is((await ask(unit, b, write)).why, '2 3a 00');
  unit.ready = true;
  t.is((await ask(unit, b, write)).why, '7 27 00');
  unit.writable = true;
  t.is((await ask(unit, b, write)).status, STATUS.good);
  t.is(unit.ran, 1);
});

test('a unit attention hides an unknown command, once', async (t) => {
  const unit = new GatedUnit();
  const a = fakeNexus('a');
  unit.attach(a);
  t.is((await ask(unit, a, 'ec0000000000')).why, '6 29 00');
  t.is((await ask(unit, a, 'ec0000000000')).why, '5 20 00');
  const action = await ask(unit, a, 'a31f00000000000000000000');
  t.is(`${action.why} ${action.where}`, '5 24 00 cdb 1.4', 'the opcode is known, its service action is not');
});

test('INQUIRY, REPORT LUNS and REQUEST SENSE pass a unit attention; only the last one takes it', async (t) => {
  const unit = new GatedUnit();
  const a = fakeNexus('a');
  unit.attach(a);
  t.is((await ask(unit, a, '120000002400')).status, STATUS.good);
  t.is((await ask(unit, a, 'a00000000000000001000000')).status, STATUS.good);
  const { status, data } = await ask(unit, a, '03000000fc00');
  t.is(status, STATUS.good);
  t.is(data.toString('hex'), '700006000000000a00000000290000000000');
  t.is((await ask(unit, a, '000000000000')).status, STATUS.good);
});

test('REQUEST SENSE says why the unit is not ready, in the format asked for, and no contingent state stays', async (t) => {
  const unit = new GatedUnit();
  const a = attached(unit);
  unit.ready = false;
  t.is((await ask(unit, a, '03010000fc00')).data.toString('hex'), '72023a0000000000');
  t.is((await ask(unit, a, '000000000000')).why, '2 3a 00');
  unit.ready = true;
  t.is((await ask(unit, a, '03000000fc00')).data.toString('hex', 0, 14), '700000000000000a000000000000');
  t.is((await ask(unit, a, '030000000700')).data.length, 7, 'cut to the allocation length');
});

test('NACA and the ACA attribute are refused: there is never an auto contingent allegiance', async (t) => {
  const unit = new GatedUnit();
  const a = attached(unit);
  const naca = await ask(unit, a, '000000000004');
  t.is(`${naca.why} ${naca.where}`, '5 24 00 cdb 5.2');
  const outcome = await unit.execute(new FakeTask({ cdb: Buffer.alloc(6), nexus: a, attribute: 'aca' }));
  t.is(outcome.sense?.toString('hex', 2, 14), '0b000000000a000000004900');
});

test('sense data follows D_SENSE', async (t) => {
  const unit = new GatedUnit();
  const a = attached(unit);
  const list = Buffer.from('000000000a0a06000000000000000001', 'hex');
  t.is((await ask(unit, a, '151000001000', list)).why, '');
  t.is((await ask(unit, a, 'ec0000000000')).sense?.toString('hex'), '7205200000000000');
});

test('a CDB that a transport has cut is not read beyond its end', async (t) => {
  const unit = new GatedUnit();
  const a = attached(unit);
  t.is((await ask(unit, a, '00')).status, STATUS.good);
  t.is((await ask(unit, a, Buffer.alloc(0))).status, STATUS.good, 'no bytes are those of TEST UNIT READY');
});

test('a unit attention is reported once per nexus and cause, and never to who caused it', async (t) => {
  const unit = new GatedUnit();
  const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
  unit.raise(SENSE.modeParametersChanged, a);
  unit.raise(SENSE.modeParametersChanged, a);
  unit.raise(SENSE.logParametersChanged);
  t.deepEqual(takeAttentions(unit, a), ['2a/02']);
  t.deepEqual(takeAttentions(unit, b), ['2a/01', '2a/02']);
  unit.raise(SENSE.logParametersChanged);
  await unit.reset('logical-unit');
  t.deepEqual(takeAttentions(unit, a), ['29/03'], 'a reset covers what was pending before');
});

test('a handler that breaks is a hardware error of that command and of no other', async (t) => {
  const unit = new GatedUnit();
  const a = attached(unit);
  unit.checkReady = () => {
    throw new TypeError('a bug');
  };
  t.is((await ask(unit, a, write)).why, '4 44 00');
  t.is((await ask(unit, a, '120000002400')).status, STATUS.good);
});
