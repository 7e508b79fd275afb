/**
 * `npm run bench [-- --rounds 5 --size 512M --json]`: our daemon beside a tuned tgt, in one run, in turns (A B A B …), on
 * media that were written before. Prints medians, their ratios, and CPU seconds of the target per GB.
 *
 * Needs gcc and libiscsi-dev for the client; tgt for the comparison (without it only our figures are shown).
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startDaemon } from '../support/daemon.js';
import { isInstalled, runProgram } from '../support/programs.js';
import { top } from '../support/top.js';
import { Tgt } from './tgt.js';

interface Contender {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}
interface Pass {
  readonly op: 'w' | 'r';
  readonly mbs: number;
  readonly targetCpuSecPerGB: number;
  readonly bad: number;
  readonly short: number;
  readonly failed: number;
}
interface Shape {
  readonly block: string;
  readonly inFlight: number;
}
const SHAPES: readonly Shape[] = [
  { block: '256K', inFlight: 8 },
  { block: '64K', inFlight: 1 },
  { block: '1M', inFlight: 1 },
];

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    size: { type: 'string', default: '512M' },
    json: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => {
  if (!options.json) process.stdout.write(`${line}\n`);
};

async function buildClient(): Promise<string> {
  const cache = join(top, '.cache/bench');
  mkdirSync(cache, { recursive: true });
  const program = join(cache, 'tapebench');
  const source = join(top, 'test/bench/tapebench.c');
  const args = ['-O3', '-march=native', '-w', '-o', program, source, '-liscsi', '-lm'];
  const { status, stderr } = await runProgram('gcc', args);
  if (status !== 0) throw new Error(`The client needs gcc and libiscsi-dev: ${stderr}`);
  return program;
}

async function pass(client: string, to: Contender, shape: Shape, verify: boolean): Promise<Pass[]> {
  const what = ['-j', '-o', 'w,r', '-b', shape.block, '-q', String(shape.inFlight), '-n', options.size];
  const how = ['-V', verify ? 'full' : 'none', '-P', String(to.pid)];
  const { status, stdout, stderr } = await runProgram(client, [...what, ...how, to.url], {
    timeoutMs: 600_000,
  });
  if (status !== 0) throw new Error(`${to.name}, ${shape.block}: ${stderr}${stdout}`);
  const passes = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Pass);
  const wrong = passes.find(({ bad, short, failed }) => bad + failed > 0 || short > 0);
  if (wrong !== undefined)
    throw new Error(`${to.name}, ${shape.block}: wrong data: ${JSON.stringify(wrong)}`);
  return passes;
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
};

interface Line {
  readonly shape: string;
  readonly op: string;
  readonly mbs: Readonly<Record<string, number>>;
  readonly cpuSecPerGB: Readonly<Record<string, number>>;
  readonly ratio: number | undefined;
}

async function measure(client: string, contenders: readonly Contender[], shape: Shape): Promise<Line[]> {
  const seen = new Map<string, Pass[]>();
  for (const one of contenders) await pass(client, one, shape, true); // writes the medium, and checks it
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const one of contenders) {
      for (const result of await pass(client, one, shape, false)) {
        const key = `${one.name} ${result.op}`;
        seen.set(key, [...(seen.get(key) ?? []), result]);
      }
    }
  }
  return (['w', 'r'] as const).map((op) => {
    const of = (value: (one: Pass) => number): Record<string, number> =>
      Object.fromEntries(
        contenders.map(({ name }) => [name, median((seen.get(`${name} ${op}`) ?? []).map(value))]),
      );
    const mbs = of((one) => one.mbs);
    const peer = mbs['tgt'];
    return {
      shape: `${shape.block} q${shape.inFlight}`,
      op: op === 'w' ? 'write' : 'read',
      mbs,
      cpuSecPerGB: of((one) => one.targetCpuSecPerGB),
      ratio: peer === undefined ? undefined : (mbs['tapesilo'] ?? NaN) / peer,
    };
  });
}

function show(line: Line): void {
  const part = (name: string): string =>
    line.mbs[name] === undefined
      ? ''
      : `${name} ${line.mbs[name].toFixed(0)} MB/s ${(line.cpuSecPerGB[name] ?? 0).toFixed(2)} CPU s/GB  `;
  const ratio = line.ratio === undefined ? '' : `ratio ${line.ratio.toFixed(2)}`;
  say(`${line.shape.padEnd(8)} ${line.op.padEnd(6)} ${part('tapesilo')}${part('tgt')}${ratio}`);
}

async function main(): Promise<void> {
  const client = await buildClient();
  const folder = mkdtempSync(join(tmpdir(), 'tapesilo-bench-'));
  const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const daemon = await startDaemon({ teardown: (end) => ends.unshift(end) }, join(folder, 'home'));
    const tapes = await daemon.json<{ barcode: string }[] | { tapes: { barcode: string }[] }>('tape', 'list');
    const first = ('tapes' in tapes ? tapes.tapes : tapes)[0]?.barcode;
    if (first === undefined) throw new Error('The library has no tapes');
    await daemon.json('tape', 'move', first, '--to', 'drive0');
    const { host, port } = daemon.portal;
    const ours = { name: 'tapesilo', url: `iscsi://${host}:${port}/${daemon.targetName}/1`, pid: daemon.pid };
    const contenders: Contender[] = [ours];
    if (isInstalled('tgtd')) {
      const tgt = await Tgt.start(folder, 8000);
      ends.unshift(() => tgt.stop());
      contenders.push({ name: 'tgt', url: tgt.url, pid: tgt.pid });
    } else say('tgt is not installed: our figures only');
    const lines: Line[] = [];
    for (const shape of SHAPES) {
      for (const line of await measure(client, contenders, shape)) {
        lines.push(line);
        show(line);
      }
    }
    if (options.json) process.stdout.write(`${JSON.stringify(lines, undefined, 2)}\n`);
    await daemon.end();
  } finally {
    for (const end of ends) end();
  }
}

await main();
