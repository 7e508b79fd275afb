/**
 * How long a group with terabytes takes to open: after it was closed, and after a crash at the worst moment, when the journal is as
 * long as it gets. The group is synthetic (synthetic-group.ts): all but the data itself is there as ingest leaves it.
 *
 *   node dist/test/bench/restart.bench.js [--terabytes 1] [--cartridges 100] [--repeats 4] [--rounds 5] [--folder FOLDER]
 *
 * A JSON line per case: milliseconds to open (each in a process of its own, median of the rounds) and to the first bytes of a
 * cartridge, memory after it, bytes of journal and checkpoint. A folder that was given is used again if it holds such a group.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { realEnv } from '#env';
import { DedupGroup } from '#store';
import { containerBytes, makeCartridges, openEngine, SyntheticGroup } from './synthetic-group.js';

const { values: options } = parseArgs({
  options: {
    terabytes: { type: 'string', default: '1' },
    cartridges: { type: 'string', default: '100' },
    repeats: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    folder: { type: 'string' },
    open: { type: 'string' },
    crash: { type: 'string' },
  },
});
const real = 'real';
const realBytes = 64 * 1024 * 1024;

/** In a process of its own. */
async function openOnce(folder: string): Promise<void> {
  const before = process.memoryUsage();
  const cpu = process.cpuUsage();
  const from = performance.now();
  const group = await DedupGroup.open({ env: realEnv(), folder, reserveBytes: 0 });
  const openMs = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  const volume = await group.open(real);
  const slab = await volume.stream('data').read(realBytes / 2, 262_144);
  const firstReadMs = performance.now() - from - openMs;
  slab.release();
  const again = performance.now();
  await group.open('tape-0');
  const cartridgeMs = performance.now() - again;
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const sizes = { rssMB: rss / 1e6, rssGrownMB: (rss - before.rss) / 1e6, heapMB: heapUsed / 1e6 };
  const line = {
    openMs,
    cpuMs: (user + system) / 1000,
    firstReadMs,
    cartridgeMs,
    ...sizes,
    arrayMB: arrayBuffers / 1e6,
  };
  process.stdout.write(JSON.stringify(line));
  process.exit(0); // as a crash would: nothing is written
}

async function build(folder: string): Promise<void> {
  const started = performance.now();
  let engine = await openEngine(folder);
  const isNew = engine.state.volumes.size === 0;
  if (isNew) {
    await engine.close();
    await makeCartridges(folder, Number(options.cartridges));
    engine = await openEngine(folder);
  }
  const cartridges = Number(options.cartridges);
  if (isNew) {
    const group = new SyntheticGroup(engine, { repeats: Number(options.repeats) });
    const until = (Number(options.terabytes) * 1e12) / containerBytes;
    // A few at a time, as drives do; each is full before the next begins.
    const perTape = Math.ceil(until / 64 / cartridges);
    for (let tape = 0; tape < cartridges; tape++) {
      group.heads = (cartridges - tape) * perTape < 60;
      for (let i = 0; i < perTape; i++) await group.write(tape);
    }
  }
  await engine.close();
  const product = await DedupGroup.open({ env: realEnv(), folder, reserveBytes: 0 });
  if (!(await product.list()).includes(real)) {
    const volume = await product.create(real);
    await volume.stream('data').append([randomBytes(realBytes)]);
    await volume.commit(Buffer.from(real));
  }
  await product.close();
  engine = await openEngine(folder);
  const { state, index } = engine;
  const figures = {
    what: 'built',
    seconds: Math.round((performance.now() - started) / 1000),
    containers: state.containers.count,
    cartridges: state.volumes.size - 1,
    chunksMillions: index.entries / 1e6,
    indexMemoryMB: index.memoryBytes / 1e6,
    indexDiskMB: index.bytes / 1e6,
    metaMB: state.containers.metaBytes / 1e6,
    checkpointMB: engine.checkpoint.newestBytes / 1e6,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  await engine.close();
}
/** In a process of its own: goes on writing until the next commit would bring a checkpoint; then nothing more, not even closing. */
async function crash(folder: string): Promise<void> {
  const engine = await openEngine(folder);
  const group = new SyntheticGroup(engine, { repeats: Number(options.repeats) });
  group.heads = true;
  const { number } = engine.checkpoint;
  let commits = 0;
  // Until checkpoints come as they do in the long run; then until the next would come.
  for (; engine.checkpoint.number < number + 2; commits++) await group.write(commits % 4);
  commits = 0;
  const { dueBytes, dueContainer } = engine.checkpoint;
  const isNear = (): boolean =>
    engine.journal.bytes > dueBytes * 0.97 || engine.state.containers.last > dueContainer - 64;
  for (; !isNear(); commits++) await group.write(commits % 4);
  const figures = { what: 'crashed', journalMB: engine.journal.bytes / 1e6, containersSince: commits * 64 };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  process.exit(0);
}

const run = promisify(execFile);
async function measure(what: string, folder: string): Promise<void> {
  const seen: Record<string, number>[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    const { stdout } = await run(process.execPath, [fileURLToPath(import.meta.url), '--open', folder]);
    await rm(join(folder, 'lock'), { force: true });
    seen.push(JSON.parse(stdout) as Record<string, number>);
  }
  const medians = Object.keys(seen[0] ?? {}).map((key): [string, number] => {
    const sorted = seen.map((one) => one[key] ?? NaN).toSorted((a, b) => a - b);
    return [key, Number((sorted[sorted.length >> 1] ?? NaN).toFixed(1))];
  });
  process.stdout.write(`${JSON.stringify({ what, ...Object.fromEntries(medians) })}\n`);
}

if (options.open !== undefined) await openOnce(options.open);
if (options.crash !== undefined) await crash(options.crash);
const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'tapesilo-restart-')));
await build(folder);
await measure('after closing', folder);
const crashed = `${folder}-crashed`;
await rm(crashed, { recursive: true, force: true });
await cp(folder, crashed, { recursive: true });
const { stdout } = await run(process.execPath, [fileURLToPath(import.meta.url), '--crash', crashed]);
process.stdout.write(stdout);
await measure('after a crash', crashed);
await rm(crashed, { recursive: true });
if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
