/**
 * `npm run sim -- --seed 0x5eed [--runs 100] [--crashes 2] [--steps 25] [--store dedup] [--quiet]`: simulated runs, one after the other, with
 * what happens in them. Ends with status 1 at the first that goes wrong.
 */
import { parseArgs } from 'node:util';
import { simulate } from './simulation.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '0x5eed' },
    runs: { type: 'string', default: '1' },
    crashes: { type: 'string', default: '2' },
    steps: { type: 'string', default: '25' },
    store: { type: 'string', default: 'plain' },
    quiet: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
for (let seed = first; seed < first + Number(values.runs); seed++) {
  const started = performance.now();
  const say = values.quiet ? {} : { say: (line: string) => process.stdout.write(`${line}\n`) };
  try {
    const { traceHash, events, simulatedMs, upkeeps } = await simulate({
      seed,
      store: values.store === 'dedup' ? 'dedup' : 'plain',
      crashes: Number(values.crashes),
      stepsMax: Number(values.steps),
      ...say,
    });
    const tookMs = performance.now() - started;
    process.stdout.write(
      `seed 0x${seed.toString(16)}: ${events} events, ${upkeeps} upkeeps, ${(simulatedMs / 1000).toFixed(1)} s simulated in ${tookMs.toFixed(0)} ms, trace ${traceHash.slice(0, 16)}\n`,
    );
  } catch (error) {
    process.stdout.write(`${String((error as Error).stack)}\n${String((error as Error).cause)}\n`);
    process.exit(1);
  }
}
