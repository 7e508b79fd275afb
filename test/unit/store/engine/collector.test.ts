/** Collection: what goes, what stays, beside writers. */
import test from 'ava';
import { type Disk, realEnv } from '#env';
import { DedupGroup, type Stream } from '#store';
import { SimDisk } from '#support';
import { copyOf } from '#wire';
import { planCollection } from '../../../../src/store/engine/collection-plan.js';
import { patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';

const MiB = 1024 * 1024;
async function openGroup(disk: Disk): Promise<DedupGroup> {
  return await DedupGroup.open({ env: { ...realEnv(), disk }, folder: 'group', reserveBytes: 0 });
}
async function holds(stream: Stream, expected: Buffer): Promise<boolean> {
  const slab = await stream.read(0, expected.length);
  const same = copyOf(slab).equals(expected);
  slab.release();
  return same;
}
const filled = async (group: DedupGroup, id: string, parts: readonly Buffer[]): Promise<void> => {
  const volume = await group.create(id);
  for (const part of parts) await volume.stream('data').append([part]);
  await volume.commit(Buffer.from(id));
  await volume.close();
};

test('what only a removed volume referred to is freed within two collections, what others share stays', async (t) => {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  let group = await openGroup(disk.begin());
  const shared = patternBytes(1, 5 * MiB);
  const gone = Array.from({ length: 4 }, (_, index) => patternBytes(10 + index, 5 * MiB));
  await filled(group, 'keeps', [shared, patternBytes(2, 3 * MiB)]);
  await filled(group, 'goes', [gone[0] ?? shared, shared, ...gone.slice(1)]);
  const before = (await group.space()).usedBytes;
  await group.remove('goes');
  await group.collect({ garbageShareMin: 0 });
  await group.collect({ garbageShareMin: 0 });
  const freed = before - (await group.space()).usedBytes;
  t.true(freed >= 0.99 * 20 * MiB, `${freed} freed`);
  await group.close();
  group = await openGroup(disk.begin());
  const volume = await group.open('keeps');
  t.true(await holds(volume.stream('data'), Buffer.concat([shared, patternBytes(2, 3 * MiB)])));
  await group.close();
});

test('a dead chunk that is written again while a collection is under way is not lost', async (t) => {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  const group = await openGroup(disk.begin());
  const parts = [1, 2, 3].map((seed) => patternBytes(seed, 3 * MiB));
  await filled(group, 'goes', parts);
  await filled(group, 'keeps', [parts[0] ?? Buffer.alloc(0)]);
  await group.remove('goes');
  const writer = await group.create('writer');
  const written: Buffer[] = [];
  // At every container that is looked at some of the data comes again.
  await group.collect({
    garbageShareMin: 0,
    pace: async () => {
      const part = parts[written.length % 3] ?? Buffer.alloc(0);
      written.push(part);
      await writer.stream('data').append([part]);
    },
  });
  await writer.commit(Buffer.from('all'));
  t.true(written.length > 2);
  t.true(await holds(writer.stream('data'), Buffer.concat(written)));
  await writer.close();
  await group.close();
  const again = await (await openGroup(disk.begin())).open('writer');
  t.true(await holds(again.stream('data'), Buffer.concat(written)));
});

test('a plan empties what is worth it, the cheapest first', (t) => {
  const container = (
    id: number,
    live: number,
  ): { id: number; bytes: number; chunks: number; live: number } => ({
    id,
    bytes: 1000,
    chunks: 10,
    live,
  });
  const plan = planCollection(
    [
      { pack: 1, bytes: 2000, containers: [container(1, 10), container(2, 10)] },
      { pack: 2, bytes: 2000, containers: [container(3, 5), container(4, 10)] },
      { pack: 3, bytes: 3000, containers: [] },
      { pack: 4, bytes: 2000, containers: [container(5, 0), container(6, 1)] },
    ],
    0.1,
  );
  t.deepEqual(
    plan.packs.map(({ pack, freedBytes, copiedBytes }) => [pack, freedBytes, copiedBytes]),
    [
      [3, 3000, 0],
      [4, 1900, 100],
      [2, 500, 1500],
    ],
  );
  t.is(plan.freedBytes, 5400);
});
