/**
 * One workload with all that an engine does, and a crash before every call of its disk, each with every fate of what was not
 * synchronized; then recovery (of every fourth: cut short by another crash first), and what was acknowledged is there.
 */
import test from 'ava';
import { type Disk, realEnv } from '#env';
import { StoreError } from '#errors';
import { Arena, DedupGroup, plainKernels } from '#store';
import { type DiskCall, type Fate, SimDisk } from '#support';
import { patternBytes } from '../contract/store.js';
import { SimRandom } from '../sim/sim-random.js';
import { engineCalls } from './engine-calls.table.js';
import { kindOf } from './group-history.js';
import { GroupKeys, keyFiles } from './group-keys.js';
import { bytesOf, emptyState, GroupModel, isSame, type State, withStream } from './group-model.js';
import { readWhole, streamOf } from './group-writer.js';

const MiB = 1024 * 1024;
const tuning = { checkpointBytes: 12_000, pieceRuns: 3, packBytes: 128 * 1024, indexEntries: 3 };
const changing: ReadonlySet<string> = new Set([
  'write',
  'sync',
  'truncate',
  'make',
  'remove',
  'rename',
  'sync-directory',
]);
const fates: readonly Fate[] = ['drop', 'keep', 'prefix', 'torn'];
/** Those of the workload, and those of the groups that look at what a crash has left. */
const arenas = { work: new Arena(), look: new Arena() };

let opened = 0;

/** It is encrypted: that is all that one which is not has, and keys. */
async function openGroup(disk: Disk, who: keyof typeof arenas, keys: GroupKeys): Promise<DedupGroup> {
  opened += 1;
  const random = new SimRandom(opened);
  return await keys.open(
    async (keySource) =>
      await DedupGroup.open({
        env: { ...realEnv(), disk, random, secrets: keyFiles },
        folder: 'group',
        reserveBytes: 0,
        memoryBytes: 8 * MiB,
        tuning,
        kernels: plainKernels,
        arena: arenas[who].restart(),
        keySource,
      }),
  );
}

/** A group at work, and what may be found of it. */
class Bench {
  readonly model = new GroupModel();
  readonly keys = new GroupKeys();
  readonly disk: Disk;
  #group: DedupGroup | undefined;
  readonly #states = new Map<string, State>();
  #labels = 0;
  #appends = 0;

  constructor(disk: Disk) {
    this.disk = disk;
  }
  async group(): Promise<DedupGroup> {
    this.#group ??= await openGroup(this.disk, 'work', this.keys);
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
  await bench.write('one', 1, 70_000);
  await bench.create('two');
  // Together in one batch.
  await Promise.all([bench.write('one', 2, 40_000), bench.write('two', 1, 60_000)]);
  await bench.copy('one', 'one@early', async (group) => await group.snapshot('one', 'early'));
  for (let round = 0; round < 4; round++) await bench.write('two', 3 + round, 40_000);
  await bench.cut('one', 50_000);
  await bench.write('one', 7, 40_000);
  await (await bench.group()).collect({ garbageShareMin: 0 });
  await bench.copy('one@early', 'fork', async (group) => await group.fork('one', 'fork', 'early'));
  await bench.write('fork', 8, 30_000);
  await bench.cut('two', 30_000);
  await (await bench.group()).optimize({ garbageShareMin: 0 });
  await (await bench.group()).scrub();
  await bench.restart();
  await bench.copy('one@early', 'one', async (group) => await group.rollback('one', 'early'));
  await bench.remove('two');
  await bench.write('one', 9, 40_000);
  await bench.keys.change(await bench.group());
  failNext('sync journal');
  const failed = bench.write('one', 10, 20_000);
  await failed.catch((error: unknown) => {
    if (!(error instanceof StoreError)) throw error;
  });
  await bench.write('fork', 11, 20_000);
  const group = await bench.group();
  for (let round = 0; round < 2; round++) await group.collect({ garbageShareMin: 0 });
  await bench.restart();
}

/** At some moment. */
type Expected = Pick<Bench, 'model' | 'keys'>;

/** What a crash has left is one of the states that there may be, and it goes on from there. */
async function look({ model, keys }: Expected, disk: SimDisk, wholly: boolean): Promise<string | undefined> {
  const group = await openGroup(disk.begin(), 'look', keys);
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
      await streamOf(volume, 'data').append([patternBytes(99, 5000)]);
      await volume.commit(Buffer.from('after'));
    }
    await volume.close();
  }
  if (wholly) await group.collect({ garbageShareMin: 0 });
  const damaged = wholly ? (await group.scrub()).damaged : new Map();
  if (damaged.size > 0) return `containers ${[...damaged.keys()].join()} are damaged`;
  await group.close();
  return undefined;
}
/** Opens the group, but the power fails at one of the calls. */
async function beginToRecover(disk: SimDisk, keys: GroupKeys, dice: SimRandom): Promise<void> {
  let left = dice.integer(40);
  const died = new Promise<void>((resolve) => {
    disk.fault = () => {
      if (left-- > 0) return undefined;
      resolve();
      return 'hang';
    };
  });
  await Promise.race([openGroup(disk.begin(), 'look', keys), died]);
  disk.fault = undefined;
  disk.crash(dice.pick(fates));
}

interface Swept {
  /** Of calls that were made. */
  readonly kinds: ReadonlySet<string>;
  readonly problems: readonly string[];
  readonly crashes: number;
}
/** Works once; at each call looks at what a crash right before it would leave. */
async function sweep(fate: Fate): Promise<Swept> {
  const dice = new SimRandom(20_251_122);
  const disk = new SimDisk({ dice });
  const kinds = new Set<string>();
  const problems: string[] = [];
  let failing: string | undefined;
  let crashes = 0;
  let [isChanged, seen] = [true, 0];
  let looking = Promise.resolve();
  // Each call waits until the crash before it was looked at.
  const bench = new Bench(disk.begin({ delay: async () => await looking }));
  const crash = async (call: string, copy: SimDisk, { model, keys }: Expected): Promise<void> => {
    copy.crash(fate);
    if (fate === 'torn') await beginToRecover(copy, keys.copy(), dice);
    const problem = await look({ model, keys }, copy, fate === 'torn').catch(String);
    if (problem !== undefined) problems.push(`${call}: ${problem}`);
    crashes += 1;
  };
  disk.fault = (call: DiskCall) => {
    const kind = kindOf(call);
    kinds.add(kind);
    if (isChanged || bench.model.changes !== seen) {
      seen = bench.model.changes;
      const copy = disk.copy(new SimRandom(call.index));
      const then = { model: bench.model.copy(), keys: bench.keys.copy() };
      looking = looking.then(async () => await crash(`call ${call.index} (${kind})`, copy, then));
    }
    // What leaves the disk as it is needs no look behind it.
    isChanged = changing.has(call.kind) || (call.kind === 'open' && disk.find(call.path) === undefined);
    if (kind !== failing) return undefined;
    failing = undefined;
    return 'io';
  };
  await work(bench, (kind) => (failing = kind));
  await looking;
  return { kinds, problems, crashes };
}

for (const fate of ['drop', 'keep', 'prefix', 'torn'] as const) {
  test.serial(
    `a crash before any call of the disk loses nothing that was acknowledged (${fate})`,
    async (t) => {
      t.timeout(240_000);
      const { kinds, problems, crashes } = await sweep(fate);
      t.deepEqual(problems, []);
      const missing = engineCalls.filter((kind) => !kinds.has(kind));
      t.deepEqual(missing, [], 'every kind of call is in it');
      t.true(crashes > 500, `${crashes} crashes`);
    },
  );
}
