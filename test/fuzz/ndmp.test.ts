/** A share of the fuzz of NDMP sessions in each test run: fixed seeds, and what they once found. */
import test from 'ava';
import { isRequest, messageNames } from '#ndmp';
import { heapBytes } from './heap.js';
import { run } from './ndmp.fuzz.js';

const growthBytesMax = 32 * 1024 * 1024;

const reached = new Set<string>();
/** What no client needs of us. */
const neverDone = ['connectServerAuth'];

for (const seed of [1, 2, 3, 4]) {
  test.serial(`NDMP: 25 000 messages from seed ${seed} leave nothing behind`, async (t) => {
    const { inputs, sessions, answers } = await run(seed, 25_000);
    for (const answer of answers.keys()) reached.add(answer);
    t.true(inputs >= 25_000);
    t.true(sessions > 200, 'many got in');
  });
}
test.serial('NDMP: every message was done at least once by those 100 000', (t) => {
  const undone = messageNames.filter((name) => isRequest(name) && !reached.has(`${name} no-err`));
  t.deepEqual(undone, neverDone as typeof undone);
});
test.serial('NDMP: memory does not grow with what peers send', async (t) => {
  await run(100, 3000);
  const before = heapBytes();
  await run(101, 8000);
  t.true(heapBytes() - before < growthBytesMax);
});
