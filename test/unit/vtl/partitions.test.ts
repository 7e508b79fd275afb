/** Partitions, sizes, SET CAPACITY, loading. */
import test from 'ava';
import type { Drive } from '#vtl';
import { DriveBench, settled } from './drive-bench.js';

const MiB = 1024 * 1024;

test('up to four partitions, each with its own objects, end and size', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  await bench.write(Buffer.from('gone'));
  await t.throwsAsync(bench.drive.format([1e9]), { code: 'not-possible' });
  await bench.drive.rewind();
  await t.throwsAsync(bench.drive.format([1, 2, 3, 4, 5]), { code: 'not-possible' });
  await bench.drive.format([8e6, 1e9, 2e9, 3e9]);
  t.deepEqual(bench.drive.partitions.map(({ capacityBytes, objects }) => [capacityBytes, objects]), [[8e6, 0], [1e9, 0], [2e9, 0], [3e9, 0]]); // prettier-ignore
  for (const partition of [3, 0, 2]) {
    await bench.drive.locate({ partition });
    t.is(bench.drive.position.partition, partition);
    await bench.write(Buffer.from(`in ${partition}`));
    await bench.mark(1, true);
  }
  await bench.drive.locate({ partition: 0, object: 0 });
  await bench.write(Buffer.from('over')); // leaves the others alone
  await bench.mark();
  await bench.crash();
  for (const partition of [3, 2]) {
    await bench.drive.locate({ partition });
    t.is(String(await bench.read()), `in ${partition}`);
    t.is(await bench.read(), 'filemark');
    t.is(bench.drive.position.file, 1);
  }
  await bench.drive.locate({ partition: 1 });
  t.is(await bench.read(), 'eod');
  await bench.drive.locate({ partition: 0, object: 0 });
  t.is(String(await bench.read()), 'over');
  await t.throwsAsync(bench.drive.locate({ partition: 4 }), { code: 'no-such-partition' });
  await bench.drive.locate({ partition: 2, eod: true });
  await bench.drive.rewind();
  t.is(bench.drive.position.partition, 2);
  await bench.drive.load(); // loaded already: to the beginning of the medium
  t.is(bench.drive.position.partition, 0);
});

test('media of older generations have fewer partitions', async (t) => {
  const bench = new DriveBench({ generation: 5 });
  await bench.load('A00001L5');
  await bench.drive.format([1e9, 1e9]);
  await t.throwsAsync(bench.drive.format([1e9, 1e9, 1e9]), { code: 'not-possible' });
  await bench.drive.remove();
  await bench.drive.insert(await bench.cartridge('A00001L4'));
  await t.throwsAsync(bench.drive.format([1e9, 1e9]), { code: 'not-possible' });
});

test('SET CAPACITY leaves a share of the cartridge', async (t) => {
  const bench = new DriveBench();
  await bench.load('A00001L8', { sizeBytes: 65535 * 1000 });
  await bench.drive.setCapacity(0x8000);
  t.is(bench.drive.partitions[0]?.capacityBytes, 0x8000 * 1000);
  await bench.drive.setCapacity(0xffff);
  t.is(bench.drive.partitions[0]?.capacityBytes, 65535 * 1000);
  await bench.drive.setCapacity(0x8000);
  const cartridge = await bench.drive.remove();
  await cartridge.erase();
  await bench.drive.insert(cartridge);
  t.is(bench.drive.availableBytes, 65535 * 1000, 'as new');
});

test('loading, unloading and removing go through the states, and say so', async (t) => {
  const bench = new DriveBench();
  t.is(bench.drive.state, 'empty');
  await t.throwsAsync(bench.drive.load(), { code: 'empty' });
  await t.throwsAsync(bench.drive.remove(), { code: 'empty' });
  await t.throwsAsync(bench.read(), { code: 'not-loaded' });
  const cartridge = await bench.load();
  await t.throwsAsync(bench.drive.insert(await bench.cartridge('A00002L8')), { code: 'occupied' });
  await bench.write(Buffer.alloc(1000));
  await bench.drive.unload();
  t.is(bench.drive.state, 'unloaded');
  t.is(bench.drive.cartridge, cartridge);
  t.true(cartridge.usedBytes >= 1000);
  await t.throwsAsync(bench.write(Buffer.alloc(1)), { code: 'not-loaded' });
  await bench.drive.load();
  t.is(await bench.drive.remove(), cartridge);
  t.is(bench.drive.cartridge, undefined);
  t.deepEqual(
    bench.events.map(({ kind }) => kind),
    ['medium-changed', 'medium-unloaded', 'medium-changed', 'medium-unloaded', 'medium-removed'],
  );
  t.is(bench.drive.counters.loads, 2);
});

test('one operation at a time, in the order of the calls', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  const writes = [1, 2, 3, 4, 5].map(async (fill) => await bench.write(Buffer.alloc(100_000, fill)));
  const marked = bench.mark();
  const rewound = bench.drive.rewind();
  const read = bench.read();
  await Promise.all([...writes, marked, rewound]);
  t.is(((await read) as Buffer)[0], 1);
  t.is(bench.drive.position.object, 1);
});

const changes: Readonly<Record<string, (drive: Drive) => Promise<void>>> = {
  format: async (drive) => await drive.format([8 * MiB, 20 * MiB]),
  'set capacity': async (drive) => await drive.setCapacity(0x8000),
  erase: async (drive) => await drive.erase(true),
};
for (const [name, change] of Object.entries(changes)) {
  test(`wherever a crash cuts off "${name}", all is as before it or all is gone`, async (t) => {
    const outcomes = new Set<string>();
    let cut = true;
    for (let nth = 0; cut; nth++) {
      for (const fate of ['drop', 'keep', 'prefix', 'torn'] as const) {
        const bench = new DriveBench();
        await bench.load('A00001L8', { sizeBytes: 64 * MiB });
        await bench.drive.format([30 * MiB, 30 * MiB]);
        await bench.write(Buffer.alloc(700_000, 1));
        await bench.mark();
        await bench.drive.locate({ partition: 1, object: 0 });
        await bench.write(Buffer.alloc(2_000_000, 2));
        await bench.mark();
        await bench.drive.locate({ partition: 0, object: 0 });
        const from = bench.disk.calls;
        cut = false;
        bench.disk.fault = ({ index }) => {
          if (index < from + nth) return undefined;
          cut = true;
          return 'hang';
        };
        const changed = change(bench.drive).then(() => bench.drive.unload());
        await Promise.race([changed, settled()]);
        bench.disk.fault = undefined;
        bench.disk.crash(fate);
        await bench.crash('A00001L8', { sizeBytes: 64 * MiB });
        const { partitions } = bench.drive;
        const seen = partitions.map(({ objects, filemarks }) => `${objects}/${filemarks}`).join(' ');
        outcomes.add(seen);
        if (partitions[0]?.objects === 2) {
          t.is(((await bench.read()) as Buffer)[0], 1);
          t.is(await bench.read(), 'filemark');
        }
        t.is(await bench.read(), 'eod');
        if (partitions.length < 2) continue;
        await bench.drive.locate({ partition: 1, object: 0 });
        if (partitions[1]?.objects === 2) t.is(((await bench.read()) as Buffer)[1_999_999], 2);
        else t.is(await bench.read(), 'eod');
      }
    }
    const after = { format: '0/0 0/0', 'set capacity': '0/0', erase: '0/0 2/1' }[name] ?? '';
    t.deepEqual([...outcomes].toSorted(), ['2/1 2/1', after].toSorted());
  });
}
