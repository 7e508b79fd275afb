/** DedupGroup against arrays of bytes, with crashes at any disk call. */
import test from 'ava';
import fc from 'fast-check';
import { DedupGroup, plainKernels } from '#store';
import { type OpenGroup, step, World } from './store-world.js';

const MiB = 1024 * 1024;
const tuning = { checkpointBytes: 200_000, pieceRuns: 8 };
const open: OpenGroup = async (env) =>
  await DedupGroup.open({
    env,
    folder: 'group',
    reserveBytes: 0,
    memoryBytes: 24 * MiB,
    tuning,
    kernels: plainKernels,
  });

test('DedupGroup is an array of bytes that survives crashes', async (t) => {
  const property = fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 5, maxLength: 40 }), async (seed, steps) => {
    const world = new World(seed, open);
    for (const one of steps) await world.run(one);
  }); // prettier-ignore
  await fc.assert(property, {
    numRuns: Number(process.env['STORE_RUNS'] ?? 60),
    seed: Number(process.env['STORE_SEED'] ?? 20250102),
    includeErrorInReport: true,
  });
  t.pass();
});
