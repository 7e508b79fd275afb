/** Bytes that land in a stream's ring are not copied, and whatever becomes of them, nobody else's are touched. */
import test, { type ExecutionContext } from 'ava';
import { realEnv } from '#env';
import { StoreError } from '#errors';
import { Arena, DedupGroup, plainKernels, type Stream, type Volume } from '#store';
import { SimDisk } from '#support';
import { copyOf, type Slab } from '#wire';
import { ringBytes } from '../../../../src/store/engine/engine-limits.js';
import { bytesOf, label, patternBytes } from '../../../contract/store.js';
import { SimRandom } from '../../../sim/sim-random.js';

const KiB = 1024;
/** Three of them are not cut at once. */
const recordBytes = 60 * KiB;

const open = async (arena = new Arena()): Promise<DedupGroup> =>
  await DedupGroup.open({
    arena,
    env: { ...realEnv(), disk: new SimDisk({ dice: new SimRandom(1) }).begin() },
    folder: 'group',
    reserveBytes: 0,
    kernels: plainKernels,
  });
const dataOf = (volume: Volume): Stream => volume.stream('data');
function landing(stream: Stream, bytes = recordBytes): Slab {
  const slab = stream.landing?.(bytes);
  if (slab === undefined) throw new Error('Such a stream has landings');
  return slab;
}
/** They come. */
function land(slab: Slab, bytes: Buffer): void {
  let at = 0;
  for (const slice of slab.slices) at += bytes.copy(slice, 0, at);
}
async function append(stream: Stream, slab: Slab): Promise<void> {
  await stream.append(slab.slices);
  slab.release();
}
const record = (seed: number): Buffer => patternBytes(seed, recordBytes);
/** What is put into the memory of its last record now is read: it is the stream's own. */
async function isInPlace(t: ExecutionContext, stream: Stream, slab: Slab): Promise<void> {
  const [first] = slab.slices;
  const before = first?.[0] ?? 0;
  first?.fill(before ^ 0xff, 0, 1);
  const [read] = await bytesOf(stream, stream.length - slab.length, 1);
  t.is(read, before ^ 0xff);
  first?.fill(before, 0, 1);
}

test('records that land one behind the other are appended where they are', async (t) => {
  const group = await open();
  const stream = dataOf(await group.create('tape'));
  await stream.append([record(3)]); // room on the disk is asked for
  const slabs = [1, 2, 3].map(() => landing(stream));
  for (const [index, slab] of slabs.entries()) land(slab, record(index));
  for (const slab of slabs) {
    await stream.append(slab.slices);
    await isInPlace(t, stream, slab);
    slab.release();
  }
  t.true((await bytesOf(stream, 0, stream.length)).equals(Buffer.concat([3, 0, 1, 2].map(record))));
  await group.close();
});

test('one that is given up costs a copy of those that were on their way behind it, and no more', async (t) => {
  const group = await open();
  const stream = dataOf(await group.create('tape'));
  const [given, ...others] = [1, 2, 3].map(() => landing(stream));
  for (const [index, slab] of others.entries()) land(slab, record(index));
  given?.release();
  for (const slab of others) await append(stream, slab);
  const next = landing(stream);
  land(next, record(2));
  await stream.append(next.slices);
  await isInPlace(t, stream, next);
  next.release();
  t.true((await bytesOf(stream, 0, stream.length)).equals(Buffer.concat([0, 1, 2].map(record))));
  await group.close();
});

test('what comes from elsewhere is put nowhere where others have room', async (t) => {
  const group = await open();
  const stream = dataOf(await group.create('tape'));
  await stream.append([record(7)]);
  const slabs = [0, 1].map(() => landing(stream));
  for (const [index, slab] of slabs.entries()) land(slab, record(index));
  await stream.append([record(8), record(9)]);
  for (const [index, slab] of slabs.entries()) t.true(copyOf(slab).equals(record(index)));
  for (const slab of slabs.toReversed()) await append(stream, slab);
  t.true((await bytesOf(stream, 0, stream.length)).equals(Buffer.concat([7, 8, 9, 1, 0].map(record))));
  await group.close();
});

test('there is as much as was set aside; one that found nothing has its place in the order all the same', async (t) => {
  const group = await open();
  const stream = dataOf(await group.create('tape'));
  const slabs = Array.from({ length: 200 }, () => landing(stream));
  const landed = slabs.filter(({ length }) => length > 0);
  t.true(landed.length >= 8 && landed.length < 200);
  t.deepEqual(slabs.slice(0, landed.length), landed);
  for (const slab of slabs) slab.release();
  t.is(landing(stream).length, recordBytes);
  await group.close();
});

test('whoever lets memory be given and sends nothing has little of it', async (t) => {
  const arena = new Arena();
  const group = await open(arena);
  let volume = await group.create('tape');
  const { byteLength: before } = arena.memory.buffer;
  for (let turn = 0; turn < 100; turn++) {
    landing(dataOf(volume));
    await dataOf(volume).append([record(turn)]);
    if (turn % 5 > 0) continue;
    await volume.commit(label('tape'));
    await volume.close();
    volume = await group.open('tape');
  }
  const content = Buffer.concat(Array.from({ length: 100 }, (_, turn) => record(turn)));
  t.true((await bytesOf(dataOf(volume), 0, content.length)).equals(content));
  t.true(arena.memory.buffer.byteLength - before < 12 * ringBytes);
  await group.close();
});

test('one that comes before those in front of it is soon forgotten', async (t) => {
  const group = await open();
  const stream = dataOf(await group.create('tape'));
  await stream.append([record(0)]);
  const out = [1, 2, 3].map(() => landing(stream));
  let end = 0;
  for (let turn = 1; turn < 40; turn++) {
    const [slab] = out.splice(turn === 4 ? 1 : 0, 1) as [Slab];
    land(slab, record(turn));
    await stream.append(slab.length > 0 ? slab.slices : [record(turn)]);
    const [first] = slab.slices;
    if (turn > 20) t.is(first?.byteOffset, end, 'they lie one behind the other again');
    end = (first?.byteOffset ?? 0) + recordBytes;
    out.push(landing(stream));
    slab.release();
  }
  const content = Buffer.concat(Array.from({ length: 40 }, (_, turn) => record(turn)));
  t.true((await bytesOf(stream, 0, content.length)).equals(content));
  await group.close();
});

test('a ring serves nobody else while something is on its way to it', async (t) => {
  const group = await open();
  const first = await group.create('first');
  const slab = landing(dataOf(first));
  land(slab, record(1));
  await first.commit(label('first'));
  await first.close();
  const second = await group.create('second');
  await dataOf(second).append([patternBytes(2, 3_000_000)]);
  t.true(copyOf(slab).equals(record(1)));
  await append(dataOf(second), slab);
  t.true((await bytesOf(dataOf(second), 3_000_000, recordBytes)).equals(record(1)));
  await group.close();
});

test('the ring goes round under records of any size', async (t) => {
  const group = await open();
  const stream = dataOf(await group.create('tape'));
  const content = patternBytes(3, 20_000_000);
  let slab = landing(stream, 1);
  let at = 0;
  for (let size = 1; at < content.length; size = (size * 7 + 11) % 300_000) {
    const bytes = content.subarray(at, at + slab.length);
    land(slab, bytes);
    const next = landing(stream, Math.max(1, Math.min(size, content.length - at - slab.length)));
    await append(stream, slab);
    at += slab.length;
    slab = next;
  }
  slab.release();
  t.true((await bytesOf(stream, 0, content.length)).equals(content));
  await group.close();
});

test('where there is no memory for a ring nothing lands, and appending says why', async (t) => {
  const arena = new Arena();
  const group = await open(arena);
  const stream = dataOf(await group.create('tape'));
  arena.allocate = () => {
    throw new StoreError('io', 'There is no more memory');
  };
  t.is(stream.landing?.(recordBytes), undefined);
  await t.throwsAsync(async () => await stream.append([record(1)]), { instanceOf: StoreError, code: 'io' });
  t.is(stream.length, 0);
  await group.close();
});
