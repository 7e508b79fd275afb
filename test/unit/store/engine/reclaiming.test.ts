/** What collection frees, by the bytes on the disk: beside a fresh group that holds the same. */
import test from 'ava';
import { type Disk, realEnv } from '#env';
import { StoreError } from '#errors';
import { DedupGroup } from '#store';
import { SimDisk } from '#support';
import { copyOf } from '#wire';
import { patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';

const MiB = 1024 * 1024;
const newDisk = (): SimDisk => new SimDisk({ dice: new SimRandom(1) });
async function openGroup(disk: Disk): Promise<DedupGroup> {
  const env = { ...realEnv(), disk };
  const tuning = { packBytes: 6 * MiB, pieceRuns: 64 };
  return await DedupGroup.open({ env, folder: 'group', reserveBytes: 0, tuning });
}
/** Of all files. */
async function bytesOn(disk: Disk, folder = 'group'): Promise<number> {
  let bytes = 0;
  for (const name of await disk.list(folder)) {
    const path = `${folder}/${name}`;
    if ((await disk.list(path)).length > 0) bytes += await bytesOn(disk, path);
    else if (name.includes('.') || name.startsWith('superblock')) {
      const file = await disk.open(path, 'existing');
      bytes += await file.size();
      await file.close();
    }
  }
  return bytes;
}
async function write(group: DedupGroup, id: string, parts: readonly Buffer[]): Promise<void> {
  const volume = await group.create(id);
  for (const part of parts) await volume.stream('data').append([part]);
  await volume.commit(Buffer.from(id));
  await volume.close();
}
async function content(group: DedupGroup, id: string): Promise<Buffer> {
  const volume = await group.open(id);
  const stream = volume.stream('data');
  const slab = await stream.read(0, stream.length);
  const bytes = copyOf(slab);
  slab.release();
  await volume.close();
  return bytes;
}
const blocks = (seed: number, count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) => patternBytes(1000 * seed + index, 100_000));

interface Pattern {
  readonly name: string;
  /** Leaves the volumes that it returns. */
  run(group: DedupGroup): Promise<ReadonlyMap<string, readonly Buffer[]>>;
}
const patterns: readonly Pattern[] = [
  {
    name: 'every second chunk dead',
    async run(group) {
      const all = blocks(1, 240);
      const half = all.filter((_, index) => index % 2 === 0);
      await write(group, 'all', all);
      await write(group, 'half', half);
      await group.remove('all');
      return new Map([['half', half]]);
    },
  },
  {
    name: 'whole volumes dead',
    async run(group) {
      const kept = new Map<string, readonly Buffer[]>();
      for (let index = 0; index < 8; index++) {
        await write(group, `volume${index}`, blocks(index, 30));
        if (index % 3 === 0) kept.set(`volume${index}`, blocks(index, 30));
      }
      for (let index = 0; index < 8; index++) if (index % 3 !== 0) await group.remove(`volume${index}`);
      return kept;
    },
  },
  {
    name: 'random',
    async run(group) {
      const dice = new SimRandom(7);
      const all = blocks(1, 240);
      await write(group, 'all', all);
      const kept = new Map<string, readonly Buffer[]>();
      for (const id of ['some', 'others']) {
        const mine = all.filter(() => dice.integer(100) < 20);
        await write(group, id, mine);
        kept.set(id, mine);
      }
      await group.remove('all');
      return kept;
    },
  },
  {
    name: 'a tape written over again and again, from the beginning and from the middle',
    async run(group) {
      const volume = await group.create('tape');
      const stream = volume.stream('data');
      let held: Buffer[] = [];
      for (let round = 0; round < 6; round++) {
        held = held.slice(0, round % 2 === 0 ? 0 : 20);
        stream.truncate(held.length * 100_000);
        await volume.commit(Buffer.from('cut'));
        for (const block of blocks(round, 40)) {
          await stream.append([block]);
          held.push(block);
        }
        await volume.commit(Buffer.from('tape'));
      }
      await volume.close();
      return new Map([['tape', held]]);
    },
  },
];

for (const pattern of patterns) {
  test(`two collections free 99 % of the garbage: ${pattern.name}`, async (t) => {
    const disk = newDisk();
    let live = disk.begin();
    let group = await openGroup(live);
    const kept = await pattern.run(group);
    const before = await bytesOn(live);
    for (let cycle = 0; cycle < 2; cycle++) await group.collect();
    const after = await bytesOn(live);
    for (const [id, parts] of kept) t.true((await content(group, id)).equals(Buffer.concat(parts)), id);
    t.is(after, (await group.sizes()).physicalBytes + 1024, 'what it says of itself, and the superblocks');
    // Another one has nothing to do.
    t.deepEqual((await group.collect({ dryRun: true })).plan.packs.length, 0);
    await group.close();
    live = disk.begin();
    group = await openGroup(live);
    for (const [id, parts] of kept) t.true((await content(group, id)).equals(Buffer.concat(parts)), id);

    const fresh = newDisk().begin();
    const other = await openGroup(fresh);
    for (const [id, parts] of kept) await write(other, id, parts);
    const garbage = before - (await bytesOn(fresh));
    const share = (before - after) / garbage;
    t.log(`${((before - after) / MiB).toFixed(1)} of ${(garbage / MiB).toFixed(1)} MiB: ${share.toFixed(4)}`);
    t.true(garbage > 8 * MiB);
    t.true(share >= 0.99, `${before} → ${after}: ${share}`);
  });
}

test('a volume that cannot be read keeps what it may refer to, and nothing that came later', async (t) => {
  const disk = newDisk();
  let live = disk.begin();
  let group = await openGroup(live);
  await write(group, 'unreadable', blocks(1, 60));
  await write(group, 'other', blocks(2, 60));
  await group.remove('other');
  await group.close(); // now its state lies in a container
  const mirrors = await live.list('group/mirrors');
  group = await openGroup(live);
  await write(group, 'later', blocks(3, 60));
  await group.remove('later');
  await group.close();
  for (const name of mirrors) disk.rot(`group/mirrors/${name}`, 3000, 1);
  const { place } = await rootOf(disk, mirrors[0] ?? '');
  disk.rot(place.path, place.offset + 3000, 1);
  disk.rot(place.path, place.offset + 5, 1);
  for (const name of mirrors) disk.rot(`group/mirrors/${name}`, 5, 1);

  live = disk.begin();
  group = await openGroup(live);
  await t.throwsAsync(group.open('unreadable'), { instanceOf: StoreError, code: 'corrupt' });
  const before = await bytesOn(live);
  const { unreadable, freedBytes } = await group.collect();
  t.deepEqual(
    unreadable.map(({ volume }) => volume),
    ['unreadable'],
  );
  t.true(freedBytes > 0.99 * 6_000_000 && freedBytes < 7_500_000, `${freedBytes}`);
  t.true(before - (await bytesOn(live)) > 5_900_000);
  // The operator gives it up.
  await group.remove('unreadable');
  await group.collect();
  const report = await group.collect();
  t.deepEqual(report.unreadable, []);
  t.true((await bytesOn(live)) < 100_000);
  await group.close();
});
/** The container that the mirror is a copy of. */
async function rootOf(
  disk: SimDisk,
  mirror: string,
): Promise<{ readonly place: { readonly path: string; readonly offset: number } }> {
  const head = disk.contentOf(`group/mirrors/${mirror}`);
  const pack = head.readUInt32LE(24);
  const path = `group/packs/000000/${pack.toString(10).padStart(9, '0')}.pack`;
  return await Promise.resolve({ place: { path, offset: head.readUInt32LE(28) } });
}

test('a collection that is canceled keeps what it has done, and another one ends it', async (t) => {
  const live = newDisk().begin();
  const group = await openGroup(live);
  const [pattern] = patterns;
  const kept = (await pattern?.run(group)) ?? new Map<string, readonly Buffer[]>();
  const abort = new AbortController();
  let pieces = 0;
  const pace = async (): Promise<void> => {
    pieces += 1;
    if (pieces === 3) abort.abort();
    await Promise.resolve();
  };
  await t.throwsAsync(group.collect({ signal: abort.signal, pace }), { code: 'canceled' });
  t.true((await group.sizes()).reclaimableBytes > 8 * MiB);
  await group.collect();
  await group.collect();
  for (const [id, parts] of kept) t.true((await content(group, id)).equals(Buffer.concat(parts)));
  t.true((await bytesOn(live)) < 12.5 * MiB);
  await group.close();
});

test('a piece of a recipe that cannot be read is the damage of its bytes, and keeps what it may refer to', async (t) => {
  const disk = newDisk();
  const open = async (): Promise<{ live: Disk; group: DedupGroup }> => {
    const live = disk.begin();
    const tuning = { packBytes: 6 * MiB, pieceRuns: 4 };
    const env = { ...realEnv(), disk: live };
    return { live, group: await DedupGroup.open({ env, folder: 'group', reserveBytes: 0, tuning }) };
  };
  let { group, live } = await open();
  // Two volumes in turns, so that each has many runs; then one in a row.
  const parts = blocks(1, 40);
  await write(group, 'base', parts);
  await write(group, 'mixed', parts.toReversed());
  await group.close();
  // The pieces lie in the container before the one with the states: the older of the two newest mirrors.
  ({ live, group } = await open());
  const names = (await live.list('group/mirrors')).toSorted();
  const pieces = names.at(-2) ?? '';
  const copy = disk.contentOf(`group/mirrors/${pieces}`);
  const [pack, offset, first] = [24, 28, 116].map((at) => copy.readUInt32LE(at));
  const region = (first ?? 0) + 3;
  const path = `group/packs/000000/${String(pack).padStart(9, '0')}.pack`;
  disk.rot(`group/mirrors/${pieces}`, region, 1);
  disk.rot(path, (offset ?? 0) + region, 1);
  await write(group, 'later', blocks(3, 40));
  await group.remove('later');
  const { unreadable, freedBytes } = await group.collect();
  t.deepEqual(
    unreadable.map(({ volume }) => volume),
    ['mixed'],
  );
  t.true(freedBytes > 3_900_000);
  t.true((await content(group, 'base')).equals(Buffer.concat(parts)));
  const { ranges, lost } = await group.verify('mixed');
  t.false(lost);
  t.true(ranges.length > 0);
  const volume = await group.open('mixed');
  for (const { offset: at } of ranges)
    await t.throwsAsync(volume.stream('data').read(at, 1), { code: 'corrupt' });
  const end = ranges.reduce((sum, range) => Math.max(sum, range.offset + range.bytes), 0);
  if (end < 4_000_000) {
    const slab = await volume.stream('data').read(end, 4_000_000 - end);
    t.true(copyOf(slab).equals(Buffer.concat(parts.toReversed()).subarray(end)));
    slab.release();
  }
  await group.close();
});

test('planning and collecting let others have the thread', async (t) => {
  // Every look at the clock is a millisecond later.
  let nowMs = 0;
  let pauses = 0;
  const clock = {
    ...realEnv().clock,
    monotonicMs: () => (nowMs += 1),
    sleep: async (): Promise<void> => {
      pauses += 1;
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
  };
  const env = { ...realEnv(), disk: newDisk().begin(), clock };
  const group = await DedupGroup.open({ env, folder: 'group', reserveBytes: 0, tuning: { pieceRuns: 2 } });
  const parts = blocks(1, 30);
  await write(group, 'base', parts);
  await write(group, 'mixed', parts.toReversed());
  await group.collect({ dryRun: true });
  t.true(pauses >= 4, `${pauses} while planning`);
  pauses = 0;
  await group.remove('base');
  await group.scrub();
  t.true(pauses >= 2, `${pauses} while scrubbing`);
  await group.close();
});
