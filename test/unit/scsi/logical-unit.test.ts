/** Tasks of a unit: order, abort, what other nexuses are told (SAM-5 5.6, 7, 8). */
import test from 'ava';
import { CONTROL, STATUS } from '#scsi';
import { attached, BusyUnit, startWork as start, takeAttentions } from '#support';

/** Lets everything that can go on go on. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

test('one task at a time, in order of arrival; head of queue goes before what waits', async (t) => {
  const unit = new BusyUnit();
  const a = attached(unit);
  const all = [
    start(unit, a, 1),
    start(unit, a, 2, 'ordered'),
    start(unit, a, 3),
    start(unit, a, 4, 'head-of-queue'),
  ];
  await settle();
  t.deepEqual(unit.started, [1]);
  for (const number of [1, 4, 2, 3]) {
    unit.end(number);
    await settle();
  }
  t.deepEqual(unit.started, [1, 4, 2, 3]);
  const outcomes = await Promise.all(all.map(async ({ outcome }) => await outcome));
  t.true(outcomes.every(({ status }) => status === STATUS.good));
});

test('concurrent commands pass beside the queue', async (t) => {
  const unit = new BusyUnit();
  const a = attached(unit);
  const work = start(unit, a, 1);
  const look = start(unit, a, 2, 'simple', 0xc1);
  await settle();
  t.true(unit.started.includes(1) && unit.started.includes(2));
  unit.end(2);
  t.is((await look.outcome).status, STATUS.good);
  unit.end(1);
  await work.outcome;
});

test('ABORT TASK ends the task silently, and is over only when the task has ended', async (t) => {
  const unit = new BusyUnit();
  const a = attached(unit);
  const [one, two] = [start(unit, a, 1), start(unit, a, 2)];
  await settle();
  t.true(await unit.abortTask(a, two.task.tag), 'it waits: it ends at once');
  t.is((await two.outcome).status, undefined);
  let over = false;
  const abort = unit.abortTask(a, one.task.tag).then(() => (over = true));
  await settle();
  t.false(over, 'the handler still runs');
  unit.end(1);
  await abort;
  t.is((await one.outcome).status, undefined);
  t.false(await unit.abortTask(a, one.task.tag));
  t.deepEqual(unit.started, [1]);
});

test('a task is aborted by its own nexus only', async (t) => {
  const unit = new BusyUnit();
  const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
  const mine = start(unit, a, 1);
  await settle();
  t.false(await unit.abortTask(b, mine.task.tag));
  await unit.abortTaskSet(b);
  unit.end(1);
  t.is((await mine.outcome).status, STATUS.good);
});

test('CLEAR TASK SET tells the others by unit attention, or with TAS by status', async (t) => {
  for (const taskAborted of [false, true]) {
    const unit = new BusyUnit();
    unit.taskAborted = taskAborted;
    const [a, b, c] = [attached(unit, 'a'), attached(unit, 'b'), attached(unit, 'c')];
    const [mine, theirs] = [start(unit, a, 1), start(unit, b, 2)];
    await settle();
    const cleared = unit.clearTaskSet(a);
    unit.end(1);
    await cleared;
    t.is((await mine.outcome).status, undefined, 'who asked needs no telling');
    t.is((await theirs.outcome).status, taskAborted ? STATUS.taskAborted : undefined);
    t.deepEqual(takeAttentions(unit, a), []);
    t.deepEqual(takeAttentions(unit, b), taskAborted ? [] : ['2f/00']);
    t.deepEqual(takeAttentions(unit, c), [], 'c lost nothing');
  }
});

test('a reset tells everyone, ends RESERVE, and brings saved mode values back', async (t) => {
  const unit = new BusyUnit();
  const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
  await unit.reservations.reserve(a);
  unit.modePages.set(CONTROL, { descriptorSense: true });
  const theirs = start(unit, b, 1);
  await settle();
  const reset = unit.reset('logical-unit', a);
  unit.end(1);
  await reset;
  t.is((await theirs.outcome).status, undefined);
  t.is(unit.reservations.reservedBy, undefined);
  t.false(unit.descriptorSense);
  t.deepEqual(takeAttentions(unit, a), ['29/03']);
  t.deepEqual(takeAttentions(unit, b), ['29/03']);
});

test('a lost nexus takes its tasks and its RESERVE with it', async (t) => {
  const unit = new BusyUnit();
  const a = attached(unit, 'a');
  await unit.reservations.reserve(a);
  const [running, waiting] = [start(unit, a, 1), start(unit, a, 2)];
  await settle();
  const gone = unit.detach(a);
  unit.end(1);
  await gone;
  t.is((await running.outcome).status, undefined);
  t.is((await waiting.outcome).status, undefined);
  t.is(unit.reservations.reservedBy, undefined);
  t.deepEqual(unit.nexuses, []);
});
