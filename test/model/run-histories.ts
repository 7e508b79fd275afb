/**
 * `npm run sim:store -- --seed 17 [--runs 100] [--quiet]`: histories of a deduplicating group, one after the other, with what
 * happens in them. Ends with status 1 when one went wrong.
 */
import { inspect, parseArgs } from 'node:util';
import { playHistory } from './group-history.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '0' },
    runs: { type: 'string', default: '1' },
    quiet: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
let failures = 0;
const started = performance.now();
for (let seed = first; seed < first + Number(values.runs); seed++) {
  const say = values.quiet ? {} : { say: (line: string) => process.stdout.write(`${line}\n`) };
  try {
    const { traceHash, calls } = await playHistory({ seed, ...say });
    if (!values.quiet)
      process.stdout.write(`seed ${seed}: ${calls} calls, trace ${traceHash.slice(0, 16)}\n`);
  } catch (error) {
    failures += 1;
    process.stdout.write(`${String((error as Error).message)}\n`);
    if (!values.quiet) process.stdout.write(`${inspect((error as Error).cause)}\n`);
  }
}
const tookMs = performance.now() - started;
process.stdout.write(`${values.runs} histories, ${failures} failures, ${tookMs.toFixed(0)} ms\n`);
process.exitCode = failures === 0 ? 0 : 1;
