/**
 * Finding a place on a full cartridge with small records: what the number of records makes of it. The cartridge is synthetic
 * (synthetic-group.ts): entries of records and the recipe are as ingest leaves them, the data is not there.
 *
 *   node dist/test/bench/locate.bench.js [--millions 2,20,200] [--looks 500] [--folder FOLDER]
 *
 * A JSON line per size: milliseconds and bytes of memory to open the volume, to read the entry of a record anywhere (LOCATE, SPACE),
 * and from a byte to the container that holds it; median and slowest, first when nothing is at hand, then again. Records of 60 KB:
 * 200 millions are 12 TB. They take about 3 GB of disk and some minutes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openGroup } from './tape-writer.js';
import { makeCartridges, openEngine, SyntheticGroup } from './synthetic-group.js';

const { values: options } = parseArgs({
  options: {
    millions: { type: 'string', default: '2,20' },
    looks: { type: 'string', default: '500' },
    folder: { type: 'string' },
  },
});
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const recordBytes = 60_000;
const entryBytes = 24;
const looks = Number(options.looks);

async function grow(folder: string, records: number): Promise<void> {
  const engine = await openEngine(folder);
  const group = new SyntheticGroup(engine, { repeats: 64, recordBytes, indexed: false });
  while (group.objectsOf(0) < records) await group.write(0);
  await engine.close();
}
interface Spread {
  readonly medianMs: number;
  readonly slowestMs: number;
}
async function timed(places: readonly number[], look: (place: number) => Promise<void>): Promise<Spread> {
  const times: number[] = [];
  for (const place of places) {
    const from = performance.now();
    await look(place);
    times.push(performance.now() - from);
  }
  times.sort((a, b) => a - b);
  const round = (value = NaN): number => Number(value.toFixed(3));
  return { medianMs: round(times[times.length >> 1]), slowestMs: round(times.at(-1)) };
}
/** Spread over 0 … end, in no order. */
const anywhere = (end: number): number[] =>
  Array.from({ length: looks }, (_, index) => Math.floor(((index * 0.618_034) % 1) * end));

async function entries(folder: string): Promise<object> {
  const group = await openGroup(folder);
  collectGarbage();
  const heap = process.memoryUsage();
  const from = performance.now();
  const volume = await group.open('tape-0');
  const objects = volume.stream('objects-0', { entryBytes });
  const openMs = performance.now() - from;
  collectGarbage();
  const memory = process.memoryUsage();
  const openedMB = (memory.heapUsed - heap.heapUsed + memory.arrayBuffers - heap.arrayBuffers) / 1e6;
  const records = objects.length / entryBytes;
  const look = async (object: number): Promise<void> => {
    const slab = await objects.read(object * entryBytes, entryBytes);
    if (slab.slices[0]?.readUInt32LE(0) !== recordBytes) throw new Error(`Entry ${object} is wrong`);
    slab.release();
  };
  const places = anywhere(records);
  const entry = await timed(places, look);
  const entryNear = await timed(
    places.map((_, index) => Math.floor(records / 2) + index),
    look,
  );
  await group.close();
  return {
    millions: records / 1e6,
    openMs: Number(openMs.toFixed(1)),
    openedMB: Number(openedMB.toFixed(2)),
    entry,
    entryNear,
  };
}
async function containers(folder: string): Promise<object> {
  const engine = await openEngine(folder);
  const entry = engine.state.volumes.get('tape-0');
  if (entry === undefined) throw new Error('There is no tape-0');
  const data = (await engine.stateOf(entry)).streams.get('data-0');
  if (data?.kind !== 'data') throw new Error('There is no data-0');
  const { recipe } = data;
  const places = anywhere(recipe.bytes);
  const look = async (offset: number): Promise<void> => {
    const run = await engine.runIn(recipe, offset);
    if (!engine.state.containers.has(run.container)) throw new Error(`Byte ${offset} is nowhere`);
  };
  const container = await timed(places, look);
  const again = await timed(places.slice(-50), look);
  await engine.close();
  return { terabytes: recipe.bytes / 1e12, pieces: recipe.pieces.length, container, again };
}

const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'tapesilo-locate-')));
for (const millions of options.millions.split(',').map(Number)) {
  await rm(folder, { recursive: true, force: true });
  await makeCartridges(folder, 1);
  const from = performance.now();
  await grow(folder, millions * 1e6);
  const builtSeconds = Math.round((performance.now() - from) / 1000);
  const line = { ...(await entries(folder)), ...(await containers(folder)), builtSeconds };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
await rm(folder, { recursive: true, force: true });
