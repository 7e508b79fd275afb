/** What keeps a group up beside each other and beside writers: nothing is lost, nothing sound is called damaged. */
import test from 'ava';
import { realEnv } from '#env';
import { CanceledError, StoreError } from '#errors';
import { DedupGroup, plainKernels } from '#store';
import { SimDisk } from '#support';
import { copyOf } from '#wire';
import { patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';

const MiB = 1024 * 1024;
const openGroup = async (disk: SimDisk): Promise<DedupGroup> =>
  await DedupGroup.open({
    env: { ...realEnv(), disk: disk.begin() },
    folder: 'group',
    reserveBytes: 0,
    kernels: plainKernels,
    tuning: { packBytes: MiB, pieceRuns: 8, checkpointBytes: 100_000 },
  });

test('verify, scrub, views, collection and recompression beside each other and a writer', async (t) => {
  const group = await openGroup(new SimDisk({ dice: new SimRandom(1) }));
  const volume = await group.create('tape');
  const stream = volume.stream('data');
  let content = Buffer.alloc(0);
  let working = true;
  let views = 0;
  const write = async (): Promise<void> => {
    for (let round = 0; round < 25; round++) {
      if (round % 6 === 5) {
        content = content.subarray(0, Math.floor(content.length / 3));
        stream.truncate(content.length);
        await volume.commit(Buffer.from(String(round)));
      }
      const part = patternBytes(round % 9, 200_000 + 7919 * round);
      await stream.append([part]);
      content = Buffer.concat([content, part]);
      await volume.commit(Buffer.from(String(round)));
    }
    working = false;
  };
  const again = async (act: () => Promise<void>): Promise<void> => {
    while (working) await act();
  };
  const look = async (): Promise<void> => {
    const view = await group.view('tape');
    const data = view.stream('data');
    const reads: Buffer[] = [];
    for (let twice = 0; twice < 2 && data.length > 0; twice++) {
      const slab = await data.read(0, data.length);
      reads.push(copyOf(slab));
      slab.release();
    }
    if (reads.length === 2) t.true(reads[0]?.equals(reads[1] ?? Buffer.alloc(0)));
    views += 1;
    await view.close();
  };
  await Promise.all([
    write(),
    again(async () => {
      t.deepEqual((await group.verify('tape')).ranges, []);
    }),
    again(async () => {
      t.is((await group.scrub()).damaged.size, 0);
    }),
    again(async () => {
      await group.collect({ garbageShareMin: 0 });
      await group.optimize();
    }),
    again(look),
  ]);
  t.true(views > 3);
  const slab = await stream.read(0, stream.length);
  t.true(copyOf(slab).equals(content));
  slab.release();
  await group.close();
});

test('one collection at a time; recompression is one; a plan too', async (t) => {
  const group = await openGroup(new SimDisk({ dice: new SimRandom(1) }));
  const volume = await group.create('tape');
  await volume.stream('data').append([patternBytes(1, 500_000)]);
  await volume.commit(Buffer.from('one'));
  const abort = new AbortController();
  const pace = async (): Promise<void> => {
    for (const act of [() => group.collect(), () => group.optimize(), () => group.collect({ dryRun: true })])
      await t.throwsAsync(act(), { instanceOf: StoreError, code: 'locked' });
    abort.abort();
  };
  volume.stream('data').truncate(100_000);
  await volume.commit(Buffer.from('cut'));
  await t.throwsAsync(group.collect({ pace, signal: abort.signal }), { instanceOf: CanceledError });
  await group.collect();
  await group.close();
});

test('a snapshot or fork that is made while its volume is collected keeps what it shows', async (t) => {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  let group = await openGroup(disk);
  const first = patternBytes(1, 1_500_000);
  let volume = await group.create('tape');
  await volume.stream('data').append([first]);
  await volume.commit(Buffer.from('first'));
  await group.snapshot('tape', 'early');
  volume.stream('data').truncate(1000);
  await volume.commit(Buffer.from('cut'));
  await volume.close();
  let steps = 0;
  const pace = async (): Promise<void> => {
    steps += 1;
    if (steps > 1) return;
    await group.fork('tape', 'fork', 'early');
    await group.removeSnapshot('tape', 'early');
    await group.snapshot('fork', 'late');
  };
  const other = await group.create('other');
  await other.stream('data').append([patternBytes(2, 4_000_000)]);
  await other.commit(Buffer.from('other'));
  await other.close();
  await group.remove('other');
  await group.collect({ pace });
  t.true(steps >= 1);
  await group.collect();
  disk.crash('drop');
  group = await openGroup(disk);
  await group.rollback('fork', 'late');
  volume = await group.open('fork');
  const slab = await volume.stream('data').read(0, first.length);
  t.true(copyOf(slab).equals(first));
  slab.release();
  await group.close();
});

test('closing waits for nobody who keeps it up, and they are told', async (t) => {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  const group = await openGroup(disk);
  const volume = await group.create('tape');
  await volume.stream('data').append([patternBytes(1, 2_000_000)]);
  await volume.commit(Buffer.from('tape'));
  const works = [group.scrub(), group.verify('tape'), group.collect()].map(
    async (work) => await work.then(() => 'done', (error: unknown) => (error instanceof StoreError ? error.code : 'other')), // prettier-ignore
  );
  await group.close();
  for (const end of await Promise.all(works)) t.true(['done', 'broken'].includes(end), end);
  const again = await openGroup(disk);
  t.deepEqual((await again.scrub()).ranges, []);
  await again.close();
});
