import test from 'ava';
import { realEnv } from '#env';

test('work that pauses by sleep(0) lets sockets and files in, however many such works there are', async (t) => {
  const { clock } = realEnv();
  let pieces = 0;
  const work = async (): Promise<void> => {
    for (let piece = 0; piece < 10; piece++) {
      const untilMs = clock.monotonicMs() + 2;
      while (clock.monotonicMs() < untilMs);
      pieces += 1;
      await clock.sleep(0);
    }
  };
  await clock.sleep(1); // from here on we run among the timers
  const others = new Promise<number>((resolve) => setImmediate(() => resolve(pieces)));
  const works = [work(), work(), work()];
  t.true((await others) <= 6);
  await Promise.all(works);
  t.is(pieces, 30);
});

test('a delay of weeks is no delay of nothing', async (t) => {
  const { clock } = realEnv();
  const fired = await new Promise<string>((resolve) => {
    const far = clock.after(0xffff_ffff, () => resolve('far'));
    clock.after(20, () => {
      far.cancel();
      resolve('near');
    });
    // Timers do not keep the process alive.
    void clock.sleep(40);
  });
  t.is(fired, 'near');
});
