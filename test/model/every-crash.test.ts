/**
 * One workload with all that an engine does, and a crash before every call of its disk, each with every fate of what was not
 * synchronized; then recovery (of every fourth: cut short by another crash first), and what was acknowledged is there.
 */
import test, { type ExecutionContext } from 'ava';
import { type Disk, realEnv } from '#env';
import { StoreError } from '#errors';
import { Arena, DedupGroup, plainKernels } from '#store';
import { type DiskCall, type Fate, SimDisk } from '#support';
import { patternBytes } from '../contract/store.js';
import { SimRandom } from '../sim/sim-random.js';
import { engineCalls } from './engine-calls.table.js';
import { kindOf } from './group-history.js';
import { bytesOf, emptyState, GroupModel, isSame, type State, withStream } from './group-model.js';
import { readWhole, streamOf } from './group-writer.js';

const MiB = 1024 * 1024;
const tuning = { checkpointBytes: 12_000, pieceRuns: 3, packBytes: 128 * 1024, indexEntries: 3 };
const fates: readonly Fate[] = ['drop', 'keep', 'prefix', 'torn'];
/** Those of the workload, and those of the groups that look at what a crash has left. */
const arenas = { work: new Arena(), look: new Arena() };

async function openGroup(disk: Disk, who: keyof typeof arenas): Promise<DedupGroup> {
  return await DedupGroup.open({
    env: { ...realEnv(), disk, random: new SimRandom(1) },
    folder: 'group',
    reserveBytes: 0,
    memoryBytes: 8 * MiB,
    tuning,
    kernels: plainKernels,
    arena: arenas[who].restart(),
  });
}

/** A group at work, and what may be found of it. */
class Bench {
  readonly model = new GroupModel();
  readonly disk: Disk;
  #group: DedupGroup | undefined;
  readonly #states = new Map<string, State>();
  #labels = 0;
  #appends = 0;

  constructor(disk: Disk) {
    this.disk = disk;
  }
  async group(): Promise<DedupGroup> {
    this.#group ??= await openGroup(this.disk, 'work');
    return this.#group;
  }
  async create(id: string): Promise<void> {
    this.model.begin(id, emptyState);
    await (await (await this.group()).create(id)).close();
    this.model.done(id, emptyState);
    this.#states.set(id, emptyState);
  }
  /** Appends to both streams, and commits. */
  async write(id: string, seed: number, bytes: number): Promise<void> {
    const entries = 24 * (1 + ((this.#appends += 1) % 3) * 900);
    await this.#change(id, async (volume, state) => {
      const [data, objects] = [patternBytes(seed, bytes), patternBytes(seed + 50, entries)];
      await streamOf(volume, 'data').append([data]);
      await streamOf(volume, 'objects').append([objects]);
      const longer = withStream(state, 'data', Buffer.concat([bytesOf(state, 'data'), data]));
      return withStream(longer, 'objects', Buffer.concat([bytesOf(state, 'objects'), objects]));
    });
  }
  async cut(id: string, bytes: number): Promise<void> {
    await this.#change(id, async (volume, state) => {
      streamOf(volume, 'data').truncate(bytes);
      streamOf(volume, 'objects').truncate(24);
      const shorter = withStream(state, 'data', bytesOf(state, 'data').subarray(0, bytes));
      return await Promise.resolve(withStream(shorter, 'objects', bytesOf(state, 'objects').subarray(0, 24)));
    });
  }
  async #change(
    id: string,
    change: (volume: Awaited<ReturnType<DedupGroup['open']>>, state: State) => Promise<State>,
  ): Promise<void> {
    const volume = await (await this.group()).open(id);
    try {
      const changed = await change(volume, this.#states.get(id) ?? emptyState);
      const next = { ...changed, label: `state ${(this.#labels += 1)}` };
      this.model.begin(id, next);
      await volume.commit(Buffer.from(next.label));
      this.model.done(id, next);
      this.#states.set(id, next);
    } finally {
      await volume.close();
    }
  }
  async copy(from: string, to: string, act: (group: DedupGroup) => Promise<void>): Promise<void> {
    const copy = this.model.copying(from, to);
    await act(await this.group());
    copy.done();
    const state = this.model.certain(to);
    if (state !== undefined && state !== 'absent') this.#states.set(to, state);
  }
  async remove(id: string): Promise<void> {
    const gone = this.model.names().filter((name) => name === id || name.startsWith(`${id}@`));
    for (const name of gone) this.model.begin(name, 'absent');
    await (await this.group()).remove(id);
    for (const name of gone) this.model.done(name, 'absent');
  }
  async restart(): Promise<void> {
    await (await this.group()).close();
    this.#group = undefined;
  }
}

/** Everything once: see the table of calls. `failNext`: the next call of that kind fails. */
async function work(bench: Bench, failNext: (kind: string) => void): Promise<void> {
  await bench.create('one');
  await bench.write('one', 1, 150_000);
  await bench.create('two');
  // Together in one batch.
  await Promise.all([bench.write('one', 2, 60_000), bench.write('two', 1, 120_000)]);
  await bench.copy('one', 'one@early', async (group) => await group.snapshot('one', 'early'));
  for (let round = 0; round < 4; round++) await bench.write('two', 3 + round, 70_000);
  await bench.cut('one', 90_000);
  await bench.write('one', 7, 60_000);
  await (await bench.group()).collect({ garbageShareMin: 0 });
  await bench.copy('one@early', 'fork', async (group) => await group.fork('one', 'fork', 'early'));
  await bench.write('fork', 8, 50_000);
  await bench.cut('two', 50_000);
  await (await bench.group()).optimize({ garbageShareMin: 0 });
  await (await bench.group()).scrub();
  await bench.restart();
  await bench.copy('one@early', 'one', async (group) => await group.rollback('one', 'early'));
  await bench.remove('two');
  await bench.write('one', 9, 80_000);
  failNext('sync journal');
  const failed = bench.write('one', 10, 40_000);
  await failed.catch((error: unknown) => {
    if (!(error instanceof StoreError)) throw error;
  });
  await bench.write('fork', 11, 40_000);
  const group = await bench.group();
  for (let round = 0; round < 2; round++) await group.collect({ garbageShareMin: 0 });
  await bench.restart();
}

/** What a crash has left is one of the states that there may be, and it goes on from there. */
async function look(model: GroupModel, disk: SimDisk): Promise<string | undefined> {
  const group = await openGroup(disk.begin(), 'look');
  const found: string[] = [];
  for (const id of await group.list()) {
    found.push(id);
    for (const name of await group.snapshots(id)) found.push(`${id}@${name}`);
  }
  for (const name of model.names()) {
    if (!found.includes(name) && !model.of(name).includes('absent')) return `${name} is gone`;
  }
  for (const name of found) {
    const [id = '', snapshot] = name.split('@');
    if (snapshot !== undefined) await group.fork(id, 'probe', snapshot);
    const volume = await group.open(snapshot === undefined ? id : 'probe');
    const state = await readWhole(volume);
    const fits = model.of(name).some((one) => one !== 'absent' && isSame(one, state));
    if (!fits) return `${name} is at "${state.label}"`;
    if (snapshot === undefined) {
      await streamOf(volume, 'data').append([patternBytes(99, 30_000)]);
      await volume.commit(Buffer.from('after'));
    }
    await volume.close();
  }
  await group.collect({ garbageShareMin: 0 });
  const { damaged } = await group.scrub();
  if (damaged.size > 0) return `containers ${[...damaged.keys()].join()} are damaged`;
  await group.close();
  return undefined;
}
/** Opens the group, but the power fails at one of the calls. */
async function beginToRecover(disk: SimDisk, dice: SimRandom): Promise<void> {
  let left = dice.integer(40);
  const died = new Promise<void>((resolve) => {
    disk.fault = () => {
      if (left-- > 0) return undefined;
      resolve();
      return 'hang';
    };
  });
  await Promise.race([openGroup(disk.begin(), 'look'), died]);
  disk.fault = undefined;
  disk.crash(dice.pick(fates));
}

test('a crash before any call of the disk loses nothing that was acknowledged', async (t: ExecutionContext) => {
  t.timeout(240_000);
  const dice = new SimRandom(20_251_122);
  const disk = new SimDisk({ dice });
  const kinds = new Set<string>();
  const problems: string[] = [];
  let failing: string | undefined;
  let crashes = 0;
  let looking = Promise.resolve();
  // Each call waits until the crash before it was looked at.
  const bench = new Bench(disk.begin({ delay: async () => await looking }));
  const lookAtAll = async (call: number, copies: readonly SimDisk[], model: GroupModel): Promise<void> => {
    for (const [index, copy] of copies.entries()) {
      const fate = fates[index];
      copy.crash(fate);
      if (fate === 'torn') await beginToRecover(copy, dice);
      const problem = await look(model, copy);
      if (problem !== undefined) problems.push(`call ${call}, ${fate}: ${problem}`);
      crashes += 1;
    }
  };
  disk.fault = (call: DiskCall) => {
    const kind = kindOf(call);
    kinds.add(kind);
    // Reading changes nothing: what it leaves is what the call before it left.
    if (call.kind !== 'read' && call.kind !== 'free') {
      const { model } = bench;
      const copies = fates.map((_, index) => disk.copy(new SimRandom(4 * call.index + index)));
      const then = model.copy();
      looking = looking.then(async () => await lookAtAll(call.index, copies, then));
    }
    if (kind !== failing) return undefined;
    failing = undefined;
    return 'io';
  };
  await work(bench, (kind) => (failing = kind));
  await looking;
  t.deepEqual(problems, []);
  t.deepEqual(
    [...engineCalls].filter((kind) => !kinds.has(kind)),
    [],
    'every kind of call is in it',
  );
  t.true(crashes > 1000, `${crashes} crashes`);
});
