/** The simulation itself: it repeats, and it finds what it is there to find. */
import test from 'ava';
import { simulate } from './simulation.js';

test('the same seed gives the same trace, another seed another', async (t) => {
  const first = await simulate({ seed: 0x5eed });
  const again = await simulate({ seed: 0x5eed });
  const other = await simulate({ seed: 0x5eee });
  t.deepEqual(again, first);
  t.not(other.traceHash, first.traceHash);
});

test('a disk that only says that it has synchronized is found out', async (t) => {
  const verdicts: string[] = [];
  for (let seed = 1; seed <= 10; seed++) {
    verdicts.push(
      await simulate({ seed, liesAboutSync: true }).then(
        () => 'kept',
        (error: Error) => error.message,
      ),
    );
  }
  const caught = verdicts.filter((verdict) => verdict !== 'kept');
  t.true(caught.length >= 5, verdicts.join('\n'));
});
