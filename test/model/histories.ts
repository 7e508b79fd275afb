/** Declares tests that play ranges of histories; several files, so that they run side by side. */
import test from 'ava';
import { engineCalls } from './engine-calls.table.js';
import { playHistory } from './group-history.js';

const seedsPerTest = 100;

export function playHistories(from: number, to: number): void {
  for (let first = from; first < to; first += seedsPerTest) {
    const last = Math.min(to, first + seedsPerTest) - 1;
    test.serial(`histories ${first} to ${last}: what was acknowledged survives every crash`, async (t) => {
      t.timeout(300_000);
      for (let seed = first; seed <= last; seed++) {
        await t.notThrowsAsync(async () => {
          const { kinds } = await playHistory({ seed });
          const unknown = [...kinds].filter((kind) => !engineCalls.includes(kind));
          t.deepEqual(unknown, [], `seed ${seed}: see engine-calls.table.ts`);
        });
      }
    });
  }
}
