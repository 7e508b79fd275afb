/** The simulation itself: it repeats, and it finds what it is there to find. */
import test from 'ava';
import { simulate } from './simulation.js';

for (const store of ['plain', 'dedup'] as const) {
  test.serial(`the same seed gives the same trace, another seed another (${store})`, async (t) => {
    const first = await simulate({ store, seed: 0x5eed });
    const again = await simulate({ store, seed: 0x5eed });
    const other = await simulate({ store, seed: 0x5eee });
    t.deepEqual(again, first);
    t.not(other.traceHash, first.traceHash);
    if (store === 'dedup') t.true(first.upkeeps > 5, 'it has collected and scrubbed beside');
  });

  test.serial(`a disk that only says that it has synchronized is found out (${store})`, async (t) => {
    const verdicts: string[] = [];
    for (let seed = 1; seed <= 10; seed++) {
      verdicts.push(
        await simulate({ store, seed, liesAboutSync: true }).then(
          () => 'kept',
          (error: Error) => error.message,
        ),
      );
    }
    const caught = verdicts.filter((verdict) => verdict !== 'kept');
    t.true(caught.length >= 5, verdicts.join('\n'));
  });
}
