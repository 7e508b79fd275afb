/** A share of the fuzz in each test run: fixed seeds, and what they once found. */
import test from 'ava';
import { run } from './iscsi.fuzz.js';

for (const seed of [1, 2, 3, 4]) {
  test(`iSCSI: 15 000 PDUs from seed ${seed} leave nothing behind`, async (t) => {
    const { inputs, sessions } = await run(seed, 15_000);
    t.true(inputs >= 15_000);
    t.true(sessions > 50, 'many got in');
  });
}
test('iSCSI: memory does not grow with what peers send', async (t) => {
  await run(100, 3_000);
  const collect = (globalThis as { gc?: () => void }).gc;
  collect?.();
  const before = process.memoryUsage().heapUsed;
  await run(101, 10_000);
  collect?.();
  t.true(process.memoryUsage().heapUsed - before < 64 * 1024 * 1024);
});
