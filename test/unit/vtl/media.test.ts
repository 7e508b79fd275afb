import test from 'ava';
import { accessOf, isBarcode, MEDIA, mediaOf, mediumOf, mediumOfBarcode, mediumOfSuffix } from '#vtl';

test('no two media share a suffix or a density code', (t) => {
  const suffixes = MEDIA.flatMap(({ suffix }) => [
    suffix.data,
    ...(suffix.worm === undefined ? [] : [suffix.worm]),
  ]);
  t.is(new Set(suffixes).size, suffixes.length);
  t.is(new Set(MEDIA.map(({ densityCode }) => densityCode)).size, MEDIA.length);
});

test('a barcode says what the cartridge is', (t) => {
  const kind = (barcode: string): string => {
    const found = mediumOfBarcode(barcode);
    if (found === undefined) return 'unknown';
    return found.cleaning ? 'cleaning' : `${found.medium.key}${found.worm ? ' WORM' : ''}`;
  };
  const cases = { A00001L3: 'LTO-3', A00001LT: 'LTO-3 WORM', A00001LU: 'LTO-4 WORM', A00001LV: 'LTO-5 WORM' };
  const more = {
    A00001LW: 'LTO-6 WORM',
    A00001LX: 'LTO-7 WORM',
    A00001LY: 'LTO-8 WORM',
    A00001LZ: 'LTO-9 WORM',
  };
  const rest = {
    A00001M8: 'LTO-M8',
    A00001LA: 'LTO-10',
    CLN001L1: 'cleaning',
    CLNU01CU: 'cleaning',
    A00001ZZ: 'unknown',
  };
  for (const [barcode, expected] of Object.entries({ ...cases, ...more, ...rest }))
    t.is(kind(barcode), expected, barcode);
  t.is(mediumOfSuffix('L8')?.medium.key, 'LTO-8');
  t.is(mediumOfSuffix('L'), undefined);
});

test('barcodes are capital letters and digits', (t) => {
  for (const good of ['A', 'A00001L8', 'X'.repeat(32)]) t.true(isBarcode(good), good);
  for (const bad of ['', 'a00001L8', 'A 0001L8', 'X'.repeat(33), 'A00001L8\n']) t.false(isBarcode(bad), bad);
});

test('drives write one generation back and read two, until LTO-8 reads one and LTO-10 none', (t) => {
  const access = (drive: number, key: Parameters<typeof mediumOf>[0]): string =>
    accessOf(drive, mediumOf(key)) ?? 'no';
  t.is(access(6, 'LTO-4'), 'read-only');
  t.is(access(6, 'LTO-5'), 'read-write');
  t.is(access(6, 'LTO-3'), 'no');
  t.is(access(6, 'LTO-7'), 'no');
  t.is(access(7, 'LTO-5'), 'read-only');
  t.is(access(7, 'LTO-M8'), 'no');
  t.is(access(8, 'LTO-6'), 'no');
  t.is(access(8, 'LTO-M8'), 'read-write');
  t.is(access(9, 'LTO-M8'), 'no');
  t.is(access(9, 'LTO-8'), 'read-write');
  t.is(access(10, 'LTO-9'), 'no');
  t.deepEqual(mediaOf(5).map(({ key }) => key), ['LTO-3', 'LTO-4', 'LTO-5']); // prettier-ignore
});
