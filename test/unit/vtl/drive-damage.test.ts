/** Damage, failures, and what a crash may cost. */
import test from 'ava';
import { DriveBench, settled } from './drive-bench.js';

const MiB = 1024 * 1024;

async function threeRecords(bench: DriveBench): Promise<void> {
  await bench.load();
  for (const fill of [1, 2, 3]) await bench.write(Buffer.alloc(1000, fill));
  await bench.mark();
  await bench.drive.unload();
}

test('a flipped bit is an error at its place, never other data, and reading goes on behind it', async (t) => {
  for (const [stream, offset] of [['data-0', 1500], ['objects-0', 24 + 3], ['objects-0', 24 + 17]] as const) {
    const bench = new DriveBench();
    await threeRecords(bench);
    bench.disk.rot(bench.stream(stream), offset, 4);
    await bench.drive.load();
    t.is((await bench.read())[0], 1);
    const error = await t.throwsAsync(bench.read(), { code: 'damaged' });
    t.is((error as unknown as { facts: { position: number } }).facts.position, 1);
    t.is(bench.drive.position.object, 2);
    t.is((await bench.read())[0], 3);
    t.is(await bench.read(), 'filemark');
    t.is(bench.drive.position.file, 1);
    t.true(bench.drive.tapeAlerts.has('media'));
    t.is(bench.drive.counters.uncorrectedReadErrors, 1);
    await bench.drive.readReverse();
    t.is((await bench.drive.readReverse()).kind, 'record');
    await t.throwsAsync(bench.drive.readReverse(), { code: 'damaged' });
    t.is(bench.drive.position.object, 1);
  }
}); // prettier-ignore

test('a damaged filemark index is an error, never another place', async (t) => {
  const bench = new DriveBench();
  await threeRecords(bench);
  bench.disk.rot(bench.stream('marks-0'), 0, 1);
  await bench.drive.load();
  await t.throwsAsync(bench.drive.space('filemarks', 1), { code: 'damaged' });
  await t.throwsAsync(bench.drive.locate({ file: 1 }), { code: 'damaged' });
});

test('a file that was lost is an error of its records only', async (t) => {
  const bench = new DriveBench();
  await threeRecords(bench);
  await bench.env.disk.remove(bench.stream('data-0'));
  await bench.drive.load();
  t.is(bench.drive.state, 'ready');
  await t.throwsAsync(bench.read(), { code: 'damaged' });
  await bench.drive.space('filemarks', 1);
  t.is(await bench.read(), 'eod');
});

test('a cartridge without a sound commit record is refused at load', async (t) => {
  const bench = new DriveBench();
  await threeRecords(bench);
  for (const slot of [0, 1]) bench.disk.rot('group/A00001L8.volume/commit', slot * 128 * 1024 + 9, 0);
  await bench.drive.load();
  t.is(bench.drive.state, 'refused');
  t.is(bench.drive.refusal, 'damaged');
  t.true(bench.drive.tapeAlerts.has('loadingFailure'));
});

test('a pause in writing makes it durable without being asked', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  await bench.write(Buffer.alloc(1000, 1));
  await bench.clock.pass(1500);
  await bench.write(Buffer.alloc(1000, 2));
  await bench.clock.pass(600); // not a pause of 2 s since the last record
  await bench.crash();
  t.is(await bench.read(), 'eod');
  await bench.write(Buffer.alloc(1000, 3));
  await bench.clock.pass(1500);
  await bench.write(Buffer.alloc(1000, 4));
  await bench.clock.pass(600);
  await bench.clock.pass(1500);
  await bench.crash();
  t.is((await bench.read())[0], 3);
  t.is((await bench.read())[0], 4);
});

test('an error behind the host’s back is deferred, told once, with the place of the first loss', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  await bench.write(Buffer.alloc(1000, 1));
  await bench.mark();
  await bench.write(Buffer.alloc(1000, 2));
  bench.disk.fault = ({ kind }) => (kind === 'sync' ? 'io' : undefined);
  await bench.clock.pass(2000);
  await settled();
  bench.disk.fault = undefined;
  t.true(bench.events.some(({ kind }) => kind === 'deferred-error'));
  const deferred = bench.drive.takeDeferredError();
  t.is(deferred?.code, 'io');
  t.is(deferred?.facts['position'], 2);
  t.is(bench.drive.takeDeferredError(), undefined);
  t.true(bench.drive.tapeAlerts.has('writeFailure'));
  await t.throwsAsync(bench.write(Buffer.alloc(10)), { code: 'io' });
  await t.throwsAsync(bench.mark(), { code: 'io' });
  await t.throwsAsync(bench.drive.unload(), { code: 'io' });
  t.is(bench.drive.state, 'unloaded');
  await bench.drive.load();
  t.is((await bench.read())[0], 1);
  t.is(await bench.read(), 'filemark');
  t.is(await bench.read(), 'eod');
  await bench.write(Buffer.alloc(10));
});

test('what the robot’s unloading lost is told behind the next cartridge too; what was told is not told again', async (t) => {
  const bench = new DriveBench();
  await bench.load('A00001L8');
  await bench.write(Buffer.alloc(1000, 1));
  bench.disk.fault = ({ kind }) => (kind === 'sync' ? 'io' : undefined);
  await bench.drive.remove();
  bench.disk.fault = undefined;
  await bench.load('A00002L8');
  t.is(bench.drive.takeDeferredError()?.code, 'io');
  await bench.write(Buffer.alloc(1000, 1));
  bench.disk.fault = ({ kind }) => (kind === 'sync' ? 'io' : undefined);
  await t.throwsAsync(bench.mark(), { code: 'io' });
  await bench.drive.remove();
  t.is(bench.drive.takeDeferredError(), undefined);
});

test('a full disk behind our back is no loss: the next pause tries again', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  const room = bench.disk.capacityBytes;
  await bench.write(Buffer.alloc(3 * MiB, 1));
  bench.disk.capacityBytes = 0;
  await bench.clock.pass(2000);
  t.is(bench.drive.takeDeferredError(), undefined);
  await t.throwsAsync(bench.drive.synchronize(), { code: 'full' });
  bench.disk.capacityBytes = room;
  await bench.clock.pass(2000);
  await settled();
  await bench.crash();
  t.is((await bench.read()).length, 3 * MiB);
});

test('GOOD of a synchronizing filemark holds through a crash, of an immediate one it may not', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  await bench.write(Buffer.from('durable'));
  await bench.mark(1, false);
  await bench.write(Buffer.from('buffered'));
  await bench.mark(1, true);
  await bench.crash();
  t.is(String(await bench.read()), 'durable');
  t.is(await bench.read(), 'filemark');
  t.is(await bench.read(), 'eod');
});

test('what was overwritten never comes back', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  for (let i = 0; i < 50; i++) await bench.write(Buffer.alloc(5000, i));
  await bench.mark();
  await bench.drive.locate({ object: 10 });
  await bench.write(Buffer.from('new'));
  await bench.crash();
  await bench.drive.space('eod', 0);
  t.is(bench.drive.position.object, 10);
  await bench.drive.rewind();
  await bench.drive.erase(false);
  await bench.crash();
  t.is(await bench.read(), 'eod');
});

test('what a disk kept of another life of the cartridge is damage, not data', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  await bench.write(Buffer.alloc(1000, 1));
  await bench.drive.rewind();
  const streams = ['data-0', 'objects-0'].map((name) => bench.stream(name));
  const before = streams.map((path) => bench.disk.contentOf(path));
  await bench.write(Buffer.alloc(1000, 2));
  await bench.drive.unload();
  for (const [index, path] of streams.entries()) {
    const file = await bench.env.disk.open(path, 'existing');
    await file.writeAt(before[index] ?? Buffer.alloc(0), 0);
  }
  await bench.drive.load();
  await t.throwsAsync(bench.read(), { code: 'damaged' });
});
