/** Reads that are views of cached regions: they stay what they are, and never take all of the cache. */
import test from 'ava';
import { realEnv } from '#env';
import { DedupGroup, plainKernels } from '#store';
import { SimDisk } from '#support';
import { copyOf, type Slab } from '#wire';
import { patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';

const MiB = 1024 * 1024;
const recordBytes = 100_000;

test('slabs that are held keep their bytes while the whole stream is read again and again', async (t) => {
  const env = { ...realEnv(), disk: new SimDisk({ dice: new SimRandom(1) }).begin() };
  // The cache has 16 regions of the 50 that there are.
  const options = { env, folder: 'group', reserveBytes: 0, kernels: plainKernels, memoryBytes: 8 * MiB };
  const content = patternBytes(1, 12 * MiB);
  let group = await DedupGroup.open(options);
  let volume = await group.create('one');
  await volume.stream('data').append([content]);
  await volume.commit(Buffer.alloc(0));
  await group.close();
  group = await DedupGroup.open(options);
  volume = await group.open('one');
  const stream = volume.stream('data');
  const last = Math.floor(content.length / recordBytes) - 2;
  const isRight = (slab: Slab, record: number): boolean =>
    copyOf(slab).equals(content.subarray(record * recordBytes, (record + 1) * recordBytes));

  const held: { readonly slab: Slab; readonly record: number }[] = [];
  for (let record = 0; record < 60; record += 2)
    held.push({ record, slab: await stream.read(record * recordBytes, recordBytes) });
  t.true(
    held.some(({ slab }) => slab.slices.every(({ buffer }) => buffer instanceof SharedArrayBuffer)),
    'some are views',
  );
  for (let turn = 0; turn < 2; turn++) {
    for (let record = 0; record <= last; record++) {
      const slab = await stream.read(record * recordBytes, recordBytes);
      if (!isRight(slab, record)) t.fail(`record ${record}`);
      slab.release();
    }
  }
  for (const { slab, record } of held) t.true(isRight(slab, record), `held ${record}`);
  for (const { slab } of held) slab.release();
  const slab = await stream.read(0, recordBytes);
  t.true(isRight(slab, 0));
  slab.release();
  await group.close();
});
