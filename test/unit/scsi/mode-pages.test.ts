/** MODE SENSE and MODE SELECT over a unit with a page of every kind. */
import test from 'ava';
import {
  CONTROL,
  modePage,
  ModePages,
  type ModeHeader,
  invalidParameter,
  type Persistence,
  usePage,
} from '#scsi';
import { ask, attached, fakeNexus, MemoryPersistence, PlainUnit, takeAttentions } from '#support';
import { bits, flag, u16, u8 } from '#wire';

const LAST = modePage({
  page: 0x00,
  name: 'Vendor page',
  spec: 'test',
  length: 4,
  fields: { value: u8(2) },
  defaults: { value: 1 },
  changeable: [],
});
const SHORTER = modePage({
  page: 0x11,
  name: 'May be sent shorter',
  spec: 'test',
  length: 12,
  lengthMin: 8,
  fields: { count: u8(3), unit: bits(4, 4, 3), first: u16(8), second: u16(10) },
  defaults: { count: 0, unit: 2, first: 7, second: 9 },
  changeable: ['count', 'first', 'second'],
  check: (value) => (value.count > 3 ? 'count' : undefined),
});
const SUB = modePage({
  page: 0x11,
  subpage: 0x02,
  name: 'Subpage',
  spec: 'test',
  length: 8,
  fields: { on: flag(5, 3) },
  defaults: { on: false },
  changeable: ['on'],
  saveable: true,
});

class TapeHeader implements ModeHeader {
  buffered = 1;
  blockLength = 0;
  sense(): { mediumType: number; deviceSpecific: number } {
    return { mediumType: 0x88, deviceSpecific: this.buffered << 4 };
  }
  blockDescriptor(): Buffer {
    const descriptor = Buffer.alloc(8);
    descriptor[0] = 0x5e;
    descriptor.writeUIntBE(this.blockLength, 5, 3);
    return descriptor;
  }
  select(sent: Parameters<ModeHeader['select']>[0]): (() => void) | undefined {
    const buffered = (sent.deviceSpecific >> 4) & 7;
    if (buffered > 1) throw invalidParameter(sent.at.deviceSpecific, 6);
    const blockLength =
      sent.blockDescriptor.length === 8 ? sent.blockDescriptor.readUIntBE(5, 3) : this.blockLength;
    if (buffered === this.buffered && blockLength === this.blockLength) return undefined;
    return () => {
      this.buffered = buffered;
      this.blockLength = blockLength;
    };
  }
}

class PagedUnit extends PlainUnit {
  override readonly modePages: ModePages;
  readonly header = new TapeHeader();
  present = true;
  live = 2;
  readonly selected: unknown[] = [];
  constructor(persistence?: Persistence) {
    super(persistence);
    this.modePages = new ModePages(
      [
        usePage(LAST),
        usePage(SHORTER, {
          defaults: { first: 8 },
          live: () => ({ unit: this.live }),
          selected: (value) => void this.selected.push(value),
        }),
        usePage(SUB, { present: () => this.present }),
        usePage(CONTROL),
      ],
      this.header,
      persistence,
    );
  }
}

test('MODE SENSE: header, block descriptor, pages in order, page 00h last', async (t) => {
  const unit = new PagedUnit();
  const a = attached(unit);
  const all = await ask(unit, a, '1a003f00ff00');
  t.is(all.data.toString('hex', 0, 12), '27881008' + '5e00000000000000');
  t.is(
    all.data.toString('hex', 12),
    '8a0a02000000000000000001' + '110a00001000000000080009' + '00020100' + '',
  );
  const noDescriptor = await ask(unit, a, '1a083fffff00');
  t.is(noDescriptor.data.toString('hex', 0, 4), '27881000');
  t.is(noDescriptor.data.toString('hex', 28, 36), 'd102000400000000', 'subpages follow their page');
  const long = await ask(unit, a, '5a001100000000000700');
  t.is(long.data.toString('hex'), '001a8810000000', 'cut to the allocation length, full length announced');
});

test('MODE SENSE: changeable, default and saved values', async (t) => {
  const unit = new PagedUnit();
  const a = attached(unit);
  unit.modePages.set(SHORTER, { count: 2 });
  unit.live = 1;
  const page = async (control: number): Promise<string> =>
    (await ask(unit, a, Buffer.from([0x1a, 8, (control << 6) | 0x11, 0, 255, 0]))).data.toString('hex', 4);
  t.is(await page(0), '110a00020800000000080009');
  t.is(await page(1), '110a00ff00000000ffffffff');
  t.is(await page(2), '110a00000800000000080009');
  t.is(await page(3), '110a00000000000000000000', 'it is not saveable: zero');
});

test('MODE SENSE refuses pages that are not there', async (t) => {
  const unit = new PagedUnit();
  const a = attached(unit);
  const refused = async (cdb: string): Promise<string> => {
    const { why, where } = await ask(unit, a, cdb);
    return `${why} ${where}`;
  };
  t.is(await refused('1a000f00ff00'), '5 24 00 cdb 2.5');
  t.is(await refused('1a001105ff00'), '5 24 00 cdb 3');
  t.is(await refused('1a003f05ff00'), '5 24 00 cdb 3');
  t.is((await ask(unit, a, '1a001102ff00')).why, '');
  unit.present = false;
  t.is(await refused('1a001102ff00'), '5 24 00 cdb 3');
});

test('saved values without a page that can be saved', async (t) => {
  const unit = new PagedUnit();
  const plain = Object.assign(unit, { modePages: new ModePages([usePage(SHORTER)]) });
  const a = attached(plain);
  t.is((await ask(plain, a, '1a00ff00ff00')).why, '5 39 00');
  const save = await ask(plain, a, '151100000400', '00000000');
  t.is(`${save.why} ${save.where}`, '5 24 00 cdb 1.0');
});

test('MODE SELECT changes what was sent and tells the other nexuses', async (t) => {
  const unit = new PagedUnit();
  const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
  const list = '00001008 5e00000000000200 110a0003100000000010000a';
  const done = await ask(unit, a, '151000001800', list);
  t.is(`${done.why} ${done.where}`, ' ');
  t.like(unit.modePages.value(SHORTER), { count: 3, first: 16, second: 10 });
  t.is(unit.header.blockLength, 512);
  t.is(unit.selected.length, 1);
  t.deepEqual(takeAttentions(unit, a), []);
  t.deepEqual(takeAttentions(unit, b), ['2a/01']);
  t.is((await ask(unit, a, '151000001800', list)).why, '');
  t.deepEqual(takeAttentions(unit, b), [], 'the same again changes nothing');
  t.is(unit.selected.length, 1);
});

test('MODE SELECT(10) and a page that is sent shorter', async (t) => {
  const unit = new PagedUnit();
  const a = attached(unit);
  t.is((await ask(unit, a, '55100000000000001200', '0000001000000000 11080001100000000011')).why, '');
  t.like(unit.modePages.value(SHORTER), { count: 1, first: 0x11, second: 9 });
});

/** List of MODE SELECT(6), and what is wrong with it. */
const wrong: readonly (readonly [string, string, string])[] = [
  ['no whole header', '000000', '5 1a 00 '],
  ['half a block descriptor', '00001008 5e00', '5 1a 00 '],
  ['a block descriptor of 16 bytes', '00001010 00000000000000000000000000000000', '5 26 00 parameters 3'],
  ['half a page header', '00001000 11', '5 1a 00 '],
  ['half a page', '00001000 110a0003', '5 1a 00 '],
  ['an unknown page', '00001000 0f0200ff', '5 26 00 parameters 4.5'],
  ['an unknown subpage', '00001000 51050000', '5 26 00 parameters 4.5'],
  ['a page too long', '00001000 110c0000100000000008000900000000', '5 26 00 parameters 5'],
  ['a page too short', '00001000 11040000100000', '5 26 00 parameters 5'],
  ['a field that may not change', '00001000 110a00001000000000080009 00020200', '5 26 00 parameters 18.1'],
  ['a reserved bit', '00001000 110a00001001000000080009', '5 26 00 parameters 9.0'],
  ['a value that the page refuses', '00001000 110a00041000000000080009', '5 26 00 parameters 7.7'],
  ['a header field that the device refuses', '00007000 110a00011000000000080009', '5 26 00 parameters 2.6'],
];
for (const [say, list, expected] of wrong) {
  test(`MODE SELECT refuses ${say}, and then nothing has changed`, async (t) => {
    const unit = new PagedUnit();
    const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
    // A good page before the bad one must not be taken either.
    const good = '0a0a06000000000000000001';
    const header = list.slice(0, 8);
    for (const text of [
      list,
      `${header}${list.startsWith('00001000 ') ? good + list.slice(9) : list.slice(8)}`,
    ]) {
      const bytes = Buffer.from(text.replaceAll(' ', ''), 'hex');
      const { why, where } = await ask(unit, a, Buffer.from([0x15, 0x10, 0, 0, bytes.length, 0]), bytes);
      if (text === list) t.is(`${why} ${where}`, expected);
      else t.is(why, expected.slice(0, 7));
    }
    t.false(unit.descriptorSense);
    t.like(unit.modePages.value(SHORTER), { count: 0, first: 8 });
    t.is(unit.header.buffered, 1);
    t.deepEqual(takeAttentions(unit, b), []);
  });
}

test('MODE SELECT with less data than its CDB says is not interpreted', async (t) => {
  const unit = new PagedUnit();
  const a = attached(unit);
  t.is((await ask(unit, a, '151000001000', '00001000')).why, '5 1a 00');
  t.is((await ask(unit, a, '151000000000')).why, '', 'no list is no change');
});

test('SP saves what is saveable; a new process and a reset have it again', async (t) => {
  const persistence = new MemoryPersistence();
  const unit = new PagedUnit(persistence);
  const a = attached(unit);
  t.is((await ask(unit, a, '151100001800', '00001000 0a0a06000000000000000001 5102000400080000')).why, '');
  t.is((await ask(unit, a, '1a08ca00ff00')).data.toString('hex', 4), '8a0a06000000000000000001');
  t.is((await ask(unit, a, '151000001000', '00001000 0a0a02000000000000000001')).why, '');
  t.false(unit.descriptorSense, 'changed, not saved');
  await unit.reset('logical-unit');
  t.true(unit.descriptorSense);
  const next = new PagedUnit(persistence);
  await next.load();
  t.true(next.descriptorSense);
  t.true(next.modePages.value(SUB).on);
  t.is(next.modePages.value(SHORTER).count, 0);
});

test('a saved blob that fits no more is left alone', async (t) => {
  for (const blob of ['8a0a', '0a0a0600', '0a0affffffffffffffffffff', '3f000000', '']) {
    const persistence = new MemoryPersistence();
    persistence.blobs.set('mode-pages', Buffer.from(blob, 'hex'));
    const unit = new PagedUnit(persistence);
    await unit.load();
    t.deepEqual(unit.modePages.value(CONTROL), CONTROL.defaults, blob);
  }
});

test('RTD goes back to the defaults', async (t) => {
  const unit = new PagedUnit(new MemoryPersistence());
  const a = attached(unit);
  const b = fakeNexus('b');
  attached(unit, b);
  await ask(unit, a, '151100001000', '00001000 0a0a06000000000000000001');
  takeAttentions(unit, b);
  t.is((await ask(unit, a, '151300000000')).why, '');
  t.false(unit.descriptorSense);
  t.deepEqual(takeAttentions(unit, b), ['2a/01']);
  await unit.reset('logical-unit');
  t.false(unit.descriptorSense, 'SP = 1 saved the defaults');
  takeAttentions(unit, a);
  t.is((await ask(unit, a, '151200000400', '00001000')).where, 'cdb 1.1');
});

test('MODE SENSE(6) cannot count more than 256 bytes', async (t) => {
  const rows = Array.from({ length: 12 }, (_, page) =>
    usePage(
      modePage({
        page: page + 0x20,
        name: 'Long',
        spec: 'test',
        length: 32,
        fields: {},
        defaults: {},
        changeable: [],
      }),
    ),
  );
  const unit = Object.assign(new PagedUnit(), { modePages: new ModePages(rows) });
  const a = attached(unit);
  const six = await ask(unit, a, '1a003f00ff00');
  t.is(six.data.length, 255);
  t.is(six.data[0], 255);
  t.is((await ask(unit, a, '5a003f00000000020000')).data.readUInt16BE(0), 12 * 32 + 6);
});
