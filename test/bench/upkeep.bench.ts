/**
 * What keeping a group up costs, and what it does to reading.
 *
 *   node dist/test/bench/upkeep.bench.js [--terabytes 1] [--snapshots 100]      with a synthetic group (synthetic-group.ts)
 *   node dist/test/bench/upkeep.bench.js --generations FOLDER                   with full backups as files, in the order of their names
 *
 * A JSON line per case. The first: time, longest stretch without a pause and memory of planning a collection; of measuring a cartridge;
 * time and bytes of snapshots. The second: for the first, fifth and last backup the containers and runs per GB, and MB/s of reading it,
 * right after all were written, then after `optimize`, then when every second backup was removed and collected.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { realEnv } from '#env';
import { DedupGroup } from '#store';
import { containerBytes, makeCartridges, openEngine, SyntheticGroup } from './synthetic-group.js';

const { values: options } = parseArgs({
  options: {
    terabytes: { type: 'string', default: '1' },
    snapshots: { type: 'string', default: '100' },
    generations: { type: 'string' },
  },
});
const say = (facts: object): boolean => process.stdout.write(`${JSON.stringify(facts)}\n`);
const MB = 1e6;

/** Seconds, the longest time that nobody else had the thread, and memory at its end beyond what there was. */
async function measured<T>(what: string, act: () => Promise<T>): Promise<T> {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const from = performance.now();
  const result = await act();
  const seconds = (performance.now() - from) / 1000;
  delay.disable();
  const { rss } = process.memoryUsage();
  say({
    what,
    seconds: Number(seconds.toFixed(3)),
    longestStretchMs: Number((delay.max / 1e6).toFixed(1)),
    stretch99Ms: Number((delay.percentile(99) / 1e6).toFixed(1)),
    rssGrownMB: Math.round((rss - before.rss) / MB),
  });
  return result;
}

async function synthetic(folder: string): Promise<void> {
  await makeCartridges(folder, 4);
  const engine = await openEngine(folder);
  const made = new SyntheticGroup(engine, { repeats: 4, indexed: false });
  const commits = (Number(options.terabytes) * 1e12) / containerBytes / 64;
  for (let i = 0; i < commits; i++) await made.write(i % 4);
  const { containers } = engine.state;
  say({ what: 'built', containers: containers.count, logicalTB: [...engine.state.volumes.values()].reduce((sum, { logicalBytes }) => sum + logicalBytes, 0) / 1e12 }); // prettier-ignore
  await engine.close();
  const group = await DedupGroup.open({ env: realEnv(), folder, reserveBytes: 0 });
  await measured('plan a collection', async () => await group.collect({ dryRun: true }));
  await measured('plan another', async () => await group.collect({ dryRun: true }));
  await measured('measure a cartridge', async () => await group.volumeSizes('tape-0'));
  const before = await group.sizes();
  const count = Number(options.snapshots);
  await measured(`${count} snapshots of a closed cartridge`, async () => {
    for (let i = 0; i < count; i++) await group.snapshot('tape-0', `closed-${i}`);
  });
  await measured('a checkpoint with them', async () => await group.collect({ dryRun: true }));
  say({ what: 'bytes of them', bytes: (await group.sizes()).physicalBytes - before.physicalBytes });
  const volume = await group.open('tape-0');
  await volume.stream('data').append([Buffer.alloc(100_000, 1)]);
  await volume.commit(Buffer.from('changed'));
  await measured(`${count} snapshots of one that is being written`, async () => {
    for (let i = 0; i < count; i++) await group.snapshot('tape-0', `open-${i}`);
  });
  await measured('a checkpoint with them', async () => await group.collect({ dryRun: true }));
  say({ what: 'bytes of both', bytes: (await group.sizes()).physicalBytes - before.physicalBytes });
  await group.close();
}

// --- locality

/** Runs of a volume and containers that they lie in. */
async function laidOut(folder: string, ids: readonly string[]): Promise<Map<string, object>> {
  const engine = await openEngine(folder);
  const found = new Map<string, object>();
  for (const id of ids) {
    const entry = engine.state.volumes.get(id);
    const stream = entry === undefined ? undefined : (await engine.stateOf(entry)).streams.get('data');
    if (stream?.kind !== 'data') continue;
    const containers = new Set<number>();
    let [runs, jumps, last] = [0, 0, 0];
    const { recipe } = stream;
    for (let at = 0; at < recipe.bytes; runs++) {
      const run = await engine.runIn(recipe, at);
      containers.add(run.container);
      if (run.container !== last) jumps += 1;
      last = run.container;
      at = run.to;
    }
    const perGB = (value: number): number => Math.round((value * 1e9) / recipe.bytes);
    found.set(id, {
      containersPerGB: perGB(containers.size),
      jumpsPerGB: perGB(jumps),
      runsPerGB: perGB(runs),
    });
  }
  await engine.close();
  return found;
}
async function readBack(folder: string, id: string): Promise<number> {
  const group = await DedupGroup.open({ env: realEnv(), folder, reserveBytes: 0 });
  const volume = await group.open(id);
  const stream = volume.stream('data');
  const from = performance.now();
  for (let at = 0; at < stream.length; at += 262_144) {
    const slab = await stream.read(at, Math.min(262_144, stream.length - at));
    slab.release();
  }
  const seconds = (performance.now() - from) / 1000;
  const { length } = stream;
  await group.close();
  return Math.round(length / MB / seconds);
}
async function generations(folder: string, source: string): Promise<void> {
  const names = (await readdir(source)).filter((name) => name.endsWith('.tar')).toSorted();
  const ids = names.map((name) => name.replace(/\.tar$/, ''));
  const shown = [ids[0], ids[Math.floor(ids.length / 2) - 1], ids.at(-1)].filter((id) => id !== undefined);
  const use = async (act: (group: DedupGroup) => Promise<unknown>): Promise<void> => {
    const group = await DedupGroup.open({ env: realEnv(), folder, reserveBytes: 0 });
    await act(group);
    const { physicalBytes } = await group.sizes();
    say({ physicalMB: Math.round(physicalBytes / MB) });
    await group.close();
  };
  const show = async (what: string, some: readonly string[]): Promise<void> => {
    const places = await laidOut(folder, some);
    for (const id of some) {
      const speeds: number[] = [];
      for (let round = 0; round < 3; round++) speeds.push(await readBack(folder, id));
      say({ what, id, ...places.get(id), readMBs: speeds.toSorted((a, b) => a - b)[1] });
    }
  };
  await use(async (group) => {
    for (const [index, name] of names.entries()) {
      const volume = await group.create(ids[index] ?? name);
      const bytes = await readFile(join(source, name));
      for (let at = 0; at < bytes.length; at += 262_144)
        await volume.stream('data').append([bytes.subarray(at, at + 262_144)]);
      await volume.commit(Buffer.from(name));
      await volume.close();
    }
  });
  await show('written', shown);
  await use(async (group) => await measured('optimize', async () => await group.optimize()));
  await show('optimized', shown);
  const removed = ids.filter((id, index) => index % 2 === 1 && id !== ids.at(-1) && !shown.includes(id));
  await use(async (group) => {
    for (const id of removed) await group.remove(id);
    await measured(`collect without ${removed.length} of them`, async () => await group.collect());
  });
  await show('collected', shown);
  await use(async (group) => await measured('scrub', async () => await group.scrub()));
  await use(async (group) => await measured('verify', async () => await group.verify(shown[0] ?? '')));
}

const folder = await mkdtemp(join(tmpdir(), 'tapesilo-upkeep-'));
try {
  if (options.generations === undefined) await synthetic(join(folder, 'group'));
  else await generations(join(folder, 'group'), options.generations);
} finally {
  await rm(folder, { recursive: true, force: true });
}
