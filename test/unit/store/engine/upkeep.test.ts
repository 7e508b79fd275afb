/** Scrubbing, recompression, and what a group says of its size. */
import test from 'ava';
import { type Disk, realEnv } from '#env';
import { DedupGroup } from '#store';
import { SimDisk } from '#support';
import { copyOf } from '#wire';
import { patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';

const openGroup = async (disk: Disk): Promise<DedupGroup> =>
  await DedupGroup.open({ env: { ...realEnv(), disk }, folder: 'group', reserveBytes: 0 });

/** Compresses well, and the better the longer one tries. */
function textBytes(seed: number, length: number): Buffer {
  const words = patternBytes(seed, length);
  const lexicon = Array.from({ length: 256 }, (_, index) => `${(index * 7919).toString(36)} `);
  let text = '';
  for (let at = 0; text.length < length; at++) text += lexicon[(words[at] ?? 0) & (words[at + 7] ?? 0)] ?? '';
  return Buffer.from(text.slice(0, length));
}

test('scrubbing finds a rotten region, and names the bytes of the streams that have it', async (t) => {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  let group = await openGroup(disk.begin());
  const shared = patternBytes(1, 1_000_000);
  for (const id of ['one', 'two']) {
    const volume = await group.create(id);
    if (id === 'two') await volume.stream('data').append([patternBytes(2, 300_000)]);
    await volume.stream('data').append([shared]);
    await volume.commit(Buffer.from(id));
    await volume.close();
  }
  t.deepEqual((await group.scrub()).ranges, []);
  await group.close();
  disk.rot('group/packs/000000/000000001.pack', 300_000, 4);
  group = await openGroup(disk.begin());
  const { damaged, ranges, volumes } = await group.scrub();
  t.is(damaged.size, 1);
  t.deepEqual(volumes, []);
  t.deepEqual([...new Set(ranges.map(({ volume }) => volume))].toSorted(), ['one', 'two']);
  // What it says is what reading says.
  const volume = await group.open('one');
  for (const { offset, bytes } of ranges.filter((range) => range.volume === 'one')) {
    await t.throwsAsync(volume.stream('data').read(offset, bytes), { code: 'corrupt' });
  }
  const first = ranges.find((range) => range.volume === 'one');
  const slab = await volume.stream('data').read(0, first?.offset ?? 1);
  t.true(copyOf(slab).equals(shared.subarray(0, slab.length)));
  slab.release();
  await group.close();
});

test('recompression makes it smaller and changes nothing', async (t) => {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  let group = await openGroup(disk.begin());
  const text = textBytes(5, 3_000_000);
  const volume = await group.create('one');
  await volume.stream('data').append([text]);
  await volume.commit(Buffer.from('one'));
  await volume.close();
  const before = await group.sizes();
  t.is(before.logicalBytes, text.length);
  t.true(before.uniqueBytes > 2_900_000 && before.uniqueBytes <= text.length);
  await group.optimize();
  const after = await group.sizes();
  t.true(
    after.compressedBytes < 0.9 * before.compressedBytes,
    `${before.compressedBytes} → ${after.compressedBytes}`,
  );
  t.true(
    after.physicalBytes < 0.95 * before.physicalBytes,
    `${before.physicalBytes} → ${after.physicalBytes}`,
  );
  t.is(after.uniqueBytes, before.uniqueBytes);
  await group.close();
  group = await openGroup(disk.begin());
  const slab = await (await group.open('one')).stream('data').read(0, text.length);
  t.true(copyOf(slab).equals(text));
  slab.release();
  await group.close();
});

test('what only zstd shrinks is left to optimizing, which is done with it then; noise is left alone', async (t) => {
  const group = await openGroup(new SimDisk({ dice: new SimRandom(1) }).begin());
  const append = async (id: string, bytes: Buffer): Promise<void> => {
    const volume = await group.create(id);
    await volume.stream('data').append([bytes]);
    await volume.commit(Buffer.from(id));
    await volume.close();
  };
  await append('noise', patternBytes(1, 5_000_000));
  t.is((await group.sizes()).fastBytes, 0);
  t.is((await group.optimize()).copiedBytes, 0);
  await append('mail', Buffer.from(patternBytes(2, 3_000_000).toString('base64')));
  const before = await group.sizes();
  t.true(before.fastBytes > 3_900_000, `${before.fastBytes}`);
  await group.optimize();
  const after = await group.sizes();
  const freed = before.physicalBytes - after.physicalBytes;
  t.true(freed > 0.2 * 4_000_000, `${freed} of 4 MB freed`);
  t.is(after.fastBytes, 0);
  t.is((await group.optimize()).copiedBytes, 0);
  await group.close();
});

test('what only a volume uses is what its removal frees; snapshots say when they were taken', async (t) => {
  const group = await openGroup(new SimDisk({ dice: new SimRandom(1) }).begin());
  const shared = patternBytes(1, 2_000_000);
  const write = async (id: string, parts: readonly Buffer[]): Promise<void> => {
    const volume = await group.create(id);
    for (const part of parts) await volume.stream('data').append([part]);
    await volume.commit(Buffer.from(id));
    await volume.close();
  };
  await write('one', [shared, patternBytes(2, 1_000_000)]);
  await write('two', [shared, patternBytes(3, 500_000)]);
  await group.snapshot('one', 'monday');
  const volume = await group.open('one');
  volume.stream('data').truncate(0);
  await volume.commit(Buffer.from('cut'));
  await volume.stream('data').append([patternBytes(4, 300_000)]);
  await volume.commit(Buffer.from('new'));
  await volume.close();
  const near = (found: number, expected: number): boolean =>
    t.true(Math.abs(found - expected) < 0.04 * expected + 50_000, `${found}, not ${expected}`);
  const one = await group.volumeSizes('one');
  t.is(one.logicalBytes, 300_000);
  t.is(one.snapshots, 1);
  near(one.ownBytes, 1_300_000);
  near(one.usedBytes, 3_300_000);
  near((await group.volumeSizes('one@monday')).ownBytes, 1_000_000);
  near((await group.volumeSizes('two')).ownBytes, 500_000);
  await t.throwsAsync(group.volumeSizes('three'), { code: 'missing' });
  const points = await group.pointsInTime('one');
  t.deepEqual(points.map(({ name, logicalBytes }) => [name, logicalBytes]), [['monday', 3_000_000]]); // prettier-ignore
  t.true((points[0]?.takenMs ?? 0) > Date.UTC(2020, 0, 1));
  t.is((await group.sizes()).logicalBytes, 300_000 + 3_000_000 + 2_500_000);
  const { physicalBytes } = await group.sizes();
  await group.remove('one');
  for (let cycle = 0; cycle < 2; cycle++) await group.collect();
  near(physicalBytes - (await group.sizes()).physicalBytes, 1_300_000);
  await group.close();
});

test('what may be reclaimed is known after a restart', async (t) => {
  const disk = new SimDisk({ dice: new SimRandom(1) });
  let group = await openGroup(disk.begin());
  for (const [index, id] of ['one', 'two'].entries()) {
    const volume = await group.create(id);
    await volume.stream('data').append([patternBytes(index, 2_000_000)]);
    await volume.commit(Buffer.from(id));
    await volume.close();
  }
  await group.remove('one');
  t.is((await group.sizes()).releasedBytes, 2_000_000);
  await group.close();
  group = await openGroup(disk.begin());
  t.is((await group.sizes()).releasedBytes, 2_000_000);
  await group.collect({ dryRun: true });
  const { reclaimableBytes, releasedBytes } = await group.sizes();
  t.is(releasedBytes, 0);
  t.true(reclaimableBytes > 1_900_000);
  await group.close();
  group = await openGroup(disk.begin());
  t.is((await group.sizes()).reclaimableBytes, reclaimableBytes);
  await group.collect();
  t.true((await group.sizes()).reclaimableBytes < 50_000);
  await group.close();
});
