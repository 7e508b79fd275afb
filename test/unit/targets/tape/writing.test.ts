import test from 'ava';
import { hex, senseText, TapeBench } from '#support';

/** Expectations: SSC-4 6.8 and 6.9, the early warning model of 4.2, and what Linux st makes of the sense data when it writes. */

const KB = 1000;
/** 1 MB up to early warning; the drive keeps 4 MiB behind it. */
const small = { cartridge: { sizeBytes: 1000 * KB } };

test('early warning: all is written, NO SENSE with EOM, residue 0; and so for every write behind it', async (t) => {
  const bench = await TapeBench.make(small);
  for (let block = 0; block < 4; block++) {
    t.is(senseText((await bench.write(Buffer.alloc(200 * KB))).sense), 'good');
    t.is((await bench.where()).flags & 0x40, 0, 'EOP is off before early warning');
  }
  t.is(senseText((await bench.write(Buffer.alloc(200 * KB, 5))).sense), '0 00/02 eom info 0');
  t.is((await bench.where()).flags & 0x40, 0x40, 'EOP');
  t.is(senseText((await bench.write(Buffer.alloc(32 * KB, 6))).sense), '0 00/02 eom info 0');
  t.is(senseText((await bench.filemarks(1)).sense), '0 00/02 eom info 0');
  t.is(senseText((await bench.filemarks(0)).sense), 'good', 'a count of zero writes nothing');
  await bench.good('2b 00 00 00000004 00 00 00');
  t.deepEqual((await bench.read(200 * KB)).data, Buffer.alloc(200 * KB, 5));
  t.deepEqual((await bench.read(32 * KB)).data, Buffer.alloc(32 * KB, 6));
});

test('end of partition: VOLUME OVERFLOW with EOM and the residue; nothing of the block is there', async (t) => {
  const bench = await TapeBench.make(small);
  for (;;) {
    const { sense } = await bench.write(Buffer.alloc(500 * KB));
    if (sense?.key === 0xd) {
      t.is(senseText(sense), 'd 00/02 eom info 500000');
      break;
    }
  }
  const { object } = await bench.where();
  await bench.good('91 03 0000 0000000000000000 0000 00 00');
  t.is((await bench.where()).object, object, 'the place is the end of data');
});

test('end of partition with filemarks, more than go in one piece: the residue counts filemarks', async (t) => {
  const bench = await TapeBench.make(small);
  const count = 0xff_ffff;
  const { sense } = await bench.send(`10 00 ${hex(count, 6)} 00`);
  const { object } = await bench.where();
  t.is(senseText(sense), `d 00/02 eom info ${count - object}`);
  t.true(object > 10_000);
});

test('end of partition with fixed blocks: the residue counts blocks', async (t) => {
  const bench = await TapeBench.make(small);
  await bench.setBlockLength(100_000);
  const count = 100;
  const { sense } = await bench.send(`0a 01 ${hex(count, 6)} 00`, { out: Buffer.alloc(count * 100_000) });
  const { object } = await bench.where();
  t.is(senseText(sense), `d 00/02 eom info ${count - object}`);
  t.true(object > 40 && object < 60, 'capacity and reserve were filled');
});

test('programmable early warning is told once, with everything written', async (t) => {
  const bench = await TapeBench.make({ cartridge: { sizeBytes: 5_000 * KB } });
  const page = Buffer.alloc(4 + 32);
  page.set([0, 0, 0x10, 0, 0x50, 0x01, 0x00, 0x1c, 0, 0x02, 0, 3]);
  await bench.good('15 10 00 00 24 00', { out: page });
  const told: number[] = [];
  for (let block = 0; block < 24; block++) {
    const { sense } = await bench.write(Buffer.alloc(200 * KB));
    if (sense !== undefined) {
      t.is(senseText(sense), '0 00/07 eom info 0');
      told.push(block);
    }
  }
  t.deepEqual(told, [9], 'the block that ends 3 MB before early warning');
  t.is((await bench.where()).flags & 1, 1, 'BPEW');
});

test('data that the initiator does not have is refused before anything is written', async (t) => {
  const bench = await TapeBench.make();
  const { sense } = await bench.send('0a 00 0003e8 00', { out: Buffer.alloc(500) });
  t.is(senseText(sense), '5 24/00');
  t.is((await bench.where()).object, 0);
  const late = await bench.send('0a 00 0003e8 00', { out: Buffer.alloc(500), expectedOut: 1000 });
  t.is(senseText(late.sense), 'b 4b/00 info 1000');
  t.is((await bench.where()).object, 0);
});

test('WRITE(6) takes blocks of 1 byte to 16 MiB - 1', async (t) => {
  const bench = await TapeBench.make();
  for (const length of [1, 2 ** 24 - 1]) {
    t.is(senseText((await bench.write(Buffer.alloc(length, 0x5a))).sense), 'good');
  }
  await bench.rewind();
  t.is((await bench.read(100)).data.length, 1);
  t.true((await bench.read(2 ** 24 - 1)).data.equals(Buffer.alloc(2 ** 24 - 1, 0x5a)));
});

test('fixed writing without a block length is refused', async (t) => {
  const bench = await TapeBench.make();
  t.is(senseText((await bench.send('0a 01 000001 00', { out: Buffer.alloc(512) })).sense), '5 24/00');
});

test('WRITE(16) writes at the object it names and ends the data there', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(10, 10, 10);
  const out = Buffer.from('here');
  await bench.good('8a 00 00 00 0000000000000001 000004 00', { out });
  t.deepEqual(await bench.where(), { flags: 0, partition: 0, object: 2, file: 0 });
  t.is(senseText((await bench.read(10)).sense), '8 00/05 info 10');
});

test('writing in the middle ends the data there', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(10, 0, 20, 0);
  await bench.good('2b 00 00 00000002 00 00 00');
  await bench.write(Buffer.from('new'));
  t.is(senseText((await bench.read(10)).sense), '8 00/05 info 10');
});

test('WRITE FILEMARKS(16), several at once, and the file numbers', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(10);
  await bench.good('80 00 00 00 0000000000000001 000003 00');
  t.deepEqual(await bench.where(), { flags: 0, partition: 0, object: 4, file: 3 });
});

// --- what is durable when ------------------------------------------------------------------------------------------------

test('WRITE FILEMARKS with IMMED = 0 makes all before it durable, also with count 0; IMMED = 1 does not wait', async (t) => {
  const bench = await TapeBench.make();
  const commits = (): number => bench.group.volumes.get('volume-1')?.commits ?? 0;
  await bench.record(1000);
  const before = commits();
  await bench.good('10 01 000001 00');
  t.is(commits(), before, 'IMMED = 1');
  await bench.good('10 00 000000 00');
  t.is(commits(), before + 1, 'count 0');
  await bench.record(1000);
  await bench.good('10 00 000001 00');
  t.is(commits(), before + 2, 'one filemark');
});

test('unbuffered mode: GOOD for a write means durable', async (t) => {
  const bench = await TapeBench.make();
  const commits = (): number => bench.group.volumes.get('volume-1')?.commits ?? 0;
  await bench.good('15 10 00 00 04 00', { out: Buffer.from('00000000', 'hex') });
  const before = commits();
  await bench.record(1000, 1000);
  t.is(commits(), before + 2);
});

test('REWIND, SPACE, LOCATE and unloading make durable what was written', async (t) => {
  for (const cdb of [
    '01 00 00 00 00 00',
    '11 01 ffffff 00',
    '2b 00 00 00000000 00 00 00',
    '1b 00 00 00 00 00',
  ]) {
    const bench = await TapeBench.make();
    await bench.record(1000);
    const before = bench.group.volumes.get('volume-1')?.commits ?? 0;
    await bench.send(cdb);
    t.true((bench.group.volumes.get('volume-1')?.commits ?? 0) > before, cdb);
  }
});

test('a failure of what was acknowledged is a deferred error of the next command, told once', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(1000);
  bench.group.failing = 'io';
  const { sense } = await bench.filemarks(0);
  t.is(sense?.key, 4, 'the command that waits for it is told itself');
});

test('a full store: VOLUME OVERFLOW, and writing goes on when there is space again', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(1000);
  await bench.filemarks(0);
  bench.group.failing = 'full';
  t.is(senseText((await bench.write(Buffer.alloc(1000))).sense), 'd 00/02 eom info 1000');
  bench.group.failing = undefined;
  const { sense } = await bench.write(Buffer.alloc(1000, 9));
  t.true(sense === undefined || sense.key === 0, senseText(sense));
  await bench.good('2b 00 00 00000001 00 00 00');
  t.deepEqual((await bench.read(1000)).data, Buffer.alloc(1000, 9));
});

// --- protection ------------------------------------------------------------------------------------------------------------

test('a write-protected cartridge: DATA PROTECT for everything that writes, and TapeAlert', async (t) => {
  const bench = await TapeBench.make({ cartridge: { writeProtected: true } });
  for (const [cdb, out] of [
    ['0a 00 000004 00', Buffer.alloc(4)],
    ['10 00 000001 00', undefined],
    ['19 01 000000 00', undefined],
    ['04 00 00 0000 00', undefined],
    ['0b 00 00 8000 00', undefined],
  ] as const) {
    const { sense } = await bench.send(cdb, out === undefined ? {} : { out });
    t.is(senseText(sense), '7 27/00', cdb);
  }
  t.is(senseText((await bench.filemarks(0)).sense), 'good');
  t.true(bench.drive.tapeAlerts.has('writeProtect'));
  const { data } = await bench.good('1a 00 00 00 ff 00');
  t.is(data.readUInt8(2) & 0x80, 0x80, 'WP in the mode parameter header');
});

test('software write protection of the Device Configuration page', async (t) => {
  const bench = await TapeBench.make();
  const page = (await bench.good('1a 08 10 00 ff 00')).data.subarray(4);
  const list = Buffer.concat([Buffer.from([0, 0, 0x10, 0]), page]);
  list.writeUInt8(page.readUInt8(0) & 0x3f, 4);
  list.writeUInt8(page.readUInt8(10) | 4, 14);
  await bench.good(`15 10 00 00 ${hex(list.length)} 00`, { out: list });
  t.is(senseText((await bench.write(Buffer.alloc(4))).sense), '7 27/02');
});

test('an older generation is read only: DATA PROTECT, incompatible format', async (t) => {
  const bench = await TapeBench.make({
    personality: 'IBM ULT3580-TD7',
    cartridge: { medium: (await import('#vtl')).mediumOf('LTO-5') },
  });
  t.is(senseText((await bench.write(Buffer.alloc(4))).sense), '7 30/05');
});

test('WORM: appending is right, overwriting and erasing are not', async (t) => {
  const bench = await TapeBench.make({ cartridge: { worm: true } });
  await bench.record(10, 0, 10, 0);
  await bench.rewind();
  t.is(senseText((await bench.write(Buffer.alloc(10))).sense), '7 30/0c');
  t.is(senseText((await bench.send('19 01 000000 00')).sense), '7 30/0c');
  await bench.rewind();
  t.deepEqual((await bench.read(10)).data, Buffer.alloc(10, 1));
  t.true(bench.drive.tapeAlerts.has('wormOverwrite'));
});

test('append-only mode: overwriting needs ALLOW OVERWRITE at that very place', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(10, 10, 10);
  t.is(senseText((await bench.send('82 00 01 00 0000000000000001 000000 00')).sense), '5 20/0c');
  const page = Buffer.alloc(4 + 32);
  page.set([0, 0, 0x10, 0, 0x50, 0x01, 0x00, 0x1c, 0, 0x12]);
  await bench.good('15 10 00 00 24 00', { out: page });
  await bench.good('2b 00 00 00000001 00 00 00');
  t.is(senseText((await bench.write(Buffer.alloc(10))).sense), '7 30/0c');
  t.is(senseText((await bench.send('82 00 01 00 0000000000000002 000000 00')).sense), '5 3b/00');
  await bench.good('82 00 01 00 0000000000000001 000000 00');
  t.is(senseText((await bench.write(Buffer.alloc(10))).sense), 'good');
  await bench.good('2b 00 00 00000000 00 00 00');
  t.is(senseText((await bench.write(Buffer.alloc(10))).sense), '7 30/0c', 'once');
});
