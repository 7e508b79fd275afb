/** Early warning, the end of the partition, full groups. */
import test from 'ava';
import { realEnv } from '#env';
import { Drive, type DriveError } from '#vtl';
import { copyOf, ownedSlab } from '#wire';
import { DriveBench } from './drive-bench.js';

const KiB = 1024;
const MiB = 1024 * KiB;

test('the whole capacity comes before early warning, then there is a reserve, then the end', async (t) => {
  const bench = new DriveBench();
  await bench.load('A00001L8', { sizeBytes: 16 * MiB });
  const piece = Buffer.alloc(64 * KiB, 1);
  let warned: number | undefined;
  let written = 0;
  const fill = async (): Promise<void> => {
    for (;;) {
      const { earlyWarning } = await bench.write(piece);
      written += 1;
      t.is(earlyWarning, bench.drive.position.earlyWarning);
      if (earlyWarning) warned ??= written;
    }
  };
  const error = await t.throwsAsync(fill(), { code: 'volume-overflow' });
  t.truthy(error);
  t.is(warned, 256); // 16 MiB of records; their entries count too
  t.true(written * piece.length >= 19 * MiB && written * piece.length <= 20 * MiB, `${written}`);
  t.is(bench.drive.position.object, written);
  t.is(bench.drive.partitions[0]?.remainingBytes, 0);
  // What does not fit whole is not there at all; something smaller may still fit.
  await bench.write(Buffer.alloc(1000));
  const marks = await t.throwsAsync(bench.mark(2_000_000), { code: 'volume-overflow' });
  t.is((marks as { facts?: { residue?: number } }).facts?.residue !== undefined, true);
  await bench.drive.rewind();
  t.false(bench.drive.position.earlyWarning);
  await bench.drive.space('eod', 0);
  t.true(bench.drive.position.earlyWarning);
});

test('programmable early warning is told once, when its zone is entered', async (t) => {
  const bench = new DriveBench();
  await bench.load('A00001L8', { sizeBytes: 8 * MiB });
  bench.drive.setProgrammableEarlyWarning(4 * MiB);
  const told: number[] = [];
  for (let i = 0; i < 7; i++) {
    const { programmableEarlyWarning, earlyWarning } = await bench.write(Buffer.alloc(MiB));
    if (programmableEarlyWarning) told.push(i);
    t.false(earlyWarning);
  }
  t.deepEqual(told, [3]);
  t.true(bench.drive.position.programmableEarlyWarning);
  t.false(bench.drive.position.earlyWarning);
});

test('a record as large as there is none larger, and none of no bytes', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  const largest = Buffer.alloc(16 * MiB - 1, 7);
  await bench.write(largest);
  await t.throwsAsync(bench.write(Buffer.alloc(16 * MiB)), { code: 'record-too-large' });
  await t.throwsAsync(bench.write(Buffer.alloc(0)), { code: 'record-too-large' });
  await bench.drive.rewind();
  t.true(largest.equals((await bench.read()) as Buffer));
});

test('a group that fills up warns early, refuses cleanly, keeps what was accepted, and goes on', async (t) => {
  const bench = new DriveBench({ capacityBytes: 160 * MiB });
  await bench.load();
  let warned = -1;
  let written = 0;
  const fill = async (): Promise<void> => {
    for (;;) {
      const { earlyWarning } = await bench.write(Buffer.alloc(MiB, written));
      if (earlyWarning && warned < 0) warned = written;
      written += 1;
    }
  };
  await t.throwsAsync(fill(), { code: 'full' });
  t.true(warned > 0 && warned < written, `warned at ${warned} of ${written}`);
  await bench.drive.synchronize();
  bench.disk.capacityBytes += 64 * MiB;
  await bench.write(Buffer.alloc(MiB, 255));
  await bench.drive.rewind();
  for (let i = 0; i < written; i++) t.is(((await bench.read()) as Buffer)[5], i % 256);
  t.is(((await bench.read()) as Buffer)[5], 255);
});

test('what was accepted before the group was full can be made durable, however small the records', async (t) => {
  const bench = new DriveBench({ capacityBytes: 80 * MiB });
  await bench.load();
  let written = 0;
  const fill = async (bytes: number): Promise<void> => {
    for (; ; written++) await bench.write(Buffer.alloc(bytes, written));
  };
  for (const bytes of [70_001, 301]) await t.throwsAsync(fill(bytes), { code: 'full' });
  await t.throwsAsync(bench.mark(2_000_000), { code: 'full' });
  const { object } = bench.drive.position;
  await bench.drive.unload();
  await bench.crash();
  t.is(bench.drive.partitions[0]?.objects, object);
  t.is(((await bench.read()) as Buffer).length, 70_001);
});

test('unloading waits for space rather than lose anything', async (t) => {
  const bench = new DriveBench({ capacityBytes: 160 * MiB });
  await bench.load();
  await bench.write(Buffer.alloc(MiB, 1));
  const room = bench.disk.capacityBytes;
  bench.disk.capacityBytes = 0;
  await t.throwsAsync(bench.drive.unload(), { code: 'full' });
  t.is(bench.drive.state, 'ready');
  bench.disk.capacityBytes = room;
  await bench.drive.unload();
  t.is(bench.drive.state, 'unloaded');
  await bench.drive.load();
  t.is(((await bench.read()) as Buffer).length, MiB);
});

test('sixteen drives on a disk that fills up behind their backs: refused, not held; a reader goes on; nothing is lost', async (t) => {
  const bench = new DriveBench({ capacityBytes: 400 * MiB });
  await bench.load('READ01L8');
  for (let i = 0; i < 20; i++) await bench.write(Buffer.alloc(MiB, i));
  await bench.drive.rewind();
  const env = { ...bench.env, clock: realEnv().clock };
  const drives = await Promise.all(
    Array.from({ length: 16 }, async (_, index) => {
      const drive = new Drive({ env, id: `d${index}`, serial: `D${index}`, generation: 8 });
      await drive.insert(await bench.cartridge(`W${index}L8`));
      await drive.writeRecord(ownedSlab(Buffer.alloc(100, index)));
      return drive;
    }),
  );
  const room = bench.disk.capacityBytes;
  bench.disk.capacityBytes = 0;
  const written = drives.map(() => 1);
  const filling = drives.map(async (drive, index) => {
    for (; ; written[index] = (written[index] ?? 0) + 1) {
      await drive.writeRecord(ownedSlab(Buffer.alloc(300_000, index)));
      if ((written[index] ?? 0) % 3 === 0) await drive.writeFilemarks(1, { immediate: true });
    }
  });
  for (const attempt of await Promise.allSettled(filling))
    t.like(attempt, { status: 'rejected', reason: { code: 'full' } as DriveError });
  for (let i = 0; i < 20; i++) t.is(((await bench.read()) as Buffer)[0], i);
  await t.throwsAsync(drives[3]?.unload() as Promise<void>, { code: 'full' });
  const objects = drives.map(({ position }) => position.object);
  bench.disk.capacityBytes = room;
  for (const [index, drive] of drives.entries()) {
    await drive.unload();
    await drive.load();
    t.is(drive.partitions[0]?.objects, objects[index]);
    for (let left = objects[index] ?? 0; left > 0; left--) {
      const found = await drive.readRecord();
      if (found.kind !== 'record') continue;
      t.true(copyOf(found.record).every((byte) => byte === index));
      found.record.release();
    }
    await drive.close();
  }
});
