import test from 'ava';
import { type Env, realEnv, type Timer } from '#env';
import { senseText, TapeBench } from '#support';

/** SPC-5 4.4.6 and SSC-4: a write that was acknowledged and then lost is told with the next command, once. */

/** A real environment whose timers fire when the test says so. */
function manualTimers(): { env: Env; fire: () => void } {
  const real = realEnv();
  const waiting = new Set<() => void>();
  const after = (_delayMs: number, fire: () => void): Timer => {
    waiting.add(fire);
    return { cancel: () => waiting.delete(fire) };
  };
  const clock = {
    wallMs: () => real.clock.wallMs(),
    monotonicMs: () => 0,
    after,
    sleep: async (delayMs: number, signal?: AbortSignal) => await real.clock.sleep(delayMs, signal),
  };
  const fire = (): void => {
    const due = [...waiting];
    waiting.clear();
    for (const one of due) one();
  };
  return { env: { ...real, clock }, fire };
}

test('a commit in the background that fails is a deferred error', async (t) => {
  const { env, fire } = manualTimers();
  const bench = await TapeBench.make({ env });
  await bench.record(1000);
  bench.group.failing = 'io';
  fire();
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  const inquiry = await bench.send('12 00 00 0024 00');
  t.is(senseText(inquiry.sense), 'good', 'INQUIRY does not take it');
  const { sense } = await bench.send('00 00 00 00 00 00');
  t.is(senseText(sense), '3 0c/00 deferred');
  const next = await bench.send('00 00 00 00 00 00');
  t.is(senseText(next.sense), 'good', 'once');
});
