/** What is appended is answered at once, and finds its way into containers behind the writer's back. */
import test from 'ava';
import { realEnv } from '#env';
import { StoreError } from '#errors';
import { DedupGroup, type DedupGroupOptions, plainKernels, type Stream, type Volume } from '#store';
import { DelayedCrew, SimDisk } from '#support';
import { bytesOf, label, patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const newDisk = (): SimDisk => new SimDisk({ dice: new SimRandom(1) });
const openGroup = async (disk: SimDisk, options: Partial<DedupGroupOptions> = {}): Promise<DedupGroup> =>
  await DedupGroup.open({
    env: { ...realEnv(), disk: disk.begin() },
    folder: 'group',
    reserveBytes: 0,
    kernels: plainKernels,
    ...options,
  });
const crew: Pick<DedupGroupOptions, 'crew'> = {
  crew: (arena, kernels) => new DelayedCrew(arena, kernels, new SimRandom(1)),
};
const append = async (volume: Volume, bytes: Buffer, name = 'data'): Promise<void> =>
  await volume.stream(name).append([bytes]);

test('chunks of containers of metadata are not expected in a stream', async (t) => {
  const group = await openGroup(newDisk(), { tuning: { checkpointBytes: 1000, pieceRuns: 8 } });
  const first = await group.create('first');
  const content = patternBytes(1, 6 * MiB);
  for (let at = 0; at < content.length; at += MiB) {
    await append(first, content.subarray(at, at + MiB));
    await first.commit(patternBytes(at, 100_000)); // it is stored as one chunk
  }
  const second = await group.create('second');
  for (let at = 0; at < content.length; at += 40 * KiB) {
    await append(second, content.subarray(at, at + 40 * KiB));
    await second.commit(label('two'));
  }
  t.true((await bytesOf(second.stream('data'), 0, content.length)).equals(content));
  await group.close();
});

test('a damaged region that many want at a time takes no memory away', async (t) => {
  const disk = newDisk();
  const group = await openGroup(disk, { memoryBytes: 16 * MiB });
  const volume = await group.create('tape');
  await append(volume, patternBytes(1, 3 * MiB));
  await volume.commit(label('one'));
  const stream = volume.stream('data');
  disk.rot('group/packs/000000/000000001.pack', 100_000, 3);
  for (let turn = 0; turn < 20; turn++) {
    const reads = [stream.read(0, 1000), stream.read(1000, 1000)];
    for (const one of reads) await t.throwsAsync(one, { instanceOf: StoreError, code: 'corrupt' });
  }
  t.is((await bytesOf(stream, 2 * MiB, 1000)).length, 1000);
  await group.close();
});

test('whoever has cut off what needed a container leaves it to others', async (t) => {
  const group = await openGroup(newDisk(), { memoryBytes: 8 * MiB });
  const make = async (id: string): Promise<Volume> => await group.create(id);
  const first = await Promise.all(['a', 'b', 'c'].map(make));
  const others = await Promise.all(['d', 'e', 'f'].map(make));
  for (const [index, volume] of first.entries()) await append(volume, patternBytes(index, 300 * KiB));
  for (const [index, volume] of others.entries()) {
    await append(volume, patternBytes(10 + index, 300 * KiB));
    volume.stream('data').truncate(0);
  }
  const last = await make('last');
  for (let turn = 0; turn < 4; turn++) {
    await append(last, patternBytes(20 + turn, 5 * MiB));
    await last.commit(label('last'));
  }
  t.is(last.stream('data').length, 20 * MiB);
  await group.close();
});

interface Tape {
  readonly disk: SimDisk;
  readonly group: DedupGroup;
  readonly volume: Volume;
  readonly stream: Stream;
  readonly content: Buffer;
}
/** 3 MiB are committed, on a disk with not much room for more. */
async function nearlyFull(): Promise<Tape> {
  const disk = newDisk();
  disk.capacityBytes = 8 * MiB;
  const group = await openGroup(disk);
  const volume = await group.create('tape');
  const content = patternBytes(1, 3 * MiB);
  await append(volume, content);
  await volume.commit(label('one'));
  return { disk, group, volume, stream: volume.stream('data'), content };
}

test('an append that fails for want of news of the disk leaves everything as it was', async (t) => {
  const { disk, group, volume, stream, content: before } = await nearlyFull();
  let content = before;
  let asked = 0;
  disk.fault = ({ kind }) => (kind === 'free' && (asked += 1) === 3 ? 'io' : undefined);
  const more = Buffer.concat([patternBytes(1, 2 * MiB), patternBytes(2, 3 * MiB)]);
  await t.throwsAsync(append(volume, more), { instanceOf: StoreError, code: 'io' });
  disk.fault = undefined;
  disk.capacityBytes = 100 * MiB;
  t.is(stream.length, content.length);
  const last = patternBytes(3, 700_000);
  await append(volume, last);
  await volume.commit(label('two'));
  content = Buffer.concat([content, last]);
  t.true((await bytesOf(stream, 0, content.length)).equals(content));
  await group.close();
});

test('what was read while an append was under way that was refused is not what lies there later', async (t) => {
  const { disk, group, volume, stream, content } = await nearlyFull();
  const reads: Promise<Buffer>[] = [];
  disk.fault = ({ kind }) => {
    if (kind === 'free') reads.push(bytesOf(stream, content.length - 1000, 1000));
    return undefined;
  };
  await t.throwsAsync(append(volume, patternBytes(2, 9 * MiB)), { instanceOf: StoreError, code: 'full' });
  disk.fault = undefined;
  t.true(reads.length > 10);
  for (const read of reads) t.true((await read).equals(content.subarray(-1000)));
  disk.capacityBytes = 100 * MiB;
  const last = patternBytes(3, 700_000);
  await append(volume, last);
  await volume.commit(label('two'));
  t.true(
    (await bytesOf(stream, content.length - 1000, 101_000)).subarray(1000).equals(last.subarray(0, 100_000)),
  );
  await group.close();
});

test('a read under way when its volume is closed is told so', async (t) => {
  const disk = newDisk();
  const group = await openGroup(disk);
  const volume = await group.create('tape');
  await append(volume, patternBytes(1, 3 * MiB));
  await volume.commit(label('one'));
  let closed: Promise<void> | undefined;
  disk.fault = ({ kind }) => {
    if (kind === 'read') closed ??= volume.close();
    return undefined;
  };
  const read = volume.stream('data').read(0, 3 * MiB);
  await t.throwsAsync(read, { instanceOf: StoreError, code: 'broken' });
  await closed;
  await group.close();
});

test('a read under way when what it reads is cut off says nothing about what comes there later', async (t) => {
  const disk = newDisk();
  const options = { tuning: { checkpointBytes: 1000, pieceRuns: 8 } };
  let group = await openGroup(disk, options);
  let volume = await group.create('tape');
  for (let round = 0; round < 30; round++) {
    await append(volume, patternBytes(round, 200 * KiB));
    await volume.commit(label('one'));
  }
  await group.close();
  group = await openGroup(disk, options);
  volume = await group.open('tape');
  const stream = volume.stream('data');
  let isCut = false;
  disk.fault = ({ kind }) => {
    if (kind === 'read' && !isCut) {
      isCut = true;
      stream.truncate(0);
    }
    return undefined;
  };
  await Promise.allSettled([bytesOf(stream, 0, 1000)]);
  t.true(isCut, 'the recipe has to be fetched');
  await volume.commit(label('cut'));
  const content = patternBytes(100, 500 * KiB);
  await append(volume, content);
  await volume.commit(label('two'));
  t.true((await bytesOf(stream, 0, 10_000)).equals(content.subarray(0, 10_000)));
  await group.close();
});

test('what was looked up of a recipe says nothing about what comes there when it has been cut off', async (t) => {
  const group = await openGroup(newDisk(), { tuning: { checkpointBytes: 1000, pieceRuns: 2 } });
  const base = patternBytes(1, 6 * MiB);
  await append(await group.create('base'), base);
  const volume = await group.create('tape');
  const stream = volume.stream('data');
  const random = new SimRandom(5);
  /** Of many runs, some in pieces by the end. */
  const extended = async (content: Buffer): Promise<Buffer> => {
    const parts = [content];
    for (let part = 0; part < 16; part++) {
      const at = random.integer(base.length - 200 * KiB);
      parts.push(base.subarray(at, at + 200 * KiB));
      await append(volume, base.subarray(at, at + 200 * KiB));
      await volume.commit(label('some'));
    }
    return Buffer.concat(parts);
  };
  const isRight = async (content: Buffer, at: number): Promise<boolean> =>
    (await bytesOf(stream, at, 50 * KiB)).equals(content.subarray(at, at + 50 * KiB));
  let content = await extended(Buffer.alloc(0));
  for (let round = 0; round < 8; round++) {
    for (let at = 0; at < content.length; at += 50 * KiB) t.true(await isRight(content, at));
    const leftBytes = (2 + round) * 50 * KiB;
    stream.truncate(leftBytes);
    await volume.commit(label('cut'));
    // Every other time, one piece of what is left is looked up.
    for (let at = 0; round % 2 === 1 && at < leftBytes; at += 50 * KiB) t.true(await isRight(content, at));
    content = await extended(content.subarray(0, leftBytes));
    for (let at = content.length - 100 * KiB; at > 0; at -= 100 * KiB)
      t.true(await isRight(content, at), `${at}`);
  }
  await group.close();
});

test('a commit that fails is over for all streams of the volume', async (t) => {
  const disk = newDisk();
  const group = await openGroup(disk, { ...crew, memoryBytes: 8 * MiB });
  const others = await Promise.all(['a', 'b', 'c'].map(async (id) => await group.create(id)));
  for (const [index, volume] of others.entries()) await append(volume, patternBytes(index, 700 * KiB));
  const volume = await group.create('tape');
  disk.capacityBytes = 0;
  for (const name of ['one', 'two', 'three']) await append(volume, patternBytes(7, 3 * MiB), name);
  await t.throwsAsync(volume.commit(label('one')), { instanceOf: StoreError, code: 'full' });
  for (const name of ['one', 'two', 'three']) volume.stream(name).truncate(0);
  disk.capacityBytes = 100 * MiB;
  await volume.commit(label('two'));
  t.deepEqual(volume.streams(), []);
  await group.close();
});

test('bytes that are being appended are counted from the beginning', async (t) => {
  const group = await openGroup(newDisk(), crew);
  const volume = await group.create('tape');
  await append(volume, patternBytes(2, 1000)); // from now on there is a grant
  const before = (await group.space()).usedBytes;
  const appending = append(volume, patternBytes(1, 20 * MiB));
  const { usedBytes } = await group.space();
  t.true(usedBytes >= before + 20 * MiB, `${usedBytes - before}`);
  await appending;
  await group.close();
});

test('what is stored does not depend on who works, and how fast', async (t) => {
  const packOf = async (how: Partial<DedupGroupOptions>): Promise<Buffer> => {
    const disk = newDisk();
    const group = await openGroup(disk, {
      id: '5bb3a2c4-8a35-4b56-9d0e-2f1b6a7c8d9e',
      density: 'fast',
      ...how,
    });
    const volume = await group.create('tape');
    for (const seed of [1, 2, 1, 3, 2]) {
      for (const more of [0, 10, 20]) await append(volume, patternBytes(seed + more, 900 * KiB));
      await volume.commit(label('one'));
    }
    await group.close();
    return disk.contentOf('group/packs/000000/000000001.pack');
  };
  const alone = await packOf({});
  t.true(alone.length > 4 * MiB);
  t.true(alone.equals(await packOf(crew)));
});

test('what two ask for at a time is not granted to both, if there is room for one', async (t) => {
  const capacityBytes = 20 * MiB;
  const group = await openGroup(newDisk(), { capacityBytes });
  const volumes = await Promise.all(['a', 'b', 'c'].map(async (id) => await group.create(id)));
  const appends = volumes.map(async (volume, seed) => await append(volume, patternBytes(seed, 12 * MiB)));
  const codes = (await Promise.allSettled(appends)).map((end) =>
    end.status === 'rejected' ? (end.reason as StoreError).code : 'done',
  );
  t.deepEqual(codes.toSorted(), ['done', 'full', 'full']);
  for (const volume of volumes) await volume.commit(label('all that was accepted'));
  t.true((await group.space()).usedBytes <= capacityBytes);
  await group.close();
});
