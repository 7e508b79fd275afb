/**
 * The index as it grows, made by its own code from chunks that never were: at each size how fast chunks that are stored and chunks that
 * are new are looked up, what new ones cost to enter, memory, disk, and the longest time that nobody else got to run.
 *
 *   node dist/test/bench/index-growth.bench.js [--sizes 0,1,10,100] [--folder FOLDER] [--json]
 *
 * Sizes in millions of chunks. 100 millions take about 2 GB of disk and some minutes. A stored chunk costs a look into the index once
 * for each stretch of a stream, then its container is at hand: `µs a chunk` is for streams whose chunks were written 140 together.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as immediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { realEnv } from '#env';
import { indexMemoryEntries } from '../../src/store/engine/engine-limits.js';
import { FingerprintIndex } from '../../src/store/engine/fingerprint-index.js';
import type { Directory } from '../../src/store/engine/container.format.js';

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '0,1,10,100' },
    folder: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const chunksPerContainer = 200;
const chunkBytes = 20_000;
/** Chunks of a stream between two looks into the index: 2.8 MB (facts of locality). */
const chunksPerLook = 140;
const measured = 400_000;
const sampled = 4_000;

const mixed = (value: number): number => {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
};
/** Fingerprints that look random and can be made again. */
function fingerprint(chunk: number, into: Buffer, at: number): void {
  const hi = mixed(chunk + 0x9e3779b9);
  into.writeUInt32BE(hi, at);
  into.writeUInt32BE(mixed((hi ^ Math.imul(chunk, 0x27d4eb2f)) + 0x7f4a7c15), at + 4);
}
const shared = {
  kind: 1,
  count: chunksPerContainer,
  fingerprints: Buffer.alloc(chunksPerContainer * 32),
  ordinals: Uint16Array.from({ length: chunksPerContainer }, (_, index) => index),
  id: 0,
};
function container(id: number): Directory {
  shared.id = id;
  const first = (id - 1) * chunksPerContainer;
  for (let index = 0; index < chunksPerContainer; index++)
    fingerprint(first + index, shared.fingerprints, index * 32);
  return shared as unknown as Directory;
}

const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'tapesilo-index-')));
const env = realEnv();
const index = new FingerprintIndex(env.disk, folder, 1n, () => true, indexMemoryEntries);
let containers = 0;
let upkeep: Promise<void> | undefined;

/** As the engine does it: entries at once, the rest beside. */
async function grow(until: number): Promise<void> {
  while (containers * chunksPerContainer < until) {
    containers += 1;
    index.publish(container(containers));
    // As between two writes of a real stream; what is measured as the longest stretch is the index's own then.
    if (containers % 8 === 0) await immediate();
    if (index.due && upkeep === undefined) {
      upkeep = index.maintain().finally(() => {
        upkeep = undefined;
      });
    }
    // Filling it without data is faster than any ingest: it waits here for what ingest would not wait for.
    if (upkeep !== undefined && containers % 640 === 0) await upkeep;
    if (containers % 4096 === 0) await index.checkpointed(new Set(index.runs.map(({ number }) => number)));
  }
  await upkeep;
  await index.checkpointed(new Set(index.runs.map(({ number }) => number)));
}
interface Cost {
  /** Microseconds of CPU for a chunk, and of the clock. */
  readonly cpu: number;
  readonly clock: number;
}
async function timed(count: number, work: () => Promise<void> | void): Promise<Cost> {
  const before = process.cpuUsage();
  const from = performance.now();
  await work();
  const clock = ((performance.now() - from) * 1000) / count;
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / count, clock };
}
const digest = Buffer.alloc(32);

/** Chunks that are nowhere: looked up, then entered. What `find` has to say of false alarms is in it. */
async function newChunks(): Promise<{ readonly cost: Cost; readonly alarms: number }> {
  let alarms = 0;
  const first = containers * chunksPerContainer;
  const cost = await timed(measured, async () => {
    for (let chunk = first; chunk < first + measured; chunk++) {
      fingerprint(chunk, digest, 0);
      if (index.peek(digest, 0) === 'ask') {
        alarms += 1;
        await index.find(digest, 0);
      }
      // Its container enters the index when the last of its chunks has been looked for.
      if (chunk % chunksPerContainer === chunksPerContainer - 1) await grow(chunk + 1);
    }
  });
  return { cost, alarms: alarms / measured };
}
async function storedChunks(): Promise<{ readonly cost: Cost; readonly lost: number }> {
  let lost = 0;
  const total = containers * chunksPerContainer;
  const cost = await timed(sampled, async () => {
    for (let i = 0; i < sampled; i++) {
      fingerprint(Math.floor((total / sampled) * (i + 0.5)), digest, 0);
      const seen = index.peek(digest, 0);
      const found = seen === 'ask' ? await index.find(digest, 0) : seen;
      if (found === undefined || found === 'absent') lost += 1;
    }
  });
  return { cost, lost };
}

const micros = (value: number): number => Number(value.toFixed(2));
for (const size of options.sizes.split(',').map(Number)) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const filling = await timed(Math.max(1, size * 1e6 - containers * chunksPerContainer), async () => {
    await grow(size * 1e6);
  });
  const fresh = await newChunks();
  const again = await storedChunks();
  delay.disable();
  const entries = index.entries;
  const line = {
    millions: Number((entries / 1e6).toFixed(2)),
    newCpuMicros: micros(fresh.cost.cpu),
    newClockMicros: micros(fresh.cost.clock),
    falseAlarms: Number(fresh.alarms.toFixed(4)),
    lookCpuMicros: micros(again.cost.cpu),
    lookClockMicros: micros(again.cost.clock),
    storedClockMicros: micros(again.cost.clock / chunksPerLook),
    fillCpuMicros: micros(filling.cpu),
    lost: again.lost,
    runs: index.runs.length,
    memoryMB: micros(index.memoryBytes / 1e6),
    memoryMBperTB: micros((index.memoryBytes / 1e6 / (entries * chunkBytes)) * 1e12),
    diskMB: micros(index.bytes / 1e6),
    rssMB: Math.round(process.memoryUsage().rss / 1e6),
    longestStretchMs: micros(delay.max / 1e6),
    stretchP999Ms: micros(delay.percentile(99.9) / 1e6),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
await index.close();
if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
