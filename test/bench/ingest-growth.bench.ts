/**
 * What ingest costs in groups that hold more and more: synthetic groups (synthetic-group.ts) of each size, all open at once, written to
 * in turns: new data, then, opened again so that nothing of it is at hand, the same as duplicates.
 *
 *   node dist/test/bench/ingest-growth.bench.js [--sizes 0,1,10,100] [--rounds 5] [--megabytes 256] [--folder FOLDER]
 *
 * Sizes in millions of chunks. A JSON line per size: MB/s by the clock and CPU seconds per GB, medians of the rounds, and each as a
 * part of the first size's.
 */
import { randomFillSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DedupGroup } from '#store';
import { openGroup } from './tape-writer.js';
import { chunksPerContainer, makeCartridges, openEngine, SyntheticGroup } from './synthetic-group.js';

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '0,1,10,100' },
    rounds: { type: 'string', default: '5' },
    megabytes: { type: 'string', default: '256' },
    folder: { type: 'string' },
  },
});
const recordBytes = 262_144;
const bytes = Math.ceil((Number(options.megabytes) * 1e6) / recordBytes) * recordBytes;
const data = Buffer.alloc(bytes);

interface Cost {
  readonly MBps: number;
  readonly cpuSecondsPerGB: number;
}
async function append(group: DedupGroup, id: string): Promise<Cost> {
  const volume = await group.create(id);
  const stream = volume.stream('data');
  const cpu = process.cpuUsage();
  const from = performance.now();
  for (let at = 0; at < bytes; at += recordBytes) await stream.append([data.subarray(at, at + recordBytes)]);
  await volume.commit(Buffer.from(id));
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await volume.close();
  return { MBps: bytes / 1e6 / seconds, cpuSecondsPerGB: (user + system) / 1e6 / (bytes / 1e9) };
}
async function build(folder: string, millions: number): Promise<void> {
  if (!existsSync(folder)) await makeCartridges(folder, 1);
  let engine = await openEngine(folder);
  const group = new SyntheticGroup(engine, { repeats: 0 });
  while (engine.state.containers.last * chunksPerContainer < millions * 1e6) await group.write(0);
  await engine.close();
  // As it is most of the time: with no merge under way.
  engine = await openEngine(folder);
  await engine.index.maintain();
  await engine.inTurn(async () => await engine.checkpointNow(true));
  await engine.close();
}
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

const top = options.folder ?? (await mkdtemp(join(tmpdir(), 'tapesilo-growth-')));
const sizes = options.sizes.split(',').map(Number);
const folderOf = (millions: number): string => join(top, `growth-${millions}`);
for (const millions of sizes) await build(folderOf(millions), millions);
const fresh = new Map<number, Cost[]>(sizes.map((size) => [size, []]));
const again = new Map<number, Cost[]>(sizes.map((size) => [size, []]));
for (let round = -1; round < Number(options.rounds); round++) {
  randomFillSync(data);
  for (const size of sizes) {
    // The same data in each group: they know nothing of each other.
    const id = `${process.pid}-${round + 1}`;
    let group = await openGroup(folderOf(size), 'fast');
    const first = await append(group, `new-${id}`);
    await group.close();
    group = await openGroup(folderOf(size), 'fast');
    const second = await append(group, `again-${id}`);
    await group.close();
    if (round < 0) continue; // to warm up
    fresh.get(size)?.push(first);
    again.get(size)?.push(second);
  }
}
const of = (costs: readonly Cost[], key: keyof Cost): number => median(costs.map((cost) => cost[key]));
const [base = 0] = sizes;
for (const size of sizes) {
  const line: Record<string, number> = { millions: size };
  for (const [what, all] of [
    ['new', fresh],
    ['again', again],
  ] as const) {
    const costs = all.get(size) ?? [];
    const first = all.get(base) ?? [];
    line[`${what} MB/s`] = Math.round(of(costs, 'MBps'));
    line[`${what} CPU s/GB`] = Number(of(costs, 'cpuSecondsPerGB').toFixed(3));
    line[`${what}: speed of the first`] = Number((of(costs, 'MBps') / of(first, 'MBps')).toFixed(3));
    line[`${what}: CPU of the first`] = Number(
      (of(costs, 'cpuSecondsPerGB') / of(first, 'cpuSecondsPerGB')).toFixed(3),
    );
  }
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
if (options.folder === undefined) await rm(top, { recursive: true, force: true });
