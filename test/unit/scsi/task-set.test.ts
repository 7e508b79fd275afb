/** Who waits in a task set for whom, and that nobody does who need not. */
import test from 'ava';
import { FakeTask, type FakeTaskOptions } from '#support';
import { TaskSet } from '../../../src/scsi/task-set.js';

const task = (attribute: FakeTaskOptions['attribute'] = 'simple'): FakeTask =>
  new FakeTask({ cdb: Buffer.alloc(6), attribute });

/** A set, and who has gone on in which order. */
function world(): { set: TaskSet; gone: string[]; enter: (name: string, one: FakeTask) => boolean } {
  const set = new TaskSet();
  const gone: string[] = [];
  const enter = (name: string, one: FakeTask): boolean => {
    const wait = set.enter(one, false);
    void wait?.then(() => gone.push(one.canceled ? `${name} canceled` : name));
    return wait === undefined;
  };
  return { set, gone, enter };
}
const settled = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

test('the first need not wait, nor one beside; the others do, the head of the queue not for long', async (t) => {
  const { set, gone, enter } = world();
  const [first, second, third, head, beside] = [task(), task(), task(), task('head-of-queue'), task()];
  t.true(enter('first', first));
  t.false(enter('second', second));
  t.false(enter('third', third));
  t.false(enter('head', head));
  t.is(set.enter(beside, true), undefined);
  t.deepEqual(set.tasks, [first, head, second, third, beside]);
  set.leave(beside);
  await settled();
  t.deepEqual(gone, [], 'who was beside gives no turn away');
  for (const [one, next] of [
    [first, 'head'],
    [head, 'second'],
    [second, 'third'],
  ] as const) {
    set.leave(one);
    await settled();
    t.is(gone.at(-1), next);
  }
  set.leave(third);
  t.is(set.size, 0);
  t.is(gone.length, 3);
  t.true(enter('fourth', task()), 'the set is as it was at first');
});

test('who is canceled while it waits goes on without its turn; canceling ends when all have left', async (t) => {
  const { set, gone, enter } = world();
  const [running, waiting, last] = [task(), task(), task()];
  enter('running', running);
  enter('waiting', waiting);
  enter('last', last);
  let canceled: number | undefined;
  void set.cancel((one) => one !== last).then((count) => (canceled = count));
  await settled();
  t.deepEqual(gone, ['waiting canceled']);
  t.true(running.canceled && !last.canceled);
  set.leave(waiting);
  await settled();
  t.is(canceled, undefined, 'one of them is still there');
  t.deepEqual(gone, ['waiting canceled'], 'the turn is still with the one that runs');
  set.leave(running);
  await settled();
  t.is(canceled, 2);
  t.deepEqual(gone, ['waiting canceled', 'last']);
  t.throws(() => set.leave(running), { message: /P2/u });
});
