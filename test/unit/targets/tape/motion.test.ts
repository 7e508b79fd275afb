import test from 'ava';
import { hex, senseText, TapeBench } from '#support';

/** Expectations: SSC-4 6.3, 6.6, 7.3, 7.4, 7.7 and 7.12; residues as Linux st reads them: numbers without sign. */

/** Objects: r r FM r r r FM FM r; 0 to 8. Filemarks at 2, 6 and 7. */
async function recorded(): Promise<TapeBench> {
  const bench = await TapeBench.make();
  await bench.record(10, 20, 0, 30, 40, 50, 0, 0, 60);
  await bench.rewind();
  return bench;
}
const space6 = (code: number, count: number): string => `11 ${hex(code)} ${hex(count & 0xff_ffff, 6)} 00`;
const space16 = (code: number, count: bigint): string =>
  `91 ${hex(code)} 0000 ${BigInt.asUintN(64, count).toString(16).padStart(16, '0')} 0000 00 00`;
const locate10 = (object: number, flags = 0, partition = 0): string =>
  `2b ${hex(flags)} 00 ${hex(object, 8)} 00 ${hex(partition)} 00`;
const locate16 = (type: number, identifier: bigint, flags = 0, partition = 0): string =>
  `92 ${hex((type << 3) | flags)} 00 ${hex(partition)} ${identifier.toString(16).padStart(16, '0')} 00000000`;

const spaces = [
  ['blocks forward', 0, 0, 2, 'good', 2],
  ['blocks forward up to a filemark: behind it, FM and residue', 0, 0, 5, '0 00/01 fm info 3', 3],
  ['blocks forward to the end of data', 8, 0, 4, '8 00/05 info 3', 9],
  ['blocks backward', 5, 0, -2, 'good', 3],
  ['blocks backward up to a filemark: before it', 5, 0, -9, '0 00/01 fm info 7', 2],
  ['blocks backward to the beginning', 2, 0, -5, '0 00/04 eom info 3', 0],
  ['filemarks forward: behind the last', 0, 1, 2, 'good', 7],
  ['filemarks forward to the end of data', 0, 1, 9, '8 00/05 info 6', 9],
  ['filemarks backward: before the last', 9, 1, -2, 'good', 6],
  ['filemarks backward to the beginning', 4, 1, -3, '0 00/04 eom info 2', 0],
  ['two filemarks in sequence', 0, 2, 2, 'good', 8],
  ['two filemarks in sequence, backward: before both', 9, 2, -2, 'good', 6],
  ['three filemarks in sequence are nowhere', 0, 2, 3, '8 00/05 info 3', 9],
  ['to the end of data, whatever the count', 1, 3, 77, 'good', 9],
  ['a count of zero stays', 4, 0, 0, 'good', 4],
] as const;
for (const [what, from, code, count, expected, object] of spaces) {
  test(`SPACE: ${what}`, async (t) => {
    for (const cdb of [space6(code, count), space16(code, BigInt(count))]) {
      const bench = await recorded();
      await bench.good(locate10(from));
      t.is(senseText((await bench.send(cdb)).sense), expected, cdb);
      t.is((await bench.where()).object, object);
    }
  });
}

test('SPACE over setmarks is refused, and counts of 64 bits end at the end of data', async (t) => {
  const bench = await recorded();
  t.is(senseText((await bench.send(space6(4, 1))).sense), '5 24/00');
  t.is(senseText((await bench.send(space6(5, 1))).sense), '5 24/00');
  const { sense } = await bench.send(space16(1, 2n ** 62n));
  t.is(sense?.key, 8);
  t.is((await bench.where()).object, 9);
});

test('LOCATE(10) and LOCATE(16) to an object', async (t) => {
  const bench = await recorded();
  for (const cdb of [locate10(4), locate10(4, 4), locate16(0, 4n)]) {
    await bench.rewind();
    await bench.good(cdb);
    t.deepEqual(await bench.where(), { flags: 0, partition: 0, object: 4, file: 1 });
  }
});

test('LOCATE(16) to a logical file: behind its filemark, so that file n reads first', async (t) => {
  const bench = await recorded();
  for (const [file, object] of [
    [0n, 0],
    [1n, 3],
    [2n, 7],
    [3n, 8],
  ] as const) {
    await bench.good(locate16(1, file));
    const where = await bench.where();
    t.is(where.object, object);
    t.is(where.file, Number(file));
  }
  t.is(senseText((await bench.send(locate16(1, 4n))).sense), '8 00/05');
});

test('LOCATE(16) to the end of data; destination type 2 is none', async (t) => {
  const bench = await recorded();
  await bench.good(locate16(3, 0n));
  t.is((await bench.where()).object, 9);
  t.is(senseText((await bench.send(locate16(2, 0n))).sense), '5 24/00');
});

test('locating beyond the end of data: BLANK CHECK, and the place is the end of data', async (t) => {
  const bench = await recorded();
  for (const cdb of [locate10(9999), locate16(0, 2n ** 64n - 1n), locate16(0, 10n)]) {
    await bench.rewind();
    t.is(senseText((await bench.send(cdb)).sense), '8 00/05', cdb);
    t.is((await bench.where()).object, 9);
  }
});

test('LOCATE to a partition that is not there is refused; without CP the partition is not looked at', async (t) => {
  const bench = await recorded();
  const refused = await bench.send(locate10(1, 2, 1));
  t.is(senseText(refused.sense), '5 24/00');
  t.is(refused.sense?.fieldByte, 8);
  t.is((await bench.send(locate16(0, 1n, 2, 3))).sense?.fieldByte, 3);
  await bench.good(locate10(1, 0, 1));
  t.is((await bench.where()).object, 1);
});

// --- READ POSITION -------------------------------------------------------------------------------------------------------

test('READ POSITION: the same place in all forms', async (t) => {
  const bench = await recorded();
  await bench.good(locate10(4));
  const short = '0000000000000004000000040000000000000000';
  t.is((await bench.good('34 00 0000000000 0000 00')).data.toString('hex'), short);
  t.is((await bench.good('34 01 0000000000 0000 00')).data.toString('hex'), short);
  t.is(
    (await bench.good('34 06 0000000000 0000 00')).data.toString('hex'),
    '0000000000000000000000000000000400000000000000010000000000000000',
  );
  t.is(
    (await bench.good('34 08 0000000000 0020 00')).data.toString('hex'),
    '0000001c00000000000000000000000400000000000000040000000000000000',
  );
  t.is((await bench.good('34 08 0000000000 0005 00')).data.length, 5, 'allocation length');
});

test('READ POSITION: BOP at the beginning; other forms and lengths for fixed forms are refused', async (t) => {
  const bench = await recorded();
  t.is((await bench.good('34 00 0000000000 0000 00')).data.readUInt8(0), 0x80);
  t.is((await bench.where()).flags, 0x80);
  t.is(senseText((await bench.send('34 02 0000000000 0000 00')).sense), '5 24/00');
  t.is(senseText((await bench.send('34 00 0000000000 0014 00')).sense), '5 24/00');
});

// --- LOAD UNLOAD, PREVENT ALLOW ------------------------------------------------------------------------------------------

test('a new cartridge: every nexus is told once that the medium may have changed', async (t) => {
  const bench = await TapeBench.make({ cartridge: 'none' });
  const other = bench.attach('two');
  t.is(senseText((await bench.send('00 00 00 00 00 00')).sense), '2 3a/00');
  await bench.drive.insert(await bench.cartridge());
  for (const nexus of [bench.nexus, other]) {
    t.is(senseText((await bench.send('00 00 00 00 00 00', { nexus })).sense), '6 28/00');
    t.is(senseText((await bench.send('00 00 00 00 00 00', { nexus })).sense), 'good');
  }
});

test('unload and load by the host: not ready between, data still there, everybody is told', async (t) => {
  const bench = await recorded();
  const other = bench.attach('two');
  await bench.good('1b 00 00 00 00 00');
  t.is(senseText((await bench.send('00 00 00 00 00 00')).sense), '2 3a/00');
  t.is(senseText((await bench.read(10)).sense), '2 3a/00');
  await bench.good('1b 00 00 00 00 00');
  await bench.good('1b 00 00 00 01 00');
  t.deepEqual(bench.calm(bench.nexus), ['28/00']);
  t.deepEqual(bench.calm(other), ['28/00']);
  t.deepEqual((await bench.read(10)).data, Buffer.alloc(10, 1));
});

test('HOLD keeps the medium where LOAD finds it; RETEN loads; EOT with LOAD is refused', async (t) => {
  const bench = await recorded();
  await bench.good('1b 00 00 00 08 00');
  t.is(senseText((await bench.send('00 00 00 00 00 00')).sense), '2 04/02');
  await bench.good('1b 00 00 00 03 00');
  bench.calm(bench.nexus);
  t.is(senseText((await bench.send('00 00 00 00 00 00')).sense), 'good');
  t.is(senseText((await bench.send('1b 00 00 00 05 00')).sense), '5 24/00');
});

test('LOAD on an empty drive says so', async (t) => {
  const bench = await TapeBench.make({ cartridge: 'none' });
  t.is(senseText((await bench.send('1b 00 00 00 01 00')).sense), '2 3a/00');
});

test('LOAD of a loaded medium rewinds it', async (t) => {
  const bench = await recorded();
  await bench.good(locate10(4));
  await bench.good('1b 00 00 00 01 00');
  t.is((await bench.where()).object, 0);
});

test('PREVENT: removal is refused until every nexus that prevented it allows it, or is gone', async (t) => {
  const bench = await recorded();
  const other = bench.attach('two');
  await bench.good('1e 00 00 00 01 00');
  await bench.good('1e 00 00 00 01 00', { nexus: other });
  t.is(senseText((await bench.send('1b 00 00 00 00 00')).sense), '5 53/02');
  await bench.good('1e 00 00 00 00 00');
  t.true(bench.drive.removalPrevented);
  await bench.unit.detach(other);
  t.false(bench.drive.removalPrevented);
  await bench.good('1e 00 00 00 01 00');
  await bench.unit.reset('logical-unit');
  t.false(bench.drive.removalPrevented);
  bench.calm(bench.nexus);
  t.is(senseText((await bench.send('1e 00 00 00 03 00')).sense), '5 24/00');
});

test('media that the drive does not take: why it is not ready', async (t) => {
  const { mediumOf } = await import('#vtl');
  const bench = await TapeBench.make({ cartridge: { medium: mediumOf('LTO-5') } });
  t.is(senseText((await bench.send('00 00 00 00 00 00')).sense), '2 30/00');
  t.true(bench.drive.tapeAlerts.has('unsupportedFormat'));
  const cleaner = await TapeBench.make({ cartridge: { cleaning: { usesLeft: 1 } } });
  t.is(senseText((await cleaner.send('00 00 00 00 00 00')).sense), '2 30/03');
  const expired = await TapeBench.make({ cartridge: { cleaning: { usesLeft: 0 } } });
  t.is(senseText((await expired.send('00 00 00 00 00 00')).sense), '2 30/07');
  t.true(expired.drive.tapeAlerts.has('expiredCleaning'));
});

test('while the robot’s cartridge is being threaded the drive is becoming ready', async (t) => {
  const bench = await TapeBench.make({ cartridge: 'none' });
  const inserting = bench.drive.insert(await bench.cartridge());
  t.is(senseText((await bench.send('00 00 00 00 00 00')).sense), '2 04/01');
  await inserting;
  bench.calm(bench.nexus);
  t.is(senseText((await bench.send('00 00 00 00 00 00')).sense), 'good');
});

test('a nexus that was preempted and aborted no longer prevents removal', async (t) => {
  const bench = await TapeBench.make();
  const other = bench.attach('two');
  const register = (key: number): Buffer => {
    const list = Buffer.alloc(24);
    list.writeUInt8(key, 15);
    return list;
  };
  await bench.good('5f 00 00 00 00 00000018 00', { out: register(0xa), nexus: other });
  await bench.good('5f 00 00 00 00 00000018 00', { out: register(0xb) });
  await bench.good('1e 00 00 00 01 00', { nexus: other });
  const preempt = Buffer.alloc(24);
  preempt.writeUInt8(0xb, 7);
  preempt.writeUInt8(0xa, 15);
  await bench.good('5f 05 03 00 00 00000018 00', { out: preempt });
  t.false(bench.drive.removalPrevented);
});

test('a refused medium can be unloaded: then the drive has none', async (t) => {
  const { mediumOf } = await import('#vtl');
  const bench = await TapeBench.make({ cartridge: { medium: mediumOf('LTO-5') } });
  await bench.good('1b 00 00 00 00 00');
  t.is(senseText((await bench.send('00 00 00 00 00 00')).sense), '2 3a/00');
  t.is(senseText((await bench.send('1b 00 00 00 01 00')).sense), '2 30/00');
});
