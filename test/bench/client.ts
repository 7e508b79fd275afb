/** The client of the bench (`tapebench.c`), and one pass of it over a target. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../support/programs.js';
import { top } from '../support/top.js';

export interface Contender {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}
export interface Pass {
  readonly op: 'w' | 'r';
  readonly mbs: number;
  readonly targetCpuSecPerGB: number;
  readonly bad: number;
  readonly short: number;
  readonly failed: number;
}

/** What shape commands have. */
export interface Shape {
  readonly name: string;
  readonly block: string;
  readonly inFlight: number;
}

export async function buildClient(): Promise<string> {
  const cache = join(top, '.cache/bench');
  mkdirSync(cache, { recursive: true });
  const program = join(cache, 'tapebench');
  const source = join(top, 'test/bench/tapebench.c');
  const args = ['-O3', '-march=native', '-w', '-o', program, source, '-liscsi', '-lm'];
  const { status, stderr } = await runProgram('gcc', args);
  if (status !== 0) throw new Error(`The client needs gcc and libiscsi-dev: ${stderr}`);
  return program;
}

/** One run of the client: `ops` of the source, read data compared if it is verified. */
export async function pass(
  client: string,
  to: Contender,
  { name, block, inFlight }: Shape,
  what: { readonly ops: string; readonly source: readonly string[]; readonly verify: boolean },
): Promise<Pass[]> {
  const args = ['-j', '-o', what.ops, '-b', block, '-q', String(inFlight), ...what.source];
  const how = ['-V', what.verify ? 'full' : 'none', '-P', String(to.pid)];
  const { status, stdout, stderr } = await runProgram(client, [...args, ...how, to.url], {
    timeoutMs: 600_000,
  });
  if (status !== 0) throw new Error(`${to.name}, ${name}: ${stderr}${stdout}`);
  const passes = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Pass);
  const wrong = passes.find(({ bad, short, failed }) => bad + failed > 0 || short > 0);
  if (wrong !== undefined) throw new Error(`${to.name}, ${name}: wrong data: ${JSON.stringify(wrong)}`);
  return passes;
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
};
