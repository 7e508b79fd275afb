/** Work at length on a storage group: one thing at a time, how far it is, how it ended. */
import test from 'ava';
import { CanceledError, StoreError } from '#errors';
import { realEnv, silentLog } from '#env';
import { GroupWork, type WorkControls, type WorkReport } from '../../../src/admin/group-work.js';

function bench() {
  let nowMs = 0;
  const clock = { ...realEnv().clock, monotonicMs: () => nowMs };
  const work = new GroupWork({ clock }, silentLog);
  let controls: WorkControls | undefined;
  let end: (report: WorkReport) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const run = async (given: WorkControls): Promise<WorkReport> => {
    controls = given;
    return await new Promise<WorkReport>((resolve, reject) => {
      end = resolve;
      fail = reject;
    });
  };
  const settle = async (): Promise<void> => {
    while (work.isRunning) await realEnv().clock.sleep(0);
  };
  return {
    work,
    run,
    settle,
    pass: (ms: number) => void (nowMs += ms),
    controls: () => controls,
    end: (report: WorkReport) => end(report),
    fail: (error: Error) => fail(error),
  };
}

test('it tells how far it is, and what came of it until the next', async (t) => {
  const { work, run, settle, pass, controls, end } = bench();
  t.is(work.view('g'), undefined);
  work.start('g', 'scrub', run);
  t.deepEqual(work.view('g'), { id: 1, group: 'g', work: 'scrub', state: 'running', seconds: 0 });
  pass(1500);
  controls()?.progress(3, 8);
  t.like(work.view('g'), { state: 'running', percent: 37, seconds: 1.5 });
  controls()?.progress(0, 0);
  end({ summary: 'All is well', chunks: 7 });
  await settle();
  pass(60_000);
  t.deepEqual(work.view('g'), {
    id: 1,
    group: 'g',
    work: 'scrub',
    state: 'done',
    report: { summary: 'All is well', chunks: 7 },
    seconds: 1.5,
  });
});

test('a second thing is refused with what to do, and begins when the first has ended', async (t) => {
  const { work, run, settle, fail } = bench();
  work.start('g', 'collect', run);
  t.throws(() => work.start('g', 'optimize', run), {
    code: 'conflict',
    message:
      'Storage group g is being collected: see `tapesilo group show g`, or stop it with `tapesilo group stop g`',
  });
  fail(new StoreError('io', 'The disk is gone', { path: '/x' }));
  await settle();
  t.like(work.view('g'), { state: 'failed', error: { code: 'failed', message: 'The disk is gone' } });
  work.start('g', 'optimize', run);
  t.like(work.view('g'), { id: 2, work: 'optimize', state: 'running' });
});

test('it is stopped by its signal', async (t) => {
  const { work, run, controls, fail } = bench();
  work.start('g', 'optimize', run);
  controls()?.signal.addEventListener('abort', () => fail(new CanceledError('The collection was canceled')));
  await work.stop();
  t.like(work.view('g'), { state: 'stopped' });
  t.false(work.isRunning);
  await work.stop();
});
