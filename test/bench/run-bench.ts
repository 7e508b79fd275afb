/**
 * `npm run bench [-- --data FOLDER --rounds 5 --size 512M --only TEXT --together --json]`: our daemon beside a tuned tgt, in turns
 * (A B A B …), on media that were written before. Prints medians, their ratios, CPU seconds of the target per GB, and what the
 * ratio should be at least and at best.
 *
 * FOLDER holds full backups, one file each, in the order of their names: they are the weekly fulls and the compressible data.
 * Without it both are made up. Needs gcc and libiscsi-dev for the client; tgt for the comparison (without it only our figures
 * are shown).
 *
 * Each case has a daemon and a tgt of its own, or what was measured before would change what is measured now: tgt reads up to twice
 * as fast once its memory allocator happens to have stopped giving memory back after each command. `--together`: one for all.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { isInstalled } from '../support/programs.js';
import { type Case, casesOf, plainCasesOf, warmUp } from './cases.js';
import { buildClient, type Contender, median, type Pass, pass } from './client.js';
import { measureNdmp, type NdmpLine } from './ndmp-rows.js';
import { Tgt } from './tgt.js';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    size: { type: 'string', default: '512M' },
    only: { type: 'string', default: '' },
    work: { type: 'string' },
    together: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const say = (line: string): void => {
  if (!options.json) process.stdout.write(`${line}\n`);
};

interface Line {
  readonly name: string;
  readonly shape: string;
  readonly mbs: Readonly<Record<string, number>>;
  readonly cpuSecPerGB: Readonly<Record<string, number>>;
  readonly ratio: number | undefined;
  readonly floor: number;
  readonly aim: number;
}

const warmUps = 3;
async function warm(client: string, contenders: readonly Contender[], one: Case): Promise<void> {
  for (let round = 0; round < warmUps; round++) {
    for (const to of contenders)
      await pass(client, to, one, { ops: 'w,r', source: warmUp(round, options.size), verify: false });
  }
}
async function measure(client: string, contenders: readonly Contender[], one: Case): Promise<Line> {
  const seen = new Map<string, Pass[]>(contenders.map(({ name }) => [name, []]));
  for (const to of contenders) {
    // Writes the medium, and checks it.
    for (const source of one.before) await pass(client, to, one, { ops: 'w,r', source, verify: true });
  }
  for (let round = 0; round < rounds; round++) {
    for (const to of contenders) {
      const what = { ops: one.op, source: one.source(round), verify: false };
      seen.get(to.name)?.push(...(await pass(client, to, one, what)));
    }
  }
  for (const to of contenders)
    await pass(client, to, one, { ops: 'r', source: one.source(rounds - 1), verify: true });
  const of = (value: (result: Pass) => number): Record<string, number> =>
    Object.fromEntries([...seen].map(([name, results]) => [name, median(results.map(value))]));
  const mbs = of((result) => result.mbs);
  return {
    name: one.name,
    shape: `${one.block} q${one.inFlight}`,
    mbs,
    cpuSecPerGB: of((result) => result.targetCpuSecPerGB),
    ratio: mbs['tgt'] === undefined ? undefined : (mbs['tapesilo'] ?? NaN) / mbs['tgt'],
    floor: one.floor,
    aim: one.aim,
  };
}

function show({ name, shape, mbs, cpuSecPerGB, ratio, floor, aim }: Line): void {
  const part = (who: string): string =>
    mbs[who] === undefined
      ? ''
      : `${who} ${mbs[who].toFixed(0).padStart(5)} MB/s ${(cpuSecPerGB[who] ?? 0).toFixed(2)} CPU s/GB  `;
  const verdict = (reached: number): string =>
    reached >= aim ? 'aim reached' : reached >= floor ? 'above the floor' : 'BELOW THE FLOOR';
  const beside =
    ratio === undefined ? '' : `ratio ${ratio.toFixed(2)} (floor ${floor}, aim ${aim}): ${verdict(ratio)}`;
  say(`${name.padEnd(32)} ${shape.padEnd(8)} ${part('tapesilo')}${part('tgt')}${beside}`);
}

type Ends = (() => unknown)[];
type Store = 'dedup' | 'plain';
interface Ours extends Contender {
  readonly daemon: Daemon;
}
async function startOurs(folder: string, store: Store, ends: Ends): Promise<Ours> {
  const teardown = (end: () => unknown): number => ends.unshift(end);
  const serve = ['--store', store, '--ndmp-listen', '127.0.0.1:0'];
  const daemon = await startDaemon({ teardown }, join(folder, store), serve);
  const tapes = await daemon.json<{ barcode: string }[] | { tapes: { barcode: string }[] }>('tape', 'list');
  const first = ('tapes' in tapes ? tapes.tapes : tapes)[0]?.barcode;
  if (first === undefined) throw new Error('The library has no tapes');
  await daemon.json('tape', 'move', first, '--to', 'drive0');
  const { host, port } = daemon.portal;
  ends.unshift(async () => await daemon.end());
  const url = `iscsi://${host}:${port}/${daemon.targetName}/1`;
  return { name: 'tapesilo', url, pid: daemon.pid, daemon };
}
/** With a daemon, and a tgt if there is one, in a folder that is empty. */
async function withNew(
  store: Store,
  work: (ours: Ours, peers: Contender[], folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(options.work ?? tmpdir(), 'tapesilo-bench-'));
  const ends: Ends = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const ours = await startOurs(folder, store, ends);
    const peers: Contender[] = [];
    if (isInstalled('tgtd')) {
      const tgt = await Tgt.start(folder, 8000);
      ends.unshift(() => tgt.stop());
      peers.push({ name: 'tgt', url: tgt.url, pid: tgt.pid });
    }
    await work(ours, peers, folder);
  } finally {
    for (const end of ends) await end();
  }
}

async function run(client: string, store: Store, cases: readonly Case[]): Promise<(Line | NdmpLine)[]> {
  const lines: (Line | NdmpLine)[] = [];
  const together = options.together ? [cases] : cases.map((one) => [one]);
  for (const some of together.filter(({ length }) => length > 0)) {
    await withNew(store, async (ours, peers) => {
      const contenders = [ours, ...peers];
      for (const [index, one] of some.entries()) {
        if (index === 0) await warm(client, contenders, one);
        const line = await measure(client, contenders, one);
        lines.push(line);
        show(line);
      }
    });
  }
  if (!`NDMP, ${store}`.includes(options.only)) return lines;
  await withNew(store, async (ours, _peers, folder) => {
    for (const line of await measureNdmp({ client, ours, store, folder, rounds, size: options.size })) {
      lines.push(line);
      say(line.text);
    }
  });
  return lines;
}

async function main(): Promise<void> {
  const client = await buildClient();
  const backups =
    options.data === undefined
      ? []
      : readdirSync(options.data)
          .filter((name) => name.endsWith('.tar'))
          .toSorted()
          .map((name) => resolve(options.data ?? '', name));
  if (!isInstalled('tgtd')) say('tgt is not installed: our figures only');
  const wanted = (cases: readonly Case[]): Case[] => cases.filter(({ name }) => name.includes(options.only));
  const lines = [
    ...(await run(client, 'dedup', wanted(casesOf(backups, options.size)))),
    ...(await run(client, 'plain', wanted(plainCasesOf(options.size)))),
  ];
  if (options.json) process.stdout.write(`${JSON.stringify(lines, undefined, 2)}\n`);
}

await main();
