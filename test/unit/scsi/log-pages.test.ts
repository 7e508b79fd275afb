/** LOG SENSE and LOG SELECT. */
import test from 'ava';
import { CheckCondition, logPage, LogPages } from '#scsi';
import { ask, attached, PlainUnit, takeAttentions } from '#support';

interface Counted {
  written: number;
  label: string;
}
const rows = [
  logPage<Counted>({
    page: 0x30,
    name: 'Usage',
    spec: 'test',
    parameters: [
      {
        code: 1,
        name: 'Written',
        kind: 'counter',
        length: 3,
        value: (u) => u.written,
        reset: (u) => (u.written = 0),
      },
      { code: 2, name: 'Kept', kind: 'counter', length: 2, value: () => 5, threshold: () => 9 },
      {
        code: 3,
        name: 'Label',
        kind: 'ascii',
        length: 4,
        value: (u) => u.label,
        select: (u, value) =>
          value.length === 4 ? () => void (u.label = value.toString('latin1')) : undefined,
      },
    ],
  }),
];
const page = (unit: Counted, control: 'cumulative' | 'threshold' | 'default-cumulative'): string =>
  new LogPages(rows).sense(unit, { control, page: 0x30, subpage: 0, parameterPointer: 0 }).toString('hex', 4);

test('cumulative, threshold and default values', (t) => {
  const unit = { written: 0x010203, label: 'ab' };
  t.is(page(unit, 'cumulative'), '00010003010203' + '000200020005' + '0003010461622020');
  t.is(page(unit, 'threshold'), '00010003ffffff' + '000200020009' + '0003010461622020');
  t.is(page(unit, 'default-cumulative'), '00010003000000' + '000200020000' + '0003010461622020');
  t.is(
    page({ written: 2 ** 40, label: 'abcdef' }, 'cumulative').slice(0, 14),
    '00010003ffffff',
    'stops at the end',
  );
});

test('LOG SENSE refuses what is not there', async (t) => {
  const unit = new PlainUnit();
  const a = attached(unit);
  const refused = async (cdb: string): Promise<string> => {
    const { why, where } = await ask(unit, a, cdb);
    return `${why} ${where}`;
  };
  t.is(await refused('4d006f00000000010000'), '5 24 00 cdb 2.5');
  t.is(await refused('4d004c01000000010000'), '5 24 00 cdb 3');
  t.is(await refused('4d006fff000000010000'), '5 24 00 cdb 2.5');
  t.is(await refused('4d004c0000000a010000'), '5 24 00 cdb 5', 'no parameter has that code or a higher one');
  t.is(await refused('4d004000000001010000'), '5 24 00 cdb 5');
  t.is(await refused('4d014c00000000010000'), '5 24 00 cdb 1.0');
  t.is((await ask(unit, a, '4d004cff000000010000')).data.toString('hex'), '4cff00060c000c020cff');
});

test('PCR sets counters to zero and tells the other nexuses', async (t) => {
  const unit = new PlainUnit();
  const [a, b] = [attached(unit, 'a'), attached(unit, 'b')];
  t.is((await ask(unit, a, '4c02c000000000000000')).why, '');
  t.is(unit.count, 0);
  t.deepEqual(takeAttentions(unit, b), ['2a/02']);
  unit.count = 5;
  t.is((await ask(unit, a, '4c024c02000000000000')).why, '', 'that subpage has nothing to reset');
  t.is(unit.count, 5);
  t.deepEqual(takeAttentions(unit, b), []);
  t.is((await ask(unit, a, '4c004000000000000000')).why, '');
  t.is(unit.count, 5, 'current values stay');
  t.is((await ask(unit, a, '4c00c000000000000000')).why, '');
  t.is(unit.count, 0, 'default cumulative values are zero');
  t.is((await ask(unit, a, '4c024f00000000000000')).where, 'cdb 2.5');
  t.is((await ask(unit, a, '4c02c000000000000400', '00000000')).where, 'cdb 1.1');
});

test('LOG SELECT sets what a row lets it set, all or nothing', (t) => {
  const pages = new LogPages(rows);
  const unit = { written: 1, label: 'none' };
  const select = (hex: string): boolean =>
    pages.select(unit, Buffer.from(hex, 'hex'), { control: 'cumulative', reset: false, page: 0, subpage: 0 });
  t.true(select('30000008' + '0003010461626364'));
  t.is(unit.label, 'abcd');
  const code = (hex: string): string => {
    const error = t.throws(() => select(hex), { instanceOf: CheckCondition });
    return `${error?.sense.asc.toString(16)} ${error?.extras.field?.byte ?? ''}`;
  };
  t.is(code('30000008' + '0003010478787878' + '31000000'), '26 12', 'an unknown page');
  t.is(code('3000000f' + '0003010478787878' + '00010003000000'), '26 12', 'a counter that may not be set');
  t.is(code('30000007' + '00030103787878'), '26 8', 'a value that the row refuses');
  t.is(code('30000008' + '00030104'), '1a ', 'a page cut short');
  t.is(code('30000006' + '000301047878'), '1a ', 'a value that leaves its page');
  t.is(code('3000'), '1a ');
  t.is(unit.label, 'abcd');
});

test('a table with codes out of order does not load', (t) => {
  const counter = { name: 'x', kind: 'counter', length: 1, value: () => 0 } as const;
  t.throws(() =>
    logPage({
      page: 1,
      name: 'x',
      spec: 'x',
      parameters: [
        { code: 2, ...counter },
        { code: 1, ...counter },
      ],
    }),
  );
  t.throws(() => logPage({ page: 0, name: 'x', spec: 'x', parameters: [] }));
});
