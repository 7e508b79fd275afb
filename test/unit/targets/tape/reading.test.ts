import test from 'ava';
import { senseText, TapeBench } from '#support';

/** Expectations: SSC-4 6.4, 6.5 and 6.7, and what Linux st computes from the sense data when it reads. */

const pattern = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => index % 251));

test('variable: a block of the length asked for is GOOD', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(1000);
  await bench.rewind();
  const { sense, data } = await bench.read(1000);
  t.is(senseText(sense), 'good');
  t.deepEqual(data, Buffer.alloc(1000, 1));
});

test('variable: a short block comes whole, with ILI and what was asked for in excess', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(1000, 10);
  await bench.rewind();
  const { sense, data } = await bench.read(4096);
  t.is(senseText(sense), '0 00/00 ili info 3096');
  t.is(data.length, 1000);
  t.is((await bench.where()).object, 1);
});

test('variable: of a long block comes what was asked for, with ILI and a negative number; the next read is the next block', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(10240, 7);
  await bench.rewind();
  const { sense, data } = await bench.read(1024);
  t.is(senseText(sense), '0 00/00 ili info -9216');
  t.deepEqual(data, Buffer.alloc(1024, 1));
  t.deepEqual((await bench.read(7)).data, Buffer.alloc(7, 2));
});

test('SILI: neither a short nor a long block is reported in variable-block mode', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(1000, 5000);
  await bench.rewind();
  const short = await bench.read(4096, 2);
  t.is(senseText(short.sense), 'good');
  t.is(short.data.length, 1000);
  const long = await bench.read(4096, 2);
  t.is(senseText(long.sense), 'good');
  t.is(long.data.length, 4096);
});

test('SILI in fixed-block mode: a long block is reported, a short one is not', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(1000, 5000);
  await bench.rewind();
  await bench.setBlockLength(512);
  t.is(senseText((await bench.read(4096, 2)).sense), 'good');
  t.is(senseText((await bench.read(4096, 2)).sense), '0 00/00 ili info -904');
});

test('a filemark: NO SENSE, FM, the whole length as residue, and the place behind it', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(100, 0, 50);
  await bench.rewind();
  await bench.read(100);
  const { sense, data } = await bench.read(100);
  t.is(senseText(sense), '0 00/01 fm info 100');
  t.is(data.length, 0);
  t.deepEqual((await bench.read(50)).data, Buffer.alloc(50, 3));
});

test('end of data: BLANK CHECK with the residue and without EOM, again and again', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(100);
  for (const length of [100, 65536]) {
    const { sense, data } = await bench.read(length);
    t.is(senseText(sense), `8 00/05 info ${length}`);
    t.is(data.length, 0);
  }
  t.is((await bench.where()).object, 1);
});

test('a transfer length of zero moves nothing', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(100);
  await bench.rewind();
  t.is(senseText((await bench.read(0)).sense), 'good');
  t.is((await bench.where()).object, 0);
});

test('fixed: many blocks in one command, small and large', async (t) => {
  for (const [blockLength, count] of [
    [512, 2048],
    [65536, 16],
    [300_000, 3],
    [1, 700],
  ] as const) {
    const bench = await TapeBench.make();
    const data = pattern(blockLength * count);
    await bench.setBlockLength(blockLength);
    const written = await bench.send(`0a 01 ${count.toString(16).padStart(6, '0')} 00`, { out: data });
    t.is(senseText(written.sense), 'good');
    t.is((await bench.where()).object, count);
    await bench.rewind();
    const read = await bench.send(`08 01 ${count.toString(16).padStart(6, '0')} 00`);
    t.is(senseText(read.sense), 'good');
    t.true(read.data.equals(data), `blocks of ${blockLength}`);
    t.is(bench.pool.freeBytes, bench.pool.blocksMax * bench.pool.blockBytes, 'all memory is back');
  }
});

test('fixed: stops at a filemark, with the blocks before it and the blocks left as residue', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(512, 512, 512, 0);
  await bench.rewind();
  await bench.setBlockLength(512);
  const { sense, data } = await bench.send('08 01 00000a 00');
  t.is(senseText(sense), '0 00/01 fm info 7');
  t.is(data.length, 3 * 512);
  const where = await bench.where();
  t.is(where.object, 4);
  t.is(where.file, 1);
});

test('fixed: end of data after some blocks', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(512, 512);
  await bench.rewind();
  await bench.setBlockLength(512);
  const { sense, data } = await bench.send('08 01 000005 00');
  t.is(senseText(sense), '8 00/05 info 3');
  t.is(data.length, 1024);
});

test('fixed: a block of another size is ILI, is not counted, and is passed', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(512, 512, 4096, 512);
  await bench.rewind();
  await bench.setBlockLength(512);
  const { sense, data } = await bench.send('08 01 000006 00');
  t.is(senseText(sense), '0 00/00 ili info 4');
  t.is(data.length, 1024);
  t.is((await bench.where()).object, 3);
});

test('fixed reading without a block length, and FIXED with SILI, are refused with the field', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(512);
  await bench.rewind();
  const without = await bench.send('08 01 000001 00');
  t.is(senseText(without.sense), '5 24/00');
  t.is(without.sense?.fieldByte, 1);
  await bench.setBlockLength(512);
  t.is(senseText((await bench.send('08 03 000001 00')).sense), '5 24/00');
  t.is((await bench.where()).object, 0);
});

test('what the initiator has no room for is dropped, not an error', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(1000);
  await bench.rewind();
  const { sense, data } = await bench.send('08 00 0003e8 00', { expectedIn: 100 });
  t.is(senseText(sense), 'good');
  t.is(data.length, 100);
});

test('REW: reading past early warning says so', async (t) => {
  const bench = await TapeBench.make({ cartridge: { sizeBytes: 1e6 } });
  for (let block = 0; block < 10; block++) await bench.write(Buffer.alloc(200_000));
  await bench.rewind();
  const page = (await bench.good('1a 08 10 00 ff 00')).data;
  const list = Buffer.concat([Buffer.from([0, 0, 0x10, 0]), page.subarray(4)]);
  list.writeUInt8(list.readUInt8(4) & 0x3f, 4);
  list.writeUInt8(list.readUInt8(4 + 8) | 1, 4 + 8);
  await bench.good(`15 10 00 00 ${list.length.toString(16)} 00`, { out: list });
  for (let block = 0; block < 4; block++) t.is(senseText((await bench.read(200_000)).sense), 'good');
  t.is(senseText((await bench.read(200_000)).sense), '0 00/02 eom info 0');
});

// --- explicit addresses ----------------------------------------------------------------------------------------------

test('READ(16) goes to the object first', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(10, 20, 30, 40);
  const { data, sense } = await bench.send('88 00 00 00 0000000000000002 00001e 00');
  t.is(senseText(sense), 'good');
  t.deepEqual(data, Buffer.alloc(30, 3));
  t.is(senseText((await bench.send('88 00 00 00 0000000000000009 00001e 00')).sense), '8 00/05');
  t.is(senseText((await bench.send('88 00 00 01 0000000000000000 00001e 00')).sense), '5 24/00');
});

// --- backwards -------------------------------------------------------------------------------------------------------

test('READ REVERSE: the block before the place, last byte first; BYTORD = 1 as it was written', async (t) => {
  const bench = await TapeBench.make();
  await bench.write(Buffer.from('abcdef'));
  await bench.write(Buffer.from('uvwxyz'));
  t.is((await bench.send('0f 00 000006 00')).data.toString(), 'zyxwvu');
  t.is((await bench.send('0f 04 000006 00')).data.toString(), 'abcdef');
  const atBeginning = await bench.send('0f 00 000006 00');
  t.is(senseText(atBeginning.sense), '0 00/04 eom info 6');
});

test('READ REVERSE stops on the beginning side of a filemark', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(10, 0);
  t.is(senseText((await bench.send('0f 00 00000a 00')).sense), '0 00/01 fm info 10');
  t.deepEqual(await bench.where(), { flags: 0, partition: 0, object: 1, file: 0 });
});

test('READ REVERSE of fixed blocks: the last block first', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(4, 4, 4);
  await bench.setBlockLength(4);
  const { data, sense } = await bench.send('81 05 00 00 0000000000000003 000005 00');
  t.is(data.toString('hex'), '030303030202020201010101');
  t.is(senseText(sense), '0 00/04 eom info 2');
});

// --- VERIFY ----------------------------------------------------------------------------------------------------------

test('VERIFY: reads without data, with the residues of a read', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(512, 512, 0, 512);
  await bench.rewind();
  await bench.setBlockLength(512);
  const { sense, data } = await bench.send('13 01 000005 00');
  t.is(senseText(sense), '0 00/01 fm info 3');
  t.is(data.length, 0);
  t.is(senseText((await bench.send('13 00 000200 00')).sense), 'good');
});

test('VERIFY with BYTCMP: equal bytes are GOOD, others MISCOMPARE', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(100, 100);
  await bench.rewind();
  t.is(senseText((await bench.send('13 02 000064 00', { out: Buffer.alloc(100, 1) })).sense), 'good');
  const other = await bench.send('8f 02 00 00 0000000000000001 000064 00', { out: Buffer.alloc(100, 1) });
  t.is(senseText(other.sense), 'e 1d/00 info 100');
});

test('VERIFY to the end of data and by filemarks', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(100, 0, 100, 0, 100);
  await bench.rewind();
  t.is(senseText((await bench.send('13 08 000001 00')).sense), 'good');
  t.is((await bench.where()).file, 1);
  t.is(senseText((await bench.send('13 08 000005 00')).sense), '8 00/05 info 4');
  await bench.rewind();
  t.is(senseText((await bench.send('13 20 000000 00')).sense), 'good');
  t.is((await bench.where()).object, 5);
});

test('a damaged block is MEDIUM ERROR with the residue, and the next one can be read', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(100, 100, 100);
  await bench.good('10 00 000000 00');
  bench.group.volumes.get('volume-1')?.stream('data-0').flip(150);
  await bench.rewind();
  await bench.read(100);
  t.is(senseText((await bench.read(100)).sense), '3 11/00 info 100');
  t.deepEqual((await bench.read(100)).data, Buffer.alloc(100, 3));
  t.true(bench.drive.tapeAlerts.has('readFailure'));
});
