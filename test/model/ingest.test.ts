/** DedupGroup and a crew that is late: nothing but the order of things changes. */
import test from 'ava';
import fc from 'fast-check';
import { IngestWorld, step } from './ingest-world.js';

test('what is appended, cut, committed and read is what an array of bytes has, however late the crew is', async (t) => {
  const steps = fc.array(step, { minLength: 10, maxLength: 40 });
  const property = fc.asyncProperty(fc.integer(), steps, async (seed, all) => {
    await new IngestWorld(seed).run(all);
  });
  await fc.assert(property, {
    numRuns: Number(process.env['STORE_RUNS'] ?? 50),
    seed: Number(process.env['STORE_SEED'] ?? 20261122),
    includeErrorInReport: true,
  });
  t.pass();
});
