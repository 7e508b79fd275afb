import test from 'ava';
import { distance, increment, inWindow, isBefore } from '#wire';

test('order goes round the end of 32 bits', (t) => {
  t.true(isBefore(0xffff_fffe, 1));
  t.false(isBefore(1, 0xffff_fffe));
  t.false(isBefore(7, 7));
  t.is(increment(0xffff_ffff), 0);
  t.is(increment(0xffff_fff0, 0x20), 0x10);
  t.is(distance(0xffff_ffff, 4), 5);
});
test('a window may lie across the end, and may be empty', (t) => {
  t.true(inWindow(0xffff_ffff, 0xffff_fff0, 5));
  t.true(inWindow(5, 0xffff_fff0, 5));
  t.false(inWindow(6, 0xffff_fff0, 5));
  t.false(inWindow(0xffff_ffef, 0xffff_fff0, 5));
  t.false(inWindow(9, 9, 8));
});
