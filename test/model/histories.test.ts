/** Histories themselves: they repeat, they find what they are there to find; and those that once went wrong. */
import test from 'ava';
import { failedSeeds } from './failed-seeds.table.js';
import { playHistory } from './group-history.js';

test.serial('the same seed gives the same history, another seed another', async (t) => {
  const first = await playHistory({ seed: 7 });
  const again = await playHistory({ seed: 7 });
  const other = await playHistory({ seed: 8 });
  t.deepEqual(again, first);
  t.not(other.traceHash, first.traceHash);
});

test.serial('a disk that only says that it has synchronized is found out', async (t) => {
  const verdicts: string[] = [];
  for (let seed = 0; seed < 20; seed++) {
    verdicts.push(
      await playHistory({ seed, liesAboutSync: true }).then(
        () => 'kept',
        (error: Error) => error.message,
      ),
    );
  }
  const caught = verdicts.filter((verdict) => verdict !== 'kept');
  t.true(caught.length >= 12, verdicts.join('\n'));
});

for (const [seed, what] of failedSeeds) {
  test.serial(`history ${seed} (${what})`, async (t) => {
    await t.notThrowsAsync(playHistory({ seed }));
  });
}
