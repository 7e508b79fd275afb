/** A record that nothing has to be waited for is written when the call returns; the others are written in their order. */
import test from 'ava';
import { DriveBench } from './drive-bench.js';

const piece = Buffer.alloc(1000, 1);

/** A drive that has written a record: file, room and turn are there. */
async function warm(): Promise<DriveBench> {
  const bench = new DriveBench();
  await bench.load();
  await bench.write(piece);
  return bench;
}

test('a record is written, and given back, when the call returns', async (t) => {
  const { drive } = await warm();
  let released = 0;
  const record = { length: piece.length, slices: [piece], release: () => (released += 1) };
  for (let written = 1; written <= 3; written++) {
    const result = drive.writeRecord(record);
    t.false(result instanceof Promise);
    t.deepEqual(result, { earlyWarning: false, programmableEarlyWarning: false });
    t.is(released, written);
    t.is(drive.position.object, 1 + written);
  }
  const { recordsWritten, hostBytesWritten, mediumBytesWritten, bytesSinceCleaning } = drive.counters;
  t.deepEqual(
    [recordsWritten, hostBytesWritten, mediumBytesWritten, bytesSinceCleaning],
    [4, 4000, 4000, 4000],
  );
  t.is(drive.counters.sinceLoad.hostBytesWritten, 4000);
  t.is(drive.volumeStatistics?.life.recordsWritten, 4);
  t.is(drive.volumeStatistics?.lastLoad.mediumBytesWritten, 4000);
});

test('behind what has the turn it is written in its order', async (t) => {
  const bench = await warm();
  const { drive } = bench;
  const before = drive.synchronize();
  const [first, second] = [Buffer.alloc(10, 'a'), Buffer.alloc(10, 'b')];
  const writing = [bench.write(first), bench.write(second)];
  t.is(drive.position.object, 1);
  await Promise.all([before, ...writing]);
  t.is(drive.position.object, 3);
  await drive.locate({ object: 1 });
  t.deepEqual(await bench.read(), first);
  t.deepEqual(await bench.read(), second);
});

test('what is refused at once is given back too, and the drive goes on', async (t) => {
  const bench = await warm();
  const { drive } = bench;
  let released = 0;
  const none = { length: 0, slices: [], release: () => (released += 1) };
  t.throws(() => drive.writeRecord(none), { code: 'record-too-large' });
  t.is(released, 1);
  t.false(
    drive.writeRecord({ length: 10, slices: [Buffer.alloc(10)], release: () => undefined }) instanceof
      Promise,
  );
  t.is(drive.position.object, 2);
});

test('with a key the record is sealed and written at once', async (t) => {
  const bench = await warm();
  const key = Buffer.alloc(32, 7);
  const none = Buffer.alloc(0);
  const keyData = { unauthenticated: none, authenticated: none, metadata: none };
  const modes = { encryption: 'encrypt', decryption: 'mixed' } as const;
  bench.drive.encryption.set({ ...modes, key, keyData, rawAllowed: false, clearOnDemount: false });
  const record = Buffer.alloc(5000, 'secret');
  t.false(
    bench.drive.writeRecord({ length: 5000, slices: [record], release: () => undefined }) instanceof Promise,
  );
  t.true(bench.drive.counters.mediumBytesWritten > bench.drive.counters.hostBytesWritten);
  await bench.drive.locate({ object: 1 });
  t.deepEqual(await bench.read(), record);
});
