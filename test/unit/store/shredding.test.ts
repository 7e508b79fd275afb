/** Shredding and changing keys: what is gone is gone, also out of old files; a crash leaves one state or the other. */
import test from 'ava';
import { RefusedError, StoreError } from '#errors';
import type { DedupGroup } from '#store';
import { patternBytes } from '../../contract/store.js';
import { fileKey, readFrom, SealedWorld, write } from './sealed-world.js';

const shared = patternBytes(1, 400_000);
const tapeBytes = Buffer.concat([shared, patternBytes(2, 300_000)]);
const otherBytes = Buffer.concat([shared, patternBytes(3, 100_000)]);

/** Two tapes with chunks in common, one with a snapshot; recipes in journal, pieces and states. */
async function filled(seed: number): Promise<SealedWorld> {
  const world = new SealedWorld(seed);
  const group = await world.open();
  await write(group, 'tape', tapeBytes);
  await group.snapshot('tape', 'monday');
  await write(group, 'other', otherBytes);
  await group.close();
  const again = await world.open();
  await write(again, 'tape', patternBytes(4, 5000), 'newer');
  world.crash('keep'); // so that there is a journal behind the checkpoint
  return world;
}
const newer = Buffer.concat([tapeBytes, patternBytes(4, 5000)]);

test('a shredded volume is gone at once, with its snapshots; what it shared stays', async (t) => {
  const world = await filled(1);
  let group = await world.open();
  const open = await group.open('tape');
  await t.throwsAsync(group.shred('tape'), { instanceOf: StoreError, code: 'locked' });
  await open.close();
  await group.shred('tape');
  await t.throwsAsync(group.shred('tape'), { instanceOf: StoreError, code: 'missing' });
  await t.throwsAsync(group.open('tape'), { instanceOf: StoreError, code: 'missing' });
  t.deepEqual([await group.list(), await group.snapshots('tape')], [['other'], []]);
  const { uniqueBytes } = await group.sizes();
  await group.collect({ garbageShareMin: 0 });
  await group.close();
  group = await world.open();
  await group.collect({ garbageShareMin: 0 });
  t.true((await group.sizes()).uniqueBytes < uniqueBytes - 200_000, 'chunks that only it had are garbage');
  t.true((await readFrom(group, 'other')).equals(otherBytes));
  // The name may be used again.
  await write(group, 'tape', shared);
  await group.close();
  t.true((await readFrom(await world.open(), 'tape')).equals(shared));
});

test('files from before the shredding do not open it, with the key and all', async (t) => {
  const world = await filled(2);
  const before = await world.contents();
  const group = await world.open();
  await group.shred('tape');
  await group.close();
  const after = await world.contents();
  const tables = (of: ReadonlyMap<string, Buffer>): string[] =>
    [...of.keys()].filter((path) => path.includes('/keys/'));
  t.notDeepEqual(tables(after), tables(before));
  for (const path of tables(before)) t.false(after.has(path), `${path} is removed`);
  // Everything as it was, but for what holds the key of the epoch.
  const superblocks = [...after].filter(([path]) => path.includes('superblock'));
  const keys = tables(after).map((path): [string, Buffer] => [path, after.get(path) ?? Buffer.alloc(0)]);
  await world.restore(new Map([...before, ...superblocks, ...keys]));
  const late = await world.open();
  t.true((await late.list()).includes('tape'), 'the journal of before speaks of it');
  await t.throwsAsync(late.open('tape'), { instanceOf: StoreError, code: 'corrupt' });
  await t.throwsAsync(
    late.rollback('tape', 'monday').then(async () => await late.open('tape')),
    { code: 'corrupt' },
  );
  t.true((await readFrom(late, 'other')).equals(otherBytes));
  await late.close();
  // Without the tables of after: nothing opens those of before.
  await world.restore(new Map([...before, ...superblocks]));
  await t.throwsAsync(world.open(), {
    instanceOf: StoreError,
    code: 'corrupt',
    message: /keys of the volumes/,
  });
  // So it is the superblocks that matter.
  await world.restore(before);
  t.true((await readFrom(await world.open(), 'tape')).equals(newer));
});

for (const fate of ['drop', 'keep', 'torn'] as const) {
  test(`the power fails at any disk call of a shredding (${fate}): the volume is intact, or gone for good`, async (t) => {
    const origin = await filled(3);
    let [intact, gone] = [0, 0];
    for (let calls = 0; ; calls++) {
      const world = await origin.copy(calls + 10);
      const group = await world.open();
      const done = await world.interrupted(async () => await group.shred('tape'), calls, fate);
      const again = await world.open();
      const isThere = (await again.list()).includes('tape');
      if (done) t.false(isThere, 'it was said to be gone');
      if (isThere) {
        intact += 1;
        t.true((await readFrom(again, 'tape')).equals(newer), `${calls}`);
        t.deepEqual(await again.snapshots('tape'), ['monday']);
      } else {
        gone += 1;
        t.deepEqual(await again.snapshots('tape'), []);
        await again.close();
        // The next life has finished it: with files of before, nothing opens.
        const keys = [...(await world.contents())].filter(([path]) => /superblock|\/keys\//.test(path));
        await world.restore(new Map([...(await origin.contents()), ...keys]));
        const late = await world.open();
        await t.throwsAsync(late.open('tape'), { code: 'corrupt' }, `${calls}`);
      }
      if (done) break;
    }
    t.true(intact > 5 && gone > 5, `${intact} intact, ${gone} gone`);
  });

  test(`the power fails at any disk call of a change of keys (${fate}): one of them opens everything`, async (t) => {
    const origin = await filled(4);
    const seen = new Set<string>();
    for (let calls = 0; ; calls++) {
      const world = await origin.copy(calls + 10);
      const group = await world.open();
      const done = await world.interrupted(async () => await group.rotateKey(fileKey('two')), calls, fate);
      const before = await world.contents();
      const first = await opened(world, 'two');
      const again = first ?? (await opened(world, 'one'));
      if (again === undefined) return t.fail(`no key opens it after ${calls} calls`);
      if (done) t.truthy(first, 'the new one was said to open it');
      seen.add(first === undefined ? 'one' : 'two');
      if (first === undefined) t.true(before.size > 0);
      t.true((await readFrom(again, 'tape')).equals(newer));
      await again.close();
      const other = first === undefined ? 'two' : 'one';
      t.is(await opened(world, other), undefined, 'from then on only that one');
      if (done) break;
    }
    t.deepEqual([...seen].toSorted(), ['one', 'two']);
  });
}
async function opened(world: SealedWorld, key: string): Promise<DedupGroup | undefined> {
  try {
    return await world.open(fileKey(key));
  } catch (cause) {
    if (!(cause instanceof RefusedError) || cause.code !== 'unauthorized') throw cause;
    return undefined;
  }
}

test('a fork has a key of its own: shredding either leaves the other', async (t) => {
  for (const shredded of ['tape', 'copy']) {
    const world = await filled(5);
    let group = await world.open();
    await group.fork('tape', 'copy', 'monday');
    await group.fork('tape', 'latest');
    t.true((await readFrom(group, 'copy')).equals(tapeBytes));
    await write(group, 'copy', patternBytes(6, 1000));
    world.crash();
    group = await world.open();
    await group.shred(shredded);
    await group.collect({ garbageShareMin: 0 });
    await group.close();
    group = await world.open();
    const grown = Buffer.concat([tapeBytes, patternBytes(6, 1000)]);
    const expected = { tape: newer, copy: grown, latest: newer, other: otherBytes };
    for (const [id, bytes] of Object.entries(expected)) {
      if (id === shredded) t.false((await group.list()).includes(id));
      else t.true((await readFrom(group, id)).equals(bytes), id);
    }
    await group.close();
  }
});

test('a full disk refuses shredding and leaves the volume; so does a disk that fails, or it is gone', async (t) => {
  const origin = await filled(6);
  for (const fault of ['full', 'io'] as const) {
    let [intact, gone] = [0, 0];
    for (let at = 0; ; at++) {
      const world = await origin.copy(at + 10);
      const group = await world.open();
      let left = at;
      world.disk.fault = ({ kind }) => {
        if (kind !== 'write' && kind !== 'sync') return undefined;
        left -= 1;
        return left === -1 ? fault : undefined;
      };
      const error = await group.shred('tape').then(
        () => undefined,
        (cause: unknown) => cause,
      );
      world.disk.fault = undefined;
      const isThere = (await group.list()).includes('tape');
      if (error === undefined) t.false(isThere);
      else t.true(error instanceof StoreError);
      if (isThere) {
        intact += 1;
        t.true((await readFrom(group, 'tape')).equals(newer), `${fault} ${at}`);
      } else gone += 1;
      t.true((await readFrom(group, 'other')).equals(otherBytes), `${fault} ${at}`);
      await group.close();
      const again = await world.open();
      t.is((await again.list()).includes('tape'), isThere);
      if (left >= 0) break;
    }
    t.true(intact > 2 && gone > 2, `${fault}: ${intact} intact, ${gone} gone`);
  }
});

test('a group without encryption says so', async (t) => {
  const world = new SealedWorld(7);
  const group = await world.open('none');
  await write(group, 'tape', shared);
  t.false(group.isEncrypted);
  await t.throwsAsync(group.shred('tape'), { instanceOf: RefusedError, code: 'conflict' });
  await t.throwsAsync(group.rotateKey(fileKey('two')), { instanceOf: RefusedError, code: 'conflict' });
  t.true((await readFrom(group, 'tape')).equals(shared));
});

test('the power fails at any disk call while a group is made: it is made again, or is there', async (t) => {
  for (const fate of ['drop', 'keep', 'torn'] as const) {
    for (let calls = 0; ; calls++) {
      const world = new SealedWorld(calls + 20);
      const done = await world.interrupted(async () => await world.open(), calls, fate);
      const group = await world.open();
      t.true(group.isEncrypted);
      await write(group, 'tape', shared);
      await group.close();
      t.is(await opened(world, 'two'), undefined);
      t.true((await readFrom(await world.open(), 'tape')).equals(shared), `${fate} ${calls}`);
      if (done) break;
    }
  }
});

test('a volume that is being read or verified is not shredded', async (t) => {
  const world = await filled(8);
  const group = await world.open();
  const view = await group.view('tape@monday');
  await t.throwsAsync(group.shred('tape'), { instanceOf: StoreError, code: 'locked', message: /being read/ });
  await view.close();
  await group.shred('tape');
  await t.throwsAsync(group.view('tape@monday'), { instanceOf: StoreError, code: 'missing' });
});

test('keys are read again as often as it takes after a disk that failed', async (t) => {
  const world = await filled(9);
  const group = await world.open();
  let failing = true;
  world.disk.fault = ({ kind, path }) =>
    failing && path.includes('superblock') && (kind === 'sync' || kind === 'open') ? 'io' : undefined;
  await t.throwsAsync(group.rotateKey(fileKey('two')), { instanceOf: StoreError });
  for (let i = 0; i < 3; i++) await t.throwsAsync(group.list(), { instanceOf: StoreError, code: 'io' });
  failing = false;
  t.true((await readFrom(group, 'tape')).equals(newer));
  await group.rotateKey(fileKey('two'));
  await group.close();
  t.is(await opened(world, 'one'), undefined);
  t.true((await readFrom(await world.open(fileKey('two')), 'tape')).equals(newer));
});
