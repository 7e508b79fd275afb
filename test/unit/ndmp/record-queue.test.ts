/** Memory of a drive's in the queue of a mover: filled once, and given back when nobody writes to it any more. */
import test, { type ExecutionContext } from 'ava';
import { copyOf, SlabPool } from '#wire';
import { RecordQueue } from '../../../src/ndmp/record-queue.js';
import { FakeLandings, type LandingKind } from './fake-landings.js';
import { image } from './mover-world.js';

const KiB = 1024;
const recordBytes = 64 * KiB;
const batchBytes = 4 * recordBytes;
const poolBytes = 16 * batchBytes;

function world(...kinds: LandingKind[]) {
  const pool = new SlabPool({ blockBytes: batchBytes, blocksMax: 16 });
  const landings = new FakeLandings();
  landings.kinds = kinds;
  const queue = new RecordQueue(
    pool,
    recordBytes,
    () => undefined,
    (bytes) => landings.take(bytes),
  );
  let pushed = 0;
  let taken = 0;
  return {
    pool,
    landings,
    queue,
    /** The next bytes of the image, as a link brings them. */
    push: (bytes: number): void => {
      const chunk = image(pushed, pushed + bytes);
      pushed += bytes;
      queue.push(chunk);
      chunk.fill(0xdb);
    },
    /** They are read to where the queue wanted them. */
    read: (room: Buffer | undefined, bytes: number): void => {
      const chunk = room?.subarray(0, bytes) ?? Buffer.alloc(bytes);
      image(pushed, pushed + bytes).copy(chunk);
      pushed += bytes;
      queue.push(chunk);
    },
    /** The tape takes so many records. */
    take: (t: ExecutionContext, records: number): void => {
      for (let left = records; left > 0; left--) {
        const record = queue.peek();
        if (record === undefined) throw new Error('There is no record');
        t.true(copyOf(record).equals(image(taken, taken + recordBytes)));
        taken += recordBytes;
        landings.wrote(record);
        queue.shift();
      }
    },
    get isClean(): boolean {
      return landings.isClean && pool.freeBytes === poolBytes;
    },
  };
}

test('memory of the drive is filled once, and given back when all of it was written', (t) => {
  const { queue, landings, push, take, pool } = world('whole', 'split');
  for (let batch = 0; batch < 4; batch++) {
    for (let record = 0; record < 4; record++) {
      t.is(landings.outCount, Math.min(record, 1));
      push(recordBytes);
      take(t, 1);
    }
  }
  t.is(landings.outCount, 0);
  t.is(landings.writtenInPlace, 16 * recordBytes);
  t.is(pool.freeBytes, poolBytes);
  push(recordBytes);
  queue.close();
  t.true(landings.isClean);
});

test('the link reads to where the records are, and to where long readings go first', (t) => {
  const { queue, push, read, take, landings } = world('whole');
  t.is(queue.room()?.length, batchBytes);
  read(queue.room(), recordBytes);
  t.is(queue.room()?.length, 3 * recordBytes);
  read(queue.room(), 100);
  t.is(queue.room(), undefined, 'what came was short: more of it is copied');
  push(recordBytes);
  t.is(queue.room()?.length, 64 - 36);
  read(queue.room(), 28);
  t.is(queue.room()?.length, 2 * recordBytes - 128);
  read(queue.room(), 2 * recordBytes - 128);
  t.is(queue.room()?.length, batchBytes, 'the next');
  take(t, 4);
  t.is(landings.outCount, 1);
  queue.close();
  t.is(landings.outCount, 1);
  queue.end();
  t.true(landings.isClean);
});

test('where a link may read to is given back when it has, whatever became of the records there', (t) => {
  const here = world('whole');
  const { queue, push, read, take, landings } = here;
  push(recordBytes);
  const room = queue.room();
  queue.leave();
  t.true(queue.isLent);
  t.is(landings.outCount, 1);
  t.is(here.pool.freeBytes, poolBytes - batchBytes, 'a copy');
  queue.recut(recordBytes);
  queue.goBack();
  t.is(landings.outCount, 2);
  read(room, 2 * recordBytes);
  t.false(queue.isLent);
  t.is(landings.outCount, 1, 'it has come');
  take(t, 3);
  push(recordBytes);
  t.is(queue.room()?.length, batchBytes);
  queue.close();
  t.is(landings.outCount, 1, 'the link may still read there');
  queue.end();
  t.true(here.isClean);
});

test('a place among what is expected is kept with the memory that takes it', (t) => {
  const here = world('empty', 'none', 'whole');
  const { queue, push, take, landings } = here;
  push(2 * recordBytes);
  take(t, 2);
  t.is(landings.outCount, 1);
  push(2 * recordBytes);
  take(t, 2);
  t.is(landings.outCount, 0);
  push(batchBytes);
  t.is(landings.outCount, 0);
  push(recordBytes);
  t.is(landings.outCount, 1);
  take(t, 5);
  queue.end();
  queue.close();
  t.true(here.isClean);
});

test('while the drive is anybody’s nothing lies in its memory, and nothing new is put there', (t) => {
  const here = world('whole', 'empty', 'split', 'whole');
  const { queue, push, take, landings } = here;
  push(3 * batchBytes);
  t.is(landings.outCount, 3);
  queue.leave();
  t.is(landings.outCount, 0);
  push(recordBytes);
  t.is(queue.room(), undefined);
  t.is(landings.outCount, 0);
  queue.goBack();
  t.is(landings.outCount, 4);
  take(t, 13);
  queue.close();
  t.true(here.isClean);
});

test('what waits for memory takes that of the drive when there is some first', async (t) => {
  const here = world('whole', 'none', 'whole', 'none');
  const { queue, push, take, landings, pool } = here;
  const others = pool.take(poolBytes);
  push(2 * batchBytes);
  t.true(queue.isFull);
  take(t, 4);
  t.false(queue.isFull);
  take(t, 4);
  others?.release();
  await Promise.resolve();
  push(recordBytes);
  take(t, 1);
  queue.close();
  await Promise.resolve();
  t.true(here.isClean);
  t.is(landings.writtenInPlace, 2 * batchBytes);
});
