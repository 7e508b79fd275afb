/** The index against a map: whatever is flushed, merged, split, stopped, forgotten or read again, it says where a chunk is. */
import test from 'ava';
import { type Disk, realEnv } from '#env';
import { SimDisk } from '#support';
import { Directory } from '../../../../src/store/engine/container.format.js';
import { FingerprintIndex } from '../../../../src/store/engine/fingerprint-index.js';
import { MergePace } from '../../../../src/store/engine/index-merge.js';
import { SimRandom } from '../../../sim/sim-random.js';

const perContainer = 20;
const entriesPerRun = 64;

/** Few different fronts, so that many fingerprints share the first number, and the ends of pages and ranges are met. */
function fingerprint(chunk: number): Buffer {
  const bytes = Buffer.alloc(32);
  const front = chunk % 7 === 0 ? 0xffff_ffff : Math.imul(chunk % 900, 0x9e3779b1) >>> 0;
  bytes.writeUInt32BE(chunk % 11 === 0 ? 0 : front, 0);
  bytes.writeUInt32BE(Math.imul(chunk, 0x85ebca6b) >>> 0, 4);
  return bytes;
}
const directory = (id: number, chunks: readonly number[]): Directory =>
  Object.assign(Object.create(Directory.prototype) as Directory, {
    id,
    kind: 1,
    count: chunks.length,
    fingerprints: Buffer.concat(chunks.map(fingerprint)),
    ordinals: Uint16Array.from(chunks, (_, index) => index),
  });

class StoppingPace extends MergePace {
  /** Entries until it stops the merge. */
  left = Infinity;
  stop: () => void = () => undefined;
  constructor() {
    super(realEnv().clock);
  }
  override rest(entries: number): Promise<void> {
    this.left -= entries;
    if (this.left < 0) this.stop();
    return Promise.resolve();
  }
}

class World {
  readonly #pace: MergePace | undefined;
  readonly #perRun: number;
  constructor(pace?: MergePace, perRun = entriesPerRun) {
    this.#pace = pace;
    this.#perRun = perRun;
    this.index = this.#open();
  }
  readonly sim = new SimDisk({ dice: new SimRandom(1) });
  readonly dead = new Set<number>();
  readonly model = new Map<number, { container: number; ordinal: number }>();
  disk: Disk = this.sim.begin();
  index: FingerprintIndex;
  #containers = 0;

  #open(): FingerprintIndex {
    return new FingerprintIndex(this.disk, 'index', 1n, (id) => !this.dead.has(id), this.#perRun, this.#pace);
  }
  async publish(chunks: readonly number[]): Promise<void> {
    this.enter(chunks);
    if (this.index.due) await this.index.maintain();
  }
  enter(chunks: readonly number[]): void {
    this.#containers += 1;
    this.index.publish(directory(this.#containers, chunks));
    for (const [ordinal, chunk] of chunks.entries())
      this.model.set(chunk, { container: this.#containers, ordinal });
  }
  async reload(): Promise<boolean> {
    const { runs } = this.index;
    await this.index.close();
    this.disk = this.sim.begin();
    this.index = this.#open();
    return await this.index.load(runs);
  }
  async found(chunk: number): Promise<{ container: number; ordinal: number } | undefined> {
    const seen = this.index.peek(fingerprint(chunk), 0);
    if (seen === 'absent') return undefined;
    return seen === 'ask' ? await this.index.find(fingerprint(chunk), 0) : seen;
  }
}
/** Chunks of containers one behind another; every fifth container has some that were there before. */
async function fill(world: World, from: number, containers: number): Promise<void> {
  for (let i = 0; i < containers; i++) {
    const first = from + i * perContainer;
    const chunks = Array.from({ length: perContainer }, (_, index) => first + index);
    await world.publish(i % 5 === 4 ? chunks.map((chunk) => chunk - 3 * perContainer) : chunks);
  }
}

test('it finds what was entered, newest first, and nothing else', async (t) => {
  const world = new World();
  await fill(world, 0, 400);
  t.true(world.index.runs.length > 4, 'several runs');
  for (const [chunk, place] of world.model) t.deepEqual(await world.found(chunk), place, `chunk ${chunk}`);
  for (let chunk = 1e6; chunk < 1e6 + 3000; chunk++) t.is(await world.found(chunk), undefined);
  t.is(world.index.failures, 0);
});

test('a run whose last page is the last of a write has that page', async (t) => {
  const entries = 398 * perContainer; // 31 pages of 255, and 55 in the 32nd
  const world = new World(undefined, entries);
  for (let first = 0; first < entries; first += perContainer)
    await world.publish(Array.from({ length: perContainer }, (_, index) => first + index));
  t.is(world.index.runs.length, 1);
  for (const [chunk, place] of world.model) t.deepEqual(await world.found(chunk), place);
});

test('many runs that wait are merged with those of their size: each entry a few times, not once for each few runs', async (t) => {
  const [runs, perRun] = [96, 510];
  const world = new World(undefined, perRun);
  const chunksOf = (run: number): number[] =>
    Array.from({ length: perRun }, (_, index) => run * perRun + index);
  for (let run = 0; run < runs; run++) {
    world.enter(chunksOf(run));
    await world.index.relieve();
  }
  t.is(world.index.runs.length, runs);
  const onceBytes = world.index.bytes;
  await world.index.maintain();
  t.true(world.index.runs.length < 8);
  // What was merged is counted as long as no checkpoint is without it: the runs, a quarter as many four times as large, and so on.
  t.true(world.index.bytes < 6 * onceBytes, `${world.index.bytes / onceBytes} times`);
  for (const [chunk, place] of world.model) t.deepEqual(await world.found(chunk), place);
});

test('what its runs hold is there when it is read again, and grows on', async (t) => {
  const world = new World();
  await fill(world, 0, 160);
  const inMemory = world.index.containerMin;
  t.true(await world.reload());
  for (const [chunk, place] of world.model) {
    if (place.container < inMemory) t.deepEqual(await world.found(chunk), place);
  }
  await fill(world, 1_000_000, 160);
  for (const [chunk, place] of world.model) {
    if (place.container < inMemory || chunk >= 1_000_000) t.deepEqual(await world.found(chunk), place);
  }
});

test('a lost run makes it say so, and all of it is left', async (t) => {
  const world = new World();
  await fill(world, 0, 100);
  const [run] = world.index.runs;
  await world.disk.remove(`index/${String(run?.number).padStart(9, '0')}.run`);
  t.false(await world.reload());
  t.is(world.index.entries, 0);
});

test('rotten tables of runs are made again from their pages; a rotten page costs its own entries', async (t) => {
  const world = new World();
  await fill(world, 0, 200);
  const inMemory = world.index.containerMin;
  const { runs } = world.index;
  for (const { number } of runs) {
    const path = `index/${String(number).padStart(9, '0')}.run`;
    const file = await world.disk.open(path, 'existing');
    const size = await file.size();
    await file.close();
    world.sim.rot(path, size - 40, 3);
  }
  t.true(await world.reload());
  const places = [...world.model].filter(([, { container }]) => container < inMemory);
  for (const [chunk, place] of places) t.deepEqual(await world.found(chunk), place, `chunk ${chunk}`);
  world.sim.rot(`index/${String(runs[0]?.number).padStart(9, '0')}.run`, 4096 + 100, 4);
  let lost = 0;
  for (const [chunk] of places) if ((await world.found(chunk)) === undefined) lost += 1;
  t.true(lost > 0 && lost <= 255, `${lost} of ${places.length}`);
});

test('entries of containers that are gone go with the merges', async (t) => {
  const world = new World();
  await fill(world, 0, 100);
  for (let id = 1; id <= 100; id++) world.dead.add(id);
  await fill(world, 1_000_000, 300);
  t.true(world.index.entries < 300 * perContainer + 100, `${world.index.entries} entries`);
});

test('files that no checkpoint names are removed, and merges leave no others', async (t) => {
  const world = new World();
  await fill(world, 0, 200);
  const named = new Set(world.index.runs.map(({ number }) => number));
  await world.index.checkpointed(named);
  t.is((await world.disk.list('index')).length, named.size);
  t.is(world.index.bytes, await bytesIn(world.disk));
});
async function bytesIn(disk: Disk): Promise<number> {
  let bytes = 0;
  for (const name of await disk.list('index')) {
    const file = await disk.open(`index/${name}`, 'existing');
    bytes += await file.size();
    await file.close();
  }
  return bytes;
}

test('a merge that is stopped loses nothing, and goes on where it was', async (t) => {
  const pace = new StoppingPace();
  const world = new World(pace);
  pace.stop = (): void => world.index.stop();
  await fill(world, 0, 300);
  // Somewhere in the middle of each merge that follows it is stopped, as by closing, and the index is opened again.
  for (let round = 0; round < 12; round++) {
    pace.left = 40 * (round + 1);
    await fill(world, 1_000_000 * (round + 1), 40);
    for (const [chunk, place] of world.model) t.deepEqual(await world.found(chunk), place);
    const lost = world.index.containerMin;
    t.true(await world.reload());
    for (const [chunk, { container }] of world.model) if (container >= lost) world.model.delete(chunk);
  }
  pace.left = Infinity;
  await fill(world, 50_000_000, 200);
  for (const [chunk, place] of world.model) t.deepEqual(await world.found(chunk), place);
});

test('on a disk that is nearly full nothing is merged, and everything is found', async (t) => {
  const world = new World();
  world.sim.capacityBytes = 32 * 1024 * 1024;
  await fill(world, 0, 60);
  t.true(world.index.runs.length >= 12, `${world.index.runs.length} runs`);
  for (const [chunk, place] of world.model) t.deepEqual(await world.found(chunk), place);
  world.sim.capacityBytes = Number.MAX_SAFE_INTEGER;
  await fill(world, 1_000_000, 10);
  t.true(world.index.runs.length < 12, `${world.index.runs.length} runs`);
  for (const [chunk, place] of world.model) t.deepEqual(await world.found(chunk), place);
});

test('a full disk costs no entry that memory has room for; it is written later', async (t) => {
  const world = new World();
  await fill(world, 0, 30);
  world.sim.capacityBytes = 0;
  await fill(world, 1_000_000, 6);
  t.true(world.index.failures > 0);
  for (const [chunk, place] of world.model) t.deepEqual(await world.found(chunk), place);
  world.sim.capacityBytes = Number.MAX_SAFE_INTEGER;
  await fill(world, 2_000_000, 60);
  for (const [chunk, place] of world.model) t.deepEqual(await world.found(chunk), place);
});
