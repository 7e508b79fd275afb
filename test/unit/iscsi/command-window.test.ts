import test from 'ava';
import fc from 'fast-check';
import { distance, increment } from '#wire';
import { CommandWindow } from '../../../src/iscsi/command-window.js';

const command = (log: string[], name: string) => ({
  deliver: () => void log.push(name),
  drop: () => void log.push(`-${name}`),
});

test('commands are delivered in the order of CmdSN, each once, however they arrive', (t) => {
  const start = fc.oneof(fc.nat(0xffff_ffff), fc.constant(0xffff_fff0), fc.constant(0x7fff_fff0));
  fc.assert(
    fc.property(start, fc.shuffledSubarray([...Array(24).keys()], { minLength: 24 }), (first, order) => {
      const window = new CommandWindow(24, first);
      const log: string[] = [];
      for (const offset of order) {
        const cmdSN = increment(first, offset);
        t.not(window.place(cmdSN), 'ignored');
        window.admit(cmdSN, command(log, String(offset)));
        t.is(window.place(cmdSN), 'ignored', 'a duplicate');
      }
      t.deepEqual(log, [...Array(24).keys()].map(String));
      t.is(window.expCmdSN, increment(first, 24));
    }),
  );
});
test('what is outside the window is ignored', (t) => {
  const window = new CommandWindow(8, 100);
  t.is(window.place(99), 'ignored');
  t.is(window.place(100), 'next');
  t.is(window.place(107), 'early');
  t.is(window.place(108), 'ignored');
  t.is(window.place(100 + 0x8000_0000), 'ignored');
});
test('the window opens as commands end, and never shrinks', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('come', 'end', 'low', 'high'), { maxLength: 200 }), (events) => {
      const window = new CommandWindow(8, 0xffff_fff8);
      let places = 8;
      for (const event of events) {
        const before = window.maxCmdSN;
        if (event === 'come' && window.place(window.expCmdSN) === 'next') {
          window.admit(window.expCmdSN, { deliver: () => window.began(), drop: () => undefined });
        } else if (event === 'end' && window.outstanding > 0) window.ended();
        else if (event === 'low') places = 2;
        else if (event === 'high') places = 8;
        window.advance(places);
        t.true(distance(before, window.maxCmdSN) <= 8, 'MaxCmdSN goes forward only');
        const open = distance(window.expCmdSN, increment(window.maxCmdSN));
        t.true(open <= 8 && open + window.outstanding <= 8 + 0, 'no more than there are places');
        t.true(open > 0 || window.outstanding > 0, 'a closed window is reopened by an answer under way');
      }
    }),
  );
});
test('a number that was aborted before it came is filled in', (t) => {
  const window = new CommandWindow(8, 5);
  const log: string[] = [];
  window.admit(6, command(log, 'six'));
  t.true(window.plug(5));
  t.deepEqual(log, ['six']);
  t.is(window.expCmdSN, 7);
  t.false(window.plug(6));
});
test('what never came into order is dropped at the end', (t) => {
  const window = new CommandWindow(8, 5);
  const log: string[] = [];
  window.admit(7, command(log, 'seven'));
  window.close();
  t.deepEqual(log, ['-seven']);
});
