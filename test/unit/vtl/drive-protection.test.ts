/** Write protection, WORM, append-only mode, generations, cleaning. */
import test from 'ava';
import { DriveBench } from './drive-bench.js';

test('a protected cartridge is only read, and TapeAlert says so', async (t) => {
  const bench = new DriveBench();
  const cartridge = await bench.load();
  await bench.write(Buffer.from('kept'));
  await bench.mark();
  cartridge.setWriteProtected(true);
  t.is(bench.drive.writable, 'write-protected');
  const refused = { code: 'write-protected' };
  await t.throwsAsync(bench.write(Buffer.from('x')), refused);
  await t.throwsAsync(bench.mark(), refused);
  await bench.drive.rewind();
  await t.throwsAsync(bench.drive.erase(false), refused);
  await t.throwsAsync(bench.drive.format([1e9]), refused);
  t.true(bench.drive.tapeAlerts.has('writeProtect'));
  t.is(String(await bench.read()), 'kept');
  await bench.mark(0);
});

test('a WORM medium grows at its end only; all trailing filemarks but the first may be written over', async (t) => {
  const bench = new DriveBench();
  await bench.load('A00001LY');
  t.is(bench.drive.writable, 'worm');
  await bench.write(Buffer.from('one'));
  await bench.mark(3);
  await bench.drive.locate({ object: 1 });
  await t.throwsAsync(bench.write(Buffer.from('x')), { code: 'worm-violation' });
  await bench.drive.locate({ object: 2 });
  await bench.write(Buffer.from('two'));
  t.is(bench.drive.partitions[0]?.objects, 3);
  await bench.drive.rewind();
  const violation = { code: 'worm-violation' };
  await t.throwsAsync(bench.write(Buffer.from('x')), violation);
  await t.throwsAsync(bench.drive.erase(false), violation);
  await t.throwsAsync(bench.drive.format([1e9]), violation);
  t.true(bench.drive.tapeAlerts.has('wormOverwrite'));
  t.is(String(await bench.read()), 'one');
  t.is(await bench.read(), 'filemark');
  t.is(String(await bench.read()), 'two');
});

test('append-only mode allows one overwrite at the place that was named', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  for (const text of ['a', 'b', 'c']) await bench.write(Buffer.from(text));
  bench.drive.setAppendOnly(true);
  await bench.drive.locate({ object: 1 });
  await t.throwsAsync(bench.write(Buffer.from('x')), { code: 'append-only-violation' });
  bench.drive.allowOverwrite({ partition: 0, object: 2 });
  await t.throwsAsync(bench.write(Buffer.from('x')), { code: 'append-only-violation' });
  bench.drive.allowOverwrite({ partition: 0, object: 1 });
  await bench.write(Buffer.from('x'));
  t.is(bench.drive.partitions[0]?.objects, 2);
  await bench.drive.rewind();
  await t.throwsAsync(bench.write(Buffer.from('y')), { code: 'append-only-violation' });
  await t.throwsAsync(bench.drive.format([1e9]), { code: 'append-only-violation' });
  bench.drive.allowOverwrite('format');
  await bench.drive.format([1e9]);
  t.is(bench.drive.partitions[0]?.objects, 0);
});

test('older generations are read, or refused', async (t) => {
  const bench = new DriveBench({ generation: 6 });
  await bench.load('A00001L4');
  t.is(bench.drive.writable, 'read-only-generation');
  await t.throwsAsync(bench.write(Buffer.from('x')), { code: 'read-only-generation' });
  t.true(bench.drive.tapeAlerts.has('readOnlyFormat'));
  await bench.drive.remove();
  await bench.drive.insert(await bench.cartridge('A00002L3'));
  t.is(bench.drive.state, 'refused');
  t.is(bench.drive.refusal, 'incompatible');
  t.true(bench.drive.tapeAlerts.has('unsupportedFormat'));
  await t.throwsAsync(bench.drive.rewind(), { code: 'refused' });
  t.is((await bench.drive.remove()).barcode, 'A00002L3');
  t.is(bench.drive.state, 'empty');
});

test('a cleaning cartridge is used up', async (t) => {
  const bench = new DriveBench();
  const cartridge = await bench.cartridge('CLN001CU');
  bench.drive.raiseTapeAlert('cleanNow');
  for (let left = 1; left >= 0; left--) {
    await bench.drive.insert(cartridge);
    t.is(bench.drive.state, 'cleaning');
    t.is(cartridge.cleaning?.usesLeft, left);
    t.false(bench.drive.tapeAlerts.has('cleanNow'));
    await t.throwsAsync(bench.read(), { code: 'cleaning' });
    await bench.drive.remove();
  }
  await bench.drive.insert(cartridge);
  t.is(bench.drive.state, 'refused');
  t.is(bench.drive.refusal, 'expired-cleaning');
  t.true(bench.drive.tapeAlerts.has('expiredCleaning'));
  t.is(bench.drive.counters.cleanings, 2);
});

test('removal can be prevented, by several', async (t) => {
  const bench = new DriveBench();
  await bench.load();
  bench.drive.prevent('one', true);
  bench.drive.prevent('two', true);
  bench.drive.prevent('one', false);
  await t.throwsAsync(bench.drive.unload(), { code: 'prevented' });
  await t.throwsAsync(bench.drive.remove(), { code: 'prevented' });
  t.true(bench.drive.tapeAlerts.has('noRemoval'));
  bench.drive.prevent('two', false);
  await bench.drive.remove();
  const told = bench.events.filter(({ kind }) => kind === 'removal-prevention');
  t.is(told.length, 2);
});
