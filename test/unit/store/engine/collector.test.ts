/** Collection: what goes, what stays, beside writers. */
import test from 'ava';
import { type Disk, realEnv } from '#env';
import { DedupGroup, type Stream } from '#store';
import { SimDisk } from '#support';
import { copyOf } from '#wire';
import {
  copiedBytesOf,
  type PackPlan,
  planCollection,
} from '../../../../src/store/engine/collection-plan.js';
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

test('a dead chunk that is written again when its container has been copied without it is not lost', async (t) => {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  const group = await openGroup(disk.begin());
  const live = Array.from({ length: 6 }, (_, index) => patternBytes(1 + index, 300_000));
  const dead = Array.from({ length: 6 }, (_, index) => patternBytes(11 + index, 300_000));
  const goes = await group.create('goes');
  for (const [index, part] of live.entries()) {
    // A container of both for each commit.
    await goes.stream('data').append([part, dead[index] ?? part]);
    await goes.commit(Buffer.from(String(index)));
  }
  await goes.close();
  await filled(group, 'keeps', live);
  await group.remove('goes');
  const writer = await group.create('writer');
  const written: Buffer[] = [];
  let steps = 0;
  await group.collect({
    garbageShareMin: 0,
    pace: async () => {
      const part = dead[(steps += 1) % dead.length] ?? Buffer.alloc(0);
      written.push(part);
      await writer.stream('data').append([part]);
    },
  });
  await writer.commit(Buffer.from('all'));
  t.true(written.length > 6);
  t.true(await holds(writer.stream('data'), Buffer.concat(written)));
  await writer.close();
  await group.close();
  const again = await openGroup(disk.begin());
  for (const [id, parts] of [['keeps', live] as const, ['writer', written] as const])
    t.true(await holds((await again.open(id)).stream('data'), Buffer.concat(parts)));
  await again.close();
});

test('the checkpoint before the newest keeps what it needs: with the newest rotten, nothing is lost', async (t) => {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  let group = await openGroup(disk.begin());
  const volume = await group.create('one');
  const parts: Buffer[] = [];
  for (let round = 0; round < 4; round++) {
    const part = patternBytes(round, 300_000);
    parts.push(part);
    await volume.stream('data').append([part]);
    await volume.commit(Buffer.from(`round ${round}`));
    await group.collect({ garbageShareMin: 0 });
  }
  const names = (await disk.begin().list('group')).filter((name) => name.endsWith('.checkpoint'));
  t.is(names.length, 2);
  disk.crash('drop');
  disk.rot(`group/${names.at(-1) ?? ''}`, 60, 3);
  group = await openGroup(disk.begin());
  const again = await group.open('one');
  t.is(again.label.toString(), 'round 3');
  t.true(await holds(again.stream('data'), Buffer.concat(parts)));
  await group.close();
});

test('a plan empties what is worth it, the cheapest first', (t) => {
  const sum = (pack: number, bytes: number, freedBytes: number): PackPlan => ({
    pack,
    bytes,
    freedBytes,
    copiedBytes: bytes - freedBytes,
  });
  const sums = [sum(1, 2000, 0), sum(2, 2000, 500), sum(3, 3000, 3000), sum(4, 2000, 1900), sum(5, 2000, 10)];
  const plan = planCollection(sums, { garbageShareMin: 0.1, leftShareMax: 0 });
  t.deepEqual(
    plan.packs.map(({ pack }) => pack),
    [3, 4, 2],
  );
  t.is(plan.freedBytes, 5400);
  t.is(plan.garbageBytes, 5410);
  // What is hardly anything of all garbage is not worth it.
  const rest = planCollection(sums, { garbageShareMin: 0, leftShareMax: 0.1 });
  t.deepEqual(
    rest.packs.map(({ pack }) => pack),
    [3, 4],
  );
});

test('what is left of a container takes steps of 4 KiB, and never more than there was', (t) => {
  const copied = (bytes: number, chunks: number, live: number): number =>
    copiedBytesOf({ bytes, chunks, live });
  t.is(copied(40_960, 10, 0), 0);
  t.is(copied(40_960, 10, 10), 40_960);
  t.is(copied(40_960, 10, 5), 20_480);
  t.is(copied(40_960, 100, 51), 24_576);
  t.is(copied(4096, 10, 1), 4096);
});
