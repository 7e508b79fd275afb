/** Points in time: snapshots, rolling back, forks; across restarts and collections. */
import test from 'ava';
import { type Disk, realEnv } from '#env';
import { DedupGroup, plainKernels, type Stream } from '#store';
import { SimDisk } from '#support';
import { copyOf } from '#wire';
import { patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';

const openGroup = async (disk: Disk): Promise<DedupGroup> =>
  await DedupGroup.open({
    env: { ...realEnv(), disk },
    folder: 'group',
    reserveBytes: 0,
    kernels: plainKernels,
  });
async function holds(stream: Stream, expected: Buffer): Promise<boolean> {
  if (stream.length !== expected.length) return false;
  const slab = await stream.read(0, expected.length);
  const same = copyOf(slab).equals(expected);
  slab.release();
  return same;
}

test('a snapshot that is taken while its volume is being removed goes with it', async (t) => {
  const group = await openGroup(new SimDisk({ dice: new SimRandom(1) }).begin());
  const volume = await group.create('tape');
  await volume.stream('data').append([patternBytes(1, 1000)]);
  await volume.commit(Buffer.from('state'));
  await volume.close();
  await Promise.all([group.snapshot('tape', 'late'), group.remove('tape')]);
  t.deepEqual(await group.snapshots('tape'), []);
  await group.close();
});

test('a snapshot outlives overwriting, collection and a restart; rolling back brings it back', async (t) => {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  let group = await openGroup(disk.begin());
  const old = patternBytes(1, 2_000_000);
  let volume = await group.create('tape');
  await volume.stream('data').append([old]);
  await volume.commit(Buffer.from('old'));
  await group.snapshot('tape', 'monday');
  await t.throwsAsync(group.snapshot('tape', 'monday'), { code: 'locked' });
  await t.throwsAsync(group.rollback('tape', 'monday'), { code: 'locked' });
  volume.stream('data').truncate(0);
  await volume.commit(Buffer.from('cut'));
  await volume.stream('data').append([patternBytes(2, 1_000_000)]);
  await volume.commit(Buffer.from('encrypted by somebody'));
  await volume.close();
  await group.collect({ garbageShareMin: 0 });
  disk.crash('drop');
  group = await openGroup(disk.begin());
  t.deepEqual(await group.list(), ['tape']);
  t.deepEqual(await group.snapshots('tape'), ['monday']);
  await group.fork('tape', 'copy', 'monday');
  await group.rollback('tape', 'monday');
  await group.close();
  group = await openGroup(disk.begin());
  for (const id of ['tape', 'copy']) {
    volume = await group.open(id);
    t.is(volume.label.toString(), 'old');
    t.true(await holds(volume.stream('data'), old));
    // They go their own ways.
    await volume.stream('data').append([patternBytes(3, 1000)]);
    await volume.commit(Buffer.from(id));
    await volume.close();
  }
  await group.rollback('tape', 'monday');
  await group.removeSnapshot('tape', 'monday');
  await group.remove('tape');
  await group.collect({ garbageShareMin: 0 });
  volume = await group.open('copy');
  t.true(await holds(volume.stream('data'), Buffer.concat([old, patternBytes(3, 1000)])));
  await group.close();
});
