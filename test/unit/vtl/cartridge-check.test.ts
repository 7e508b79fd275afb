/** Cartridges verified without a drive; damage by records; groups that run short. */
import test from 'ava';
import { realEnv } from '#env';
import { DedupGroup, plainKernels, type StorageGroup } from '#store';
import { Cartridge, inWords } from '#vtl';
import { DriveBench } from './drive-bench.js';
import { patternBytes } from '../../contract/store.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const recordBytes = 50_000;

async function dedupGroup(bench: DriveBench, capacityBytes = Infinity): Promise<DedupGroup> {
  const env = { ...realEnv(), disk: bench.env.disk };
  const tuning = { packBytes: 2 * MiB };
  const sizes = { reserveBytes: 0, memoryBytes: 24 * MiB, capacityBytes };
  return await DedupGroup.open({ env, folder: 'dedup', kernels: plainKernels, tuning, ...sizes });
}
/** Files of ten records each. */
async function fill(bench: DriveBench, files: number): Promise<void> {
  for (let file = 0; file < files; file++) {
    for (let record = 0; record < 10; record++)
      await bench.write(patternBytes(100 * file + record, recordBytes));
    await bench.mark();
  }
}
const clockless = (cartridge: Cartridge, group: StorageGroup): Cartridge =>
  new Cartridge({
    env: realEnv(),
    group,
    id: cartridge.id,
    barcode: cartridge.barcode,
    medium: cartridge.medium,
  });

test('damage is told by cartridge, partition, records and file', async (t) => {
  const bench = new DriveBench();
  let group = await dedupGroup(bench);
  let cartridge = clockless(await bench.load('A00001L8', { group }), group);
  await fill(bench, 6);
  await bench.drive.unload();
  t.deepEqual(await cartridge.verify(), { objects: 66, bytes: 60 * recordBytes, damaged: [], lost: false });
  await bench.drive.remove();
  await group.close();
  bench.disk.rot('dedup/packs/000000/000000001.pack', 1_300_000, 1);
  group = await dedupGroup(bench);
  cartridge = clockless(cartridge, group);
  const { damaged, lost } = await cartridge.verify();
  t.false(lost);
  t.is(damaged.length, 1);
  const [first] = damaged;
  // 1 300 000 bytes are 26 records, and the region around them is a quarter of a megabyte.
  t.true((first?.first ?? 0) >= 20 && (first?.last ?? 0) <= 36, JSON.stringify(first));
  t.is(first?.file, Math.floor((first?.first ?? 0) / 11));
  t.is(inWords('A00001L8', { partition: 0, first: 1200, last: 1215, file: 3 }), 'A00001L8 partition 0: records 1200–1215 (file 3)'); // prettier-ignore
  // A scrub of the whole group says the same by bytes, and the cartridge knows which records those are.
  const { ranges } = await group.scrub();
  t.deepEqual(await cartridge.objectsOf(ranges), damaged);
  // And so does a drive.
  await bench.drive.insert(new Cartridge(await bench.options('A00001L8', { group })));
  const met: number[] = [];
  for (let object = 0; object < 66; object++) {
    try {
      await bench.read();
    } catch {
      met.push(object);
    }
  }
  t.deepEqual([met[0], met.at(-1)], [first?.first, first?.last]);
  await group.close();
});

test('a cartridge is verified while it is in a drive that writes: as it was committed last', async (t) => {
  const bench = new DriveBench();
  const group = await dedupGroup(bench);
  const cartridge = clockless(await bench.load('A00001L8', { group }), group);
  await fill(bench, 2);
  await bench.write(patternBytes(9999, recordBytes));
  const report = await cartridge.verify();
  t.deepEqual([report.objects, report.damaged.length], [22, 0]);
  await bench.drive.unload();
  t.is((await cartridge.verify()).objects, 23);
  await group.close();
});

test('a cartridge in plain files is verified by its records, and not while it is open', async (t) => {
  const bench = new DriveBench();
  const cartridge = await bench.load();
  await fill(bench, 2);
  const mine = clockless(cartridge, await bench.group());
  await t.throwsAsync(mine.verify(), { code: 'locked' });
  await bench.drive.unload();
  bench.disk.rot(bench.stream('data-0'), 130_000, 2);
  bench.disk.rot(bench.stream('objects-0'), 24 * 15 + 18, 2);
  const { damaged } = await mine.verify();
  t.deepEqual(damaged, [
    { partition: 0, first: 2, last: 2, file: 0 },
    { partition: 0, first: 15, last: 15, file: 1 },
  ]);
});

test('a group that runs short warns a few times, refuses before it is torn, and goes on when collection has freed space', async (t) => {
  const bench = new DriveBench();
  const group = await dedupGroup(bench, 24 * MiB);
  const old = await Cartridge.create(await bench.options('A00002L8', { group }));
  await bench.drive.insert(old);
  await fill(bench, 14);
  await bench.drive.unload();
  await bench.drive.remove();
  await bench.load('A00001L8', { group });
  const warnings: number[] = [];
  let written = 0;
  const write = async (): Promise<void> => {
    const { earlyWarning } = await bench.write(patternBytes(10_000 + written, recordBytes));
    if (earlyWarning) warnings.push(written);
    written += 1;
  };
  const writeAll = async (): Promise<void> => {
    for (;;) await write();
  };
  await t.throwsAsync(writeAll(), { code: 'full' });
  t.true((warnings[0] ?? written) < written - 5, `${warnings.join(' ')} of ${written}`);
  t.true(warnings.length >= 2 && warnings.length <= 6, `${warnings.join(' ')} of ${written}`);
  await bench.drive.synchronize();
  await t.throwsAsync(write(), { code: 'full' });
  await old.destroy();
  await group.collect();
  const before = warnings.length;
  for (let more = 0; more < 60; more++) await write();
  t.is(warnings.length, before, 'there is enough again');
  await bench.drive.synchronize();
  await bench.drive.rewind();
  for (let record = 0; record < written; record++)
    t.true(((await bench.read()) as Buffer).equals(patternBytes(10_000 + record, recordBytes)));
  t.is(await bench.read(), 'eod');
  await group.close();
});
