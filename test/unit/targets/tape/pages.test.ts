import test from 'ava';
import { hex, senseText, TapeBench } from '#support';
import { drivePersonalities } from '#targets';

/** Expectations: SPC-5 7.3, 7.5 and 7.7, SSC-4 clause 8, and the layouts that sg3_utils decodes. */

// --- INQUIRY and vital product data -----------------------------------------------------------------------------------------

test('INQUIRY: a removable tape with the names of its identity', async (t) => {
  const bench = await TapeBench.make({ cartridge: 'none' });
  const { data } = await bench.good('12 00 00 0060 00');
  t.is(data.readUInt8(0), 0x01);
  t.is(data.readUInt8(1), 0x80);
  t.is(data.readUInt8(2), 0x06);
  t.is(data.toString('latin1', 8, 36), 'IBM     ULT3580-TD8     P371');
  t.is(data.readUInt8(4), data.length - 5);
});

test('every VPD page that page 00h names is there with its code and length', async (t) => {
  for (const personality of [
    'IBM ULT3580-TD8',
    'HP Ultrium 5-SCSI',
    'QUANTUM ULTRIUM-HH7',
    'IBM ULT3580-TD3',
  ]) {
    const bench = await TapeBench.make({ personality, cartridge: 'none' });
    const list = (await bench.good('12 01 00 00ff 00')).data.subarray(4);
    for (const code of [0x00, 0x80, 0x83, 0x86, 0xb0, 0xb1, 0xb2, 0xb3, 0xb4])
      t.true(list.includes(code), hex(code));
    for (const code of list) {
      const { data } = await bench.good(`12 01 ${hex(code)} 0400 00`);
      t.is(data.readUInt8(1), code);
      t.is(data.readUInt16BE(2), data.length - 4, `${personality} ${hex(code)}`);
    }
    t.is(senseText((await bench.send('12 01 ef 00fc 00')).sense), '5 24/00');
  }
});

test('pages of sequential-access devices: WORM, serial numbers, TapeAlert flags, the place in the library', async (t) => {
  const bench = await TapeBench.make({ cartridge: 'none' });
  const page = async (code: string): Promise<Buffer> =>
    (await bench.good(`12 01 ${code} 00ff 00`)).data.subarray(4);
  t.is((await page('b0')).readUInt8(0) & 1, 1);
  t.is((await page('b1')).toString(), 'TS00000001');
  t.is((await page('b3')).toString(), 'LIB0000001');
  t.is((await page('b4')).toString('hex'), '0101');
  const flags = (await page('b2')).readBigUInt64BE();
  t.is((flags >> 60n) & 1n, 1n, 'flag 4, media');
  t.is((flags >> 63n) & 1n, 0n, 'flag 1 is none of ours');
  t.is((await page('c0')).toString('latin1', 0, 4), 'P371');
});

test('personalities: each has names that fit INQUIRY, and makes a unit', async (t) => {
  const names = Object.keys(drivePersonalities);
  for (const wanted of [
    'IBM ULT3580-TD4',
    'IBM ULT3580-HH9',
    'IBM ULTRIUM-TD6',
    'HP Ultrium 6-SCSI',
    'HPE Ultrium 8-SCSI',
    'QUANTUM ULTRIUM 4',
  ])
    t.true(names.includes(wanted), wanted);
  for (const personality of names) {
    const bench = await TapeBench.make({ personality });
    const { vendor, product, revision } = bench.personality;
    t.true(vendor.length <= 8 && product.length <= 16 && revision.length === 4, personality);
    t.is(senseText((await bench.write(Buffer.alloc(100))).sense), 'good', personality);
    await bench.good('1a 00 3f ff ff 00');
    await bench.good('4d 00 40 00 00 0000 2000 00');
  }
});

// --- mode pages ---------------------------------------------------------------------------------------------------------------

test('MODE SENSE(6) and (10) of page 0: header and block descriptor', async (t) => {
  const bench = await TapeBench.make();
  t.is((await bench.good('1a 00 00 00 0c 00')).data.toString('hex'), '0b8810085e00000000000000');
  t.is(
    (await bench.good('5a 00 00 00 00 00 00 00 40 00')).data.toString('hex'),
    '000e8810000000085e00000000000000',
  );
});

test('every page: current, changeable, default and saved values have one length', async (t) => {
  const bench = await TapeBench.make();
  const all = (await bench.good('5a 08 3f ff 00 00 00 10 00 00')).data.subarray(8);
  const pages: string[] = [];
  for (let at = 0; at < all.length;) {
    const long = (all.readUInt8(at) & 0x40) !== 0;
    const page = all.readUInt8(at) & 0x3f;
    const subpage = long ? all.readUInt8(at + 1) : 0;
    const length = long ? all.readUInt16BE(at + 2) + 4 : all.readUInt8(at + 1) + 2;
    pages.push(subpage === 0 ? hex(page) : `${hex(page)}/${hex(subpage)}`);
    for (const control of [0, 1, 2, 3]) {
      const { data } = await bench.good(
        `5a 08 ${hex((control << 6) | page)} ${hex(subpage)} 00 00 00 10 00 00`,
      );
      t.is(data.length, 8 + length, `${pages.at(-1)} ${control}`);
    }
    at += length;
  }
  t.deepEqual(pages, [
    '01',
    '02',
    '0a',
    '0a/01',
    '0a/f0',
    '0f',
    '10',
    '10/01',
    '11',
    '1a',
    '1c',
    '1d',
    '24',
    '25',
    '2f',
    '30/20',
  ]);
});

test('block length and buffered mode by MODE SELECT; everybody else is told', async (t) => {
  const bench = await TapeBench.make();
  const other = bench.attach('two');
  await bench.good('15 10 00 00 0c 00', { out: Buffer.from('000020085e00000000010000', 'hex') });
  t.deepEqual(bench.calm(other), ['2a/01']);
  t.is((await bench.good('1a 00 00 00 0c 00')).data.toString('hex'), '0b8820085e00000000010000');
  await bench.good('15 10 00 00 0c 00', { out: Buffer.from('000020085e00000000010000', 'hex') });
  t.deepEqual(bench.calm(other), [], 'nothing has changed');
  await bench.unit.reset('logical-unit');
  bench.calm(bench.nexus);
  t.is((await bench.good('1a 00 00 00 0c 00')).data.toString('hex'), '0b8810085e00000000000000');
});

const refusedSelects = [
  ['density of another medium', '00 00 10 08 5c 000000 00 000200', 4],
  ['a number of blocks', '00 00 10 08 00 000001 00 000200', 5],
  ['buffered mode 3', '00 00 30 08 00 000000 00 000200', 2],
  ['a speed', '00 00 11 08 00 000000 00 000200', 2],
  ['another medium type', '00 58 10 08 00 000000 00 000200', 1],
] as const;
for (const [what, list, byte] of refusedSelects) {
  test(`MODE SELECT refuses ${what}, and changes nothing`, async (t) => {
    const bench = await TapeBench.make();
    const { sense } = await bench.send('15 10 00 00 0c 00', {
      out: Buffer.from(list.replaceAll(' ', ''), 'hex'),
    });
    t.is(senseText(sense), '5 26/00');
    t.is(sense?.fieldByte, byte);
    t.is((await bench.good('1a 00 00 00 0c 00')).data.toString('hex'), '0b8810085e00000000000000');
  });
}
test('densities that stand for the medium’s own are taken', async (t) => {
  const bench = await TapeBench.make();
  for (const code of ['00', '7f', '5e'])
    await bench.good('15 10 00 00 0c 00', { out: Buffer.from(`00001008${code}00000000000400`, 'hex') });
  t.is((await bench.good('1a 00 00 00 0c 00')).data.readUIntBE(9, 3), 1024);
});

test('compression is one switch on two pages', async (t) => {
  const bench = await TapeBench.make();
  const byte = async (page: string, at: number): Promise<number> =>
    (await bench.good(`1a 08 ${page} 00 ff 00`)).data.readUInt8(4 + at);
  t.is(await byte('0f', 2), 0xc0);
  const page = (await bench.good('1a 08 0f 00 ff 00')).data.subarray(4);
  page.writeUInt8(0x0f, 0);
  page.writeUInt8(0x40, 2);
  await bench.good('15 10 00 00 14 00', { out: Buffer.concat([Buffer.from([0, 0, 0x10, 0]), page]) });
  t.is(await byte('0f', 2), 0x40);
  t.is(await byte('10', 14), 0);
});

test('append-only and programmable early warning of saved pages reach the drive after a restart', async (t) => {
  const bench = await TapeBench.make();
  const list = Buffer.alloc(4 + 32);
  list.set([0, 0, 0x10, 0, 0x50, 0x01, 0x00, 0x1c, 0, 0x12, 0, 3]);
  await bench.good('15 11 00 00 24 00', { out: list });
  t.true(bench.drive.appendOnly);
  bench.drive.setAppendOnly(false);
  await bench.unit.load();
  t.true(bench.drive.appendOnly);
});

test('BAML: the block address mode is fixed, and commands of the other are refused', async (t) => {
  const bench = await TapeBench.make();
  const mode = async (bits: number): Promise<void> => {
    const page = (await bench.good('1a 08 10 00 ff 00')).data.subarray(4);
    page.writeUInt8(0x10, 0);
    page.writeUInt8((page.readUInt8(10) & ~3) | bits, 10);
    await bench.good('15 10 00 00 14 00', { out: Buffer.concat([Buffer.from([0, 0, 0x10, 0]), page]) });
  };
  await bench.record(10);
  await mode(2);
  t.is(senseText((await bench.send('88 00 00 00 0000000000000000 00000a 00')).sense), '5 20/07');
  await mode(3);
  t.is(senseText((await bench.read(10)).sense), '5 20/06');
  t.is(senseText((await bench.send('88 00 00 00 0000000000000000 00000a 00')).sense), 'good');
});

// --- log pages ------------------------------------------------------------------------------------------------------------------

/** Parameters of a log page by code. */
async function parameters(bench: TapeBench, page: number): Promise<Map<number, Buffer>> {
  const { data } = await bench.good(`4d 00 ${hex(0x40 | page)} 00 00 0000 4000 00`);
  mustBe(data.readUInt16BE(2), data.length - 4);
  const found = new Map<number, Buffer>();
  for (let at = 4; at < data.length;) {
    const end = at + 4 + data.readUInt8(at + 3);
    found.set(data.readUInt16BE(at), data.subarray(at + 4, end));
    at = end;
  }
  return found;
}
function mustBe(actual: number, wanted: number): void {
  if (actual !== wanted) throw new Error(`page length ${actual}, wanted ${wanted}`);
}
const value = (found: Map<number, Buffer>, code: number): number => {
  const bytes = found.get(code);
  if (bytes === undefined) throw new Error(`no parameter ${hex(code, 4)}`);
  return Number(BigInt(`0x${bytes.toString('hex')}`));
};

test('every log page that page 00h names is there', async (t) => {
  const bench = await TapeBench.make();
  const list = [...(await bench.good('4d 00 40 00 00 0000 0100 00')).data.subarray(4)];
  t.deepEqual(
    list.map((code) => hex(code)),
    '00 02 03 06 0c 0d 10 11 12 14 16 17 1a 1b 2e 30 31 32 37'.split(' '),
  );
  for (const page of list.slice(1)) await parameters(bench, page);
  t.pass();
});

test('log pages while the drive is empty', async (t) => {
  const bench = await TapeBench.make({ cartridge: 'none' });
  const list = [...(await bench.good('4d 00 40 00 00 0000 0100 00')).data.subarray(4)];
  for (const page of list.slice(1)) await parameters(bench, page);
  t.is(value(await parameters(bench, 0x17), 0), 0, 'page valid');
});

test('counters count what is written and read', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(300_000, 700_000, 0);
  await bench.rewind();
  await bench.read(300_000);
  const sequential = await parameters(bench, 0x0c);
  t.is(value(sequential, 0), 1_000_000);
  t.is(value(sequential, 1), 1_000_000);
  t.is(value(sequential, 3), 300_000);
  t.is(value(await parameters(bench, 0x02), 5), 1_000_000);
  t.is(value(await parameters(bench, 0x03), 5), 300_000);
  const volume = await parameters(bench, 0x17);
  t.is(value(volume, 0x01), 1, 'thread count');
  t.is(value(volume, 0x0e), 1, 'megabytes of this mount');
  t.is(value(volume, 0x10), 1);
  t.is(value(volume, 0x16), 100);
  t.is(volume.get(0x42)?.toString().trimEnd(), 'TS0001L8');
  t.is(volume.get(0x202)?.toString('hex'), '07000000' + hex(100, 8));
  const compression = await parameters(bench, 0x1b);
  t.is(value(compression, 6), 1);
  t.is(value(compression, 1), 100, 'ratio 1:1');
  t.is(value(await parameters(bench, 0x14), 0), 1, 'loads');
  t.is(value(await parameters(bench, 0x31), 3), Math.floor(100e6 / 2 ** 20));
});

test('LOG SELECT with PCR begins counters anew; those of a life go on', async (t) => {
  const bench = await TapeBench.make();
  await bench.record(1000);
  await bench.good('4c 02 4c 00 00 00 00 0000 00');
  t.is(value(await parameters(bench, 0x0c), 0), 0);
  await bench.record(500);
  t.is(value(await parameters(bench, 0x0c), 0), 500);
  t.is(bench.drive.counters.hostBytesWritten, 1500);
});

test('TapeAlert: up after the event, down after the page was read; page 12h does not lower', async (t) => {
  const bench = await TapeBench.make({ cartridge: { writeProtected: true } });
  await bench.write(Buffer.alloc(10));
  const flag = 0x09;
  t.is(value(await parameters(bench, 0x12), 0) > 0, true);
  t.is(value(await parameters(bench, 0x2e), flag), 1);
  t.is(value(await parameters(bench, 0x2e), flag), 0);
  await bench.write(Buffer.alloc(10));
  t.is(value(await parameters(bench, 0x2e), flag), 1, 'again');
});

test('TapeAlert: test flags by the Informational Exceptions page', async (t) => {
  const bench = await TapeBench.make();
  const select = async (number: number): Promise<void> => {
    const page = Buffer.alloc(4 + 12);
    page.set([0, 0, 0x10, 0, 0x1c, 0x0a, 0x04, 3]);
    page.writeInt32BE(number, 12);
    await bench.good('15 10 00 00 10 00', { out: page });
  };
  await select(20);
  await select(33);
  const flags = await parameters(bench, 0x2e);
  t.is(value(flags, 20), 1);
  t.is(value(flags, 33), 1);
  t.is(value(flags, 21), 0);
  await select(20);
  await select(-20);
  t.is(value(await parameters(bench, 0x2e), 20), 0);
});

test('TAPLSD keeps flags that were read', async (t) => {
  const bench = await TapeBench.make();
  const list = Buffer.alloc(4 + 32);
  list.set([0, 0, 0x10, 0, 0x50, 0x01, 0x00, 0x1c, 0x01, 0x02]);
  await bench.good('15 10 00 00 24 00', { out: list });
  bench.drive.raiseTapeAlert('media');
  t.is(value(await parameters(bench, 0x2e), 4), 1);
  t.is(value(await parameters(bench, 0x2e), 4), 1);
});

test('DT device status: what the drive holds', async (t) => {
  const bench = await TapeBench.make();
  const status = async (): Promise<string> => (await parameters(bench, 0x11)).get(0)?.toString('hex') ?? '';
  t.is(await status(), '31170000');
  await bench.good('1e 00 00 00 01 00');
  t.is(await status(), 'b1170000');
  await bench.good('1e 00 00 00 00 00');
  await bench.good('1b 00 00 00 00 00');
  t.is(await status(), '51340000');
});
