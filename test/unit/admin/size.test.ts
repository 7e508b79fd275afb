/** Sizes as people write and read them. */
import test from 'ava';
import { formatSize } from '#admin';
import { parseSize } from '../../../src/admin/size.js';

test('binary and decimal units, and none', (t) => {
  t.is(parseSize('16M'), 16 * 1024 ** 2);
  t.is(parseSize('12TB'), 12e12);
  t.is(parseSize('2.5TiB'), 2.5 * 1024 ** 4);
  t.is(parseSize('18 tb'), 18e12);
  t.is(parseSize('4096'), 4096);
  t.is(parseSize('0'), 0);
});
test('anything else is none', (t) => {
  for (const text of ['', 'M', '-1M', '1e6', '16X', '1..5G', '99999999TB', '0x10', '1 0M'])
    t.is(parseSize(text), undefined, text);
});
test('sizes are shown with at most four digits', (t) => {
  t.deepEqual([0, 1023, 1024, 16 * 1024 ** 2, 12e12, 1536].map(formatSize), [
    '0 B',
    '1023 B',
    '1 KiB',
    '16 MiB',
    '10.9 TiB',
    '1.50 KiB',
  ]);
});
