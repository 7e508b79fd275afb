/** Damage: found, set apart, told by volume and byte, carried through collections and restarts, healed when the same content comes. */
import test from 'ava';
import { type Disk, realEnv } from '#env';
import { StoreError } from '#errors';
import { DedupGroup, plainKernels, type ReadableStream } from '#store';
import { SimDisk } from '#support';
import { copyOf } from '#wire';
import { patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';

const MiB = 1024 * 1024;
const newDisk = (): SimDisk => new SimDisk({ dice: new SimRandom(1) });
const secrets = {
  ...realEnv().secrets,
  file: async () => await Promise.resolve({ bytes: Buffer.alloc(32, 'secret'), mode: 0o600 }),
};
type Kind = 'plain' | 'encrypted';
async function openGroup(disk: Disk, kind: Kind): Promise<DedupGroup> {
  const tuning = { packBytes: 3 * MiB, pieceRuns: 8 };
  const env = { ...realEnv(), disk, secrets };
  const key = kind === 'plain' ? {} : { keySource: { kind: 'file', path: '/key' } as const };
  return await DedupGroup.open({
    env,
    folder: 'group',
    reserveBytes: 0,
    tuning,
    kernels: plainKernels,
    ...key,
  });
}
async function write(group: DedupGroup, id: string, parts: readonly Buffer[]): Promise<void> {
  const volume = await group.create(id);
  for (const part of parts) await volume.stream('data').append([part]);
  await volume.stream('entries', { entryBytes: 24 }).append([patternBytes(77, 24 * 20)]);
  await volume.commit(Buffer.from(id));
  await volume.close();
}
async function bytesOf(stream: ReadableStream, offset = 0, length = stream.length): Promise<Buffer> {
  const slab = await stream.read(offset, length);
  const bytes = copyOf(slab);
  slab.release();
  return bytes;
}
async function content(group: DedupGroup, id: string): Promise<Buffer> {
  const view = await group.view(id);
  const bytes = await bytesOf(view.stream('data'));
  await view.close();
  return bytes;
}
const packPath = 'group/packs/000000/000000001.pack';
const first = patternBytes(1, 1_000_000);
const second = patternBytes(2, 1_000_000);

/** Two volumes; a bit of what only the first has rots. */
async function damaged(kind: Kind): Promise<{ disk: SimDisk; live: Disk; group: DedupGroup }> {
  const disk = newDisk();
  const before = await openGroup(disk.begin(), kind);
  await write(before, 'one', [first]);
  await write(before, 'two', [second]);
  await before.close();
  disk.rot(packPath, 400_000, 3);
  const live = disk.begin();
  return { disk, live, group: await openGroup(live, kind) };
}

for (const kind of ['plain', 'encrypted'] as const) {
  test(`damage is found by verifying one cartridge, and the other has none (${kind})`, async (t) => {
    const { group } = await damaged(kind);
    const { ranges, lost, bytes, containers } = await group.verify('one');
    t.false(lost);
    t.is(bytes, 1_000_000 + 480);
    t.true(containers >= 1);
    t.is(ranges.length, 1);
    t.like(ranges[0], { volume: 'one', stream: 'data' });
    t.deepEqual((await group.verify('two')).ranges, []);
    t.deepEqual((await group.damage()).ranges, ranges);
    await t.throwsAsync(group.verify('three'), { code: 'missing' });
    await group.close();
  });

  test(`what verify says is what reading says, to the byte (${kind})`, async (t) => {
    const { group } = await damaged(kind);
    const [range] = (await group.verify('one')).ranges;
    const from = range?.offset ?? 0;
    const to = from + (range?.bytes ?? 0);
    const volume = await group.open('one');
    const stream = volume.stream('data');
    t.true((await bytesOf(stream, 0, from)).equals(first.subarray(0, from)));
    t.true((await bytesOf(stream, to, stream.length - to)).equals(first.subarray(to)));
    for (const at of [from, to - 1]) {
      await t.throwsAsync(stream.read(at, 1), { instanceOf: StoreError, code: 'corrupt' });
    }
    await group.close();
  });

  test(`the same content is stored again, not deduplicated against what is lost, also after a restart; then it is healed (${kind})`, async (t) => {
    const { disk, group } = await damaged(kind);
    t.is((await group.scrub()).damaged.size, 1);
    await group.close();
    let again = await openGroup(disk.begin(), kind);
    t.is((await again.damage()).ranges.length, 1, 'known without another scrub');
    await write(again, 'fresh', [first]);
    t.true((await content(again, 'fresh')).equals(first));
    const { repaired, ranges } = await again.scrub();
    t.is(repaired.length, 1);
    t.deepEqual(ranges, []);
    t.true((await content(again, 'one')).equals(first), 'the old one has it back');
    t.is((await again.damage()).damaged.size, 0);
    await again.remove('fresh');
    for (let cycle = 0; cycle < 2; cycle++) await again.collect();
    disk.crash('drop');
    again = await openGroup(disk.begin(), kind);
    t.true((await content(again, 'one')).equals(first), 'for good');
    t.deepEqual((await again.scrub()).ranges, []);
    await again.close();
  });

  test(`a reader who meets damage sets it apart (${kind})`, async (t) => {
    const { group } = await damaged(kind);
    const volume = await group.open('one');
    await t.throwsAsync(bytesOf(volume.stream('data')), { code: 'corrupt' });
    t.is((await group.damage()).damaged.size, 1);
    await volume.stream('data').append([first]);
    await volume.commit(Buffer.from('twice'));
    t.true((await bytesOf(volume.stream('data'), 1_000_000, 1_000_000)).equals(first));
    await group.close();
  });

  test(`collection carries damage on: the pack goes, what is around it stays readable, and it can still be healed (${kind})`, async (t) => {
    const { disk, group, live } = await damaged(kind);
    const [range] = (await group.verify('one')).ranges;
    await group.remove('two');
    await group.collect();
    await group.collect();
    t.false(await live.exists(packPath));
    t.deepEqual((await group.damage()).ranges, [range]);
    await group.close();
    const again = await openGroup(disk.begin(), kind);
    const volume = await again.open('one');
    const from = range?.offset ?? 0;
    const to = from + (range?.bytes ?? 0);
    t.true((await bytesOf(volume.stream('data'), 0, from)).equals(first.subarray(0, from)));
    t.true((await bytesOf(volume.stream('data'), to, 1_000_000 - to)).equals(first.subarray(to)));
    await t.throwsAsync(volume.stream('data').read(from, 1), { code: 'corrupt' });
    await write(again, 'fresh', [first]);
    await again.scrub();
    t.true((await bytesOf(volume.stream('data'))).equals(first));
    await again.close();
  });

  test(`recipes and states are there twice: rot of either copy is repaired (${kind})`, async (t) => {
    const disk = newDisk();
    let live = disk.begin();
    let group = await openGroup(live, kind);
    await write(group, 'one', [first]);
    await group.close();
    live = disk.begin();
    const mirrors = await live.list('group/mirrors');
    t.true(mirrors.length > 0);
    for (const [index, name] of mirrors.entries()) {
      const head = disk.contentOf(`group/mirrors/${name}`);
      const place = head.readUInt32LE(28);
      // Alternately the mirror, and what it mirrors; in what they hold, not in the filling.
      if (index % 2 === 0) disk.rot(`group/mirrors/${name}`, 100, 1);
      else disk.rot(packPath, place + 100, 1);
    }
    group = await openGroup(live, kind);
    const { repaired, damaged: none } = await group.scrub();
    t.is(repaired.length, mirrors.length);
    t.is(none.size, 0);
    t.deepEqual((await group.scrub()).repaired, []);
    t.true((await content(group, 'one')).equals(first));
    await group.close();
  });

  for (const file of ['superblock-1', 'checkpoint', 'journal'] as const) {
    test(`rot of a ${file} is repaired (${kind})`, async (t) => {
      const disk = newDisk();
      const live = disk.begin();
      const group = await openGroup(live, kind);
      await write(group, 'one', [first]);
      await group.collect({ dryRun: true }); // a checkpoint
      await write(group, 'two', [second]);
      const folder = file === 'journal' ? 'group/journal' : 'group';
      const name = (await live.list(folder)).findLast((one) => one.includes(file)) ?? '';
      disk.rot(`${folder}/${name}`, 60, 2);
      const { repaired } = await group.scrub();
      t.is(repaired.length, 1);
      t.true(repaired[0]?.startsWith(file.split('-')[0] ?? '-'), repaired[0]);
      t.deepEqual((await group.scrub()).repaired, []);
      disk.crash('drop');
      const again = await openGroup(disk.begin(), kind);
      t.true((await content(again, 'two')).equals(second));
      await again.close();
    });
  }

  test(`a container is replaced by a sound copy from elsewhere, and by nothing else (${kind})`, async (t) => {
    const disk = newDisk();
    const before = await openGroup(disk.begin(), kind);
    await write(before, 'one', [first]);
    await before.close();
    const bytes = disk.contentOf(packPath).readUInt32LE(32);
    const sound = Buffer.from(disk.contentOf(packPath).subarray(0, bytes));
    const id = sound.readUInt32LE(16);
    disk.rot(packPath, 400_000, 3);
    disk.rot(packPath, 800_000, 3);
    const group = await openGroup(disk.begin(), kind);
    t.is((await group.verify('one')).ranges.length, 2);
    for (const at of [20, 5000, 400_000, bytes - 40_000]) {
      const other = Buffer.from(sound);
      other.writeUInt8(other.readUInt8(at) ^ 4, at);
      await t.throwsAsync(group.replaceContainer(id, other), { code: 'corrupt' }, `byte ${at}`);
    }
    await t.throwsAsync(group.replaceContainer(id + 1, sound), { code: 'corrupt' });
    await t.throwsAsync(group.replaceContainer(999, sound), { code: 'missing' });
    await t.throwsAsync(group.replaceContainer(id, sound.subarray(0, 4096)), { code: 'corrupt' });
    t.is((await group.damage()).ranges.length, 2);
    await group.replaceContainer(id, sound);
    t.deepEqual((await group.verify('one')).ranges, []);
    t.true((await content(group, 'one')).equals(first));
    disk.crash('drop');
    const again = await openGroup(disk.begin(), kind);
    t.true((await content(again, 'one')).equals(first));
    await again.close();
  });

  test(`a container that has lost both heads is lost wholly, and a sound copy of it brings it back (${kind})`, async (t) => {
    const disk = newDisk();
    const before = await openGroup(disk.begin(), kind);
    await write(before, 'one', [first]);
    await before.close();
    const bytes = disk.contentOf(packPath).readUInt32LE(32);
    const sound = Buffer.from(disk.contentOf(packPath).subarray(0, bytes));
    const id = sound.readUInt32LE(16);
    disk.rot(packPath, 20, 3);
    disk.rot(packPath, bytes - 40, 3);
    let group = await openGroup(disk.begin(), kind);
    const { damaged: found, ranges } = await group.scrub();
    t.deepEqual([...found], [[id, 'all']]);
    const data = ranges.filter(({ stream }) => stream === 'data');
    t.true(data.reduce((sum, range) => sum + range.bytes, 0) > 900_000);
    // Collection leaves it where it is, and what is written again does not lean on it.
    await group.collect();
    await write(group, 'fresh', [first]);
    t.true((await content(group, 'fresh')).equals(first));
    await group.close();
    group = await openGroup(disk.begin(), kind);
    await t.throwsAsync(content(group, 'one'), { code: 'corrupt' });
    await group.replaceContainer(id, sound);
    t.true((await content(group, 'one')).equals(first));
    t.is((await group.scrub()).damaged.size, 0);
    await group.close();
  });

  test(`a view stays what it was while its volume is written over and collected, and verify sees the committed state (${kind})`, async (t) => {
    const group = await openGroup(newDisk().begin(), kind);
    await write(group, 'tape', [first]);
    const view = await group.view('tape');
    const volume = await group.open('tape');
    volume.stream('data').truncate(0);
    await volume.commit(Buffer.from('cut'));
    await volume.stream('data').append([second]);
    t.is((await group.verify('tape')).bytes, 480);
    await volume.commit(Buffer.from('second'));
    for (let cycle = 0; cycle < 2; cycle++) await group.collect();
    t.is(view.label.toString(), 'tape');
    t.true((await bytesOf(view.stream('data'))).equals(first));
    await view.close();
    const { physicalBytes } = await group.sizes();
    for (let cycle = 0; cycle < 2; cycle++) await group.collect();
    t.true((await group.sizes()).physicalBytes < physicalBytes - 900_000, 'then it goes');
    t.true((await content(group, 'tape')).equals(second));
    await group.close();
  });
}
