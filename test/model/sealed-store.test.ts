/** An encrypted DedupGroup against arrays of bytes, with crashes at any disk call; everything that it writes is watched. */
import test from 'ava';
import fc from 'fast-check';
import { DedupGroup, plainKernels } from '#store';
import type { Fate } from '#support';
import { SealedObserver } from './sealed-observer.js';
import { type OpenGroup, step, World } from './store-world.js';

const MiB = 1024 * 1024;
const tuning = { checkpointBytes: 60_000, pieceRuns: 8 };
/** Containers are written when a commit begins; what crashes right then is forgotten, and their numbers are given again. */
const crash = fc.record({
  do: fc.constant('crash-in-commit' as const),
  fate: fc.constantFrom<Fate>('drop', 'keep', 'prefix', 'torn'),
  calls: fc.integer({ min: 1, max: 6 }),
});
const append = fc.record({
  do: fc.constant('append' as const),
  name: fc.constantFrom('data' as const, 'objects' as const),
  size: fc.integer({ min: 100_000, max: 400_000 }),
});
const histories = fc.array(fc.oneof(step, crash, append), { minLength: 10, maxLength: 50 });
const secret = Buffer.alloc(32, 'secret');

test('no key and nonce seal two things, whatever is written, lost in a crash, written again or collected', async (t) => {
  let [reused, places, changes] = [0, 0, 0];
  const property = fc.asyncProperty(fc.integer(), histories, async (seed, steps) => {
    const observer = new SealedObserver(secret);
    const open: OpenGroup = async (env) =>
      await DedupGroup.open({
        env: { ...env, disk: observer.watch(env.disk), secrets: { ...env.secrets, file: async () => await Promise.resolve({ bytes: Buffer.from(secret), mode: 0o600 }) } },
        folder: 'group',
        reserveBytes: 0,
        memoryBytes: 24 * MiB,
        tuning,
        kernels: plainKernels,
        keySource: { kind: 'file', path: '/key' },
      });
    const world = new World(seed, open);
    for (const one of steps) await world.run(one);
    reused += observer.reused;
    places += observer.opened.places;
    changes += observer.opened.changes;
  }); // prettier-ignore
  await fc.assert(property, {
    numRuns: Number(process.env['STORE_RUNS'] ?? 100),
    seed: Number(process.env['STORE_SEED'] ?? 20250103),
    includeErrorInReport: true,
  });
  t.true(reused > 5, `${reused} numbers of containers were given again`);
  t.true(places > 150 && changes > 100, `${places} places, ${changes} changes`);
});
