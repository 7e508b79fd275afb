import test from 'ava';
import { hex, senseText, TapeBench } from '#support';
import { mediumOf } from '#vtl';

/** Expectations: SSC-4 6.2, 7.1, 7.2, 7.6, 7.9, 7.11 and 8.3.4; LTO density codes and medium types. */

test('READ BLOCK LIMITS: 1 to 16 MiB - 1; MLOI gives the largest object number', async (t) => {
  const bench = await TapeBench.make({ cartridge: 'none' });
  t.is((await bench.good('05 00 00 00 00 00')).data.toString('hex'), '00ffffff0001');
  const { data } = await bench.good('05 01 00 00 00 00');
  t.is(data.length, 20);
  t.is(data.readBigUInt64BE(12), 2n ** 53n - 1n);
});

test('ERASE ends the data at the place', async (t) => {
  for (const cdb of ['19 01 000000 00', '19 00 000000 00', '93 01 00 00 0000000000000001 000000 00']) {
    const bench = await TapeBench.make();
    await bench.record(10, 10, 10);
    await bench.good('2b 00 00 00000001 00 00 00');
    await bench.good(cdb);
    t.is(senseText((await bench.read(10)).sense), '8 00/05 info 10', cdb);
    await bench.rewind();
    t.is((await bench.read(10)).data.length, 10);
  }
});

test('REPORT DENSITY SUPPORT: what an LTO-8 drive takes, and what is in it', async (t) => {
  const bench = await TapeBench.make({ cartridge: { medium: mediumOf('LTO-7') } });
  const { data } = await bench.good('44 00 0000000000 2000 00');
  const count = 3;
  t.is(data.readUInt16BE(0), 2 + 52 * count);
  t.is(data.length, 4 + 52 * count);
  const codes = [0, 1, 2].map((index) => data.readUInt8(4 + 52 * index));
  t.deepEqual(codes, [0x5c, 0x5d, 0x5e]);
  const last = data.subarray(4 + 52 * 2);
  t.is(last.readUInt8(2), 0xa0, 'WRTOK and DEFLT');
  t.is(last.readUInt32BE(12), 12_000_000, 'megabytes');
  t.is(last.toString('latin1', 16, 32), 'LTO-CVE U-832   ');
  const mounted = (await bench.good('44 01 0000000000 2000 00')).data;
  t.is(mounted.length, 4 + 52);
  t.is(mounted.readUInt8(4), 0x5c);
});

test('REPORT DENSITY SUPPORT with MEDIUM TYPE: types by generation, or by kind where the maker has it so', async (t) => {
  const ibm = await TapeBench.make({ cartridge: 'none' });
  const types = (data: Buffer): number[] =>
    Array.from({ length: (data.length - 4) / 56 }, (_, index) => data.readUInt8(4 + 56 * index));
  t.deepEqual(types((await ibm.good('44 02 0000000000 2000 00')).data), [0x78, 0x7c, 0x88, 0x8c]);
  const hp = await TapeBench.make({ personality: 'HPE Ultrium 8-SCSI', cartridge: 'none' });
  t.deepEqual(types((await hp.good('44 02 0000000000 2000 00')).data), [0x00, 0x01]);
  t.is(
    senseText((await ibm.send('44 03 0000000000 2000 00')).sense),
    '2 3a/00',
    'of a medium that is not there',
  );
});

test('the mode parameter header says density and medium type of the cartridge', async (t) => {
  for (const [personality, worm, type] of [
    ['IBM ULT3580-TD8', false, 0x88],
    ['IBM ULT3580-TD8', true, 0x8c],
    ['HPE Ultrium 8-SCSI', false, 0x00],
    ['HPE Ultrium 8-SCSI', true, 0x01],
  ] as const) {
    const bench = await TapeBench.make({ personality, cartridge: { worm } });
    const { data } = await bench.good('1a 00 00 00 0c 00');
    t.is(data.toString('hex'), `0b${hex(type)}1008` + '5e00000000000000');
  }
});

test('READ MEDIA SERIAL NUMBER is that of the MAM', async (t) => {
  const bench = await TapeBench.make();
  const { data } = await bench.good('ab 01 00000000 00000100 00 00');
  t.is(data.readUInt32BE(0), data.length - 4);
  t.is(data.length % 4, 0);
  t.is(
    data.toString('latin1', 4).replaceAll('\0', ''),
    bench.drive.mam?.attribute(0x0401, 0)?.value.toString().trimEnd() ?? '?',
  );
});

// --- partitions ------------------------------------------------------------------------------------------------------------

async function partitionPage(bench: TapeBench): Promise<Buffer> {
  return (await bench.good('1a 08 11 00 ff 00')).data.subarray(4);
}
/** MODE SELECT of page 11h in the short form that initiators use. */
async function selectPartitions(bench: TapeBench, bytes: string): Promise<string> {
  const page = Buffer.from(bytes.replaceAll(' ', ''), 'hex');
  const out = Buffer.concat([Buffer.from([0, 0, 0x10, 0]), page]);
  return senseText((await bench.send(`15 10 00 00 ${hex(out.length)} 00`, { out })).sense);
}

test('two partitions as Linux st makes them: MODE SELECT, FORMAT, and each has its own data', async (t) => {
  const bench = await TapeBench.make();
  const page = await partitionPage(bench);
  t.is(page.readUInt8(2), 3, 'up to three more');
  t.is(page.readUInt8(3), 0);
  t.true((page.readUInt8(4) & 4) !== 0, 'POFM');
  t.is(await selectPartitions(bench, '11 0a 03 01 34 03 00 00 ffff 0040'), 'good');
  await bench.good('04 00 01 0000 00');
  t.is((await partitionPage(bench)).readUInt8(3), 1);
  t.deepEqual(
    bench.drive.partitions.map(({ capacityBytes }) => capacityBytes),
    [36e6, 64e6],
  );
  await bench.good('2b 02 00 00000000 00 01 00');
  await bench.write(Buffer.from('one'));
  await bench.good('2b 02 00 00000000 00 00 00');
  await bench.write(Buffer.from('zero'));
  await bench.good('92 02 00 01 0000000000000000 00000000');
  t.is((await bench.read(10, 2)).data.toString(), 'one');
  t.deepEqual(await bench.where(), { flags: 0, partition: 1, object: 1, file: 0 });
  t.is((await bench.good('34 00 0000000000 0000 00')).data.readUInt8(1), 1);
  await bench.good('2b 02 00 00000000 00 00 00');
  t.is((await bench.read(10, 2)).data.toString(), 'zero');
  await bench.rewind();
  await bench.good('04 00 00 0000 00');
  t.is(bench.drive.partitions.length, 1);
  t.is((await partitionPage(bench)).readUInt8(3), 0);
});

test('equal parts by SDP, sizes by power of ten, and what does not fit', async (t) => {
  const bench = await TapeBench.make();
  const capacities = (): number[] => bench.drive.partitions.map(({ capacityBytes }) => capacityBytes);
  t.is(await selectPartitions(bench, '11 0e 03 03 5c 03 09 00 0000 0000 0000 0000'), 'good');
  await bench.good('04 00 02 0000 00');
  t.deepEqual(
    bench.drive.partitions.map(({ capacityBytes }) => capacityBytes),
    [25e6, 25e6, 25e6, 25e6],
  );
  t.is(await selectPartitions(bench, '11 0a 03 01 3c 03 06 00 0014 0050'), 'good');
  await bench.good('04 00 01 0000 00');
  t.deepEqual(
    bench.drive.partitions.map(({ capacityBytes }) => capacityBytes),
    [20e6, 80e6],
  );
  t.is(await selectPartitions(bench, '11 0a 03 01 3c 03 06 00 0014 0051'), 'good');
  t.is(senseText((await bench.send('04 00 01 0000 00')).sense), '3 31/01');
  t.is(await selectPartitions(bench, '11 06 03 04 3c 03 06 00'), '5 26/00');
  t.is(await selectPartitions(bench, '11 0e 03 01 3c 03 09 00 0001 ffff 0000 0000'), 'good');
  await bench.good('04 00 01 0000 00');
  t.deepEqual(capacities(), [50e6, 50e6], 'rounded: LTFS asks for 1 GB and the rest');
});

test('a drive of one partition offers none more', async (t) => {
  const bench = await TapeBench.make({ personality: 'IBM ULT3580-TD4' });
  t.is((await partitionPage(bench)).readUInt8(2), 0);
  t.is(await selectPartitions(bench, '11 0a 00 01 3c 03 06 00 0014 0050'), '5 26/00');
});

test('FORMAT and SET CAPACITY only at the beginning of the medium', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(10);
  t.is(senseText((await bench.send('04 00 00 0000 00')).sense), '5 3b/0c');
  t.is(senseText((await bench.send('0b 00 00 8000 00')).sense), '5 3b/0c');
  await bench.rewind();
  await bench.good('0b 00 00 7fff 00');
  const half = bench.drive.partitions[0]?.capacityBytes ?? 0;
  t.true(half < 51e6);
  await bench.good('04 00 00 0000 00');
  t.is(bench.drive.partitions[0]?.capacityBytes, half, 'FORMAT does not give back what SET CAPACITY took');
  t.is(senseText((await bench.send('04 00 03 0000 00')).sense), '5 24/00');
  t.is(senseText((await bench.send('04 00 00 0004 00', { out: Buffer.alloc(4) })).sense), '5 24/00');
});
