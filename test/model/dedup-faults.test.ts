/** DedupGroup when the Nth call of the disk fails: a fixed workload, again and again. When it is the last one: every-crash.test.ts. */
import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { StoreError } from '#errors';
import { type Disk, realEnv } from '#env';
import { Arena, DedupGroup, plainKernels, type Stream, type Volume } from '#store';
import { SimDisk } from '#support';
import { copyOf } from '#wire';
import { patternBytes } from '../contract/store.js';
import { SimRandom } from '../sim/sim-random.js';

const MiB = 1024 * 1024;
const ids = ['one', 'two'] as const;
const arena = new Arena();
const tuning = { checkpointBytes: 150_000, pieceRuns: 4 };

async function openGroup(disk: Disk): Promise<DedupGroup> {
  const env = { ...realEnv(), disk };
  return await DedupGroup.open({
    env,
    folder: 'group',
    reserveBytes: 0,
    memoryBytes: 24 * MiB,
    tuning,
    kernels: plainKernels,
    arena: arena.restart(),
  });
}
interface Seen {
  /** States that a volume may be found in: label to digest. The last is the newest. */
  readonly states: Map<string, [label: string, digest: string][]>;
  /** Index of the newest state that was acknowledged. */
  readonly acknowledged: Map<string, number>;
}
const digestOf = (data: Buffer, entries: Buffer): string =>
  createHash('sha256').update(data).update('|').update(entries).digest('hex');

async function whole(stream: Stream): Promise<Buffer> {
  if (stream.length === 0) return Buffer.alloc(0);
  const slab = await stream.read(0, stream.length);
  const bytes = copyOf(slab);
  slab.release();
  return bytes;
}
const streamsOf = (volume: Volume): readonly [Stream, Stream] => [
  volume.stream('data'),
  volume.stream('entries', { entryBytes: 24 }),
];

/** Two volumes that share much; overwriting, reopening, checkpoints, a removal. Ends at the first error. */
async function work(group: DedupGroup, seen: Seen): Promise<void> {
  let count = 0;
  const contents = new Map<string, [Buffer, Buffer]>();
  const commit = async (volume: Volume): Promise<void> => {
    const [data, entries] = contents.get(volume.id) ?? [Buffer.alloc(0), Buffer.alloc(0)];
    const label = `state ${(count += 1)}`;
    const states = seen.states.get(volume.id) ?? [];
    states.push([label, digestOf(data, entries)]);
    seen.states.set(volume.id, states);
    await volume.commit(Buffer.from(label));
    seen.acknowledged.set(volume.id, states.length - 1);
  };
  const append = async (volume: Volume, seed: number, bytes: number): Promise<void> => {
    const [data, entries] = contents.get(volume.id) ?? [Buffer.alloc(0), Buffer.alloc(0)];
    const added = [patternBytes(seed, bytes), patternBytes(seed + 50, 240 * 24)] as const;
    const [first, second] = streamsOf(volume);
    await first.append([added[0]]);
    await second.append([added[1]]);
    contents.set(volume.id, [Buffer.concat([data, added[0]]), Buffer.concat([entries, added[1]])]);
  };
  const cut = (volume: Volume, length: number): void => {
    const [data, entries] = contents.get(volume.id) ?? [Buffer.alloc(0), Buffer.alloc(0)];
    const [first, second] = streamsOf(volume);
    first.truncate(length);
    second.truncate(24);
    contents.set(volume.id, [data.subarray(0, length), entries.subarray(0, 24)]);
  };
  seen.states.set('one', [['', digestOf(Buffer.alloc(0), Buffer.alloc(0))]]);
  const one = await group.create('one');
  seen.acknowledged.set('one', 0);
  await append(one, 1, 300_000);
  await commit(one);
  seen.states.set('two', [['', digestOf(Buffer.alloc(0), Buffer.alloc(0))]]);
  let two = await group.create('two');
  seen.acknowledged.set('two', 0);
  await append(two, 1, 200_000);
  await append(one, 2, 150_000);
  await Promise.all([commit(one), commit(two)]);
  for (let round = 0; round < 4; round++) {
    await append(two, 3 + (round % 2), 120_000);
    await commit(two);
  }
  cut(one, 333_333);
  await commit(one);
  await append(one, 7, 80_000);
  await commit(one);
  await group.collect();
  await two.close();
  two = await group.open('two');
  await append(two, 8, 90_000);
  await commit(two);
  await one.close();
  await two.close();
}

async function check(t: ExecutionContext, disk: SimDisk, seen: Seen, what: string): Promise<void> {
  const group = await openGroup(disk.begin());
  const found = await group.list();
  for (const id of ids) {
    const acknowledged = seen.acknowledged.get(id);
    if (!found.includes(id)) {
      if (acknowledged !== undefined) t.fail(`${what}: ${id} is gone`);
      continue;
    }
    const volume = await group.open(id);
    const [data, entries] = streamsOf(volume);
    const digest = digestOf(await whole(data), await whole(entries));
    const states = seen.states.get(id) ?? [];
    const index = states.findIndex(([label, one]) => label === volume.label.toString() && one === digest);
    if (index < (acknowledged ?? 0))
      t.fail(`${what}: ${id} is at "${volume.label.toString()}" (${index} < ${acknowledged})`);
    await group.collect();
    // And it goes on from there.
    await data.append([patternBytes(9, 50_000)]);
    await volume.commit(Buffer.from('after'));
    await volume.close();
  }
  await group.close();
}
const nothingSeen = (): Seen => ({ states: new Map(), acknowledged: new Map() });

/** Runs the workload with `fault` for call N, for as long as N is reached. Returns how many calls there were. */
async function sweep(t: ExecutionContext, fault: 'io' | 'full', lasts: 'once' | 'for good'): Promise<number> {
  for (let n = 0; ; n++) {
    const disk = new SimDisk({ dice: new SimRandom(n) });
    const seen = nothingSeen();
    let reached = false;
    disk.fault = ({ index }) => {
      if (index < n || (index > n && lasts === 'once')) return undefined;
      reached = true;
      return fault;
    };
    let group: DedupGroup | undefined;
    const run = async (): Promise<void> => {
      group = await openGroup(disk.begin());
      await work(group, seen);
      await group.close();
    };
    await run().catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
    });
    disk.fault = undefined;
    if (!reached) return n;
    disk.crash('drop');
    const what = `${fault} ${lasts}, call ${n}`;
    await t.notThrowsAsync(check(t, disk, seen, what), what);
  }
}

for (const fault of ['io', 'full'] as const) {
  for (const lasts of ['once', 'for good'] as const) {
    test.serial(
      `an error (${fault}, ${lasts}) of any call of the disk loses nothing that was acknowledged`,
      async (t) => {
        const calls = await sweep(t, fault, lasts);
        t.true(calls > 80, `${calls} calls`);
      },
    );
  }
}
