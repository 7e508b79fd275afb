/** The log as a person reads it. */
import test from 'ava';
import { plainLine } from '../../../src/env/log.js';

test('a line of JSON becomes a line of text, and nothing in it steers the terminal', (t) => {
  const facts = {
    level: 'warn',
    time: '2026-11-21T21:46:39.716Z',
    comp: 'iscsi',
    session: 3,
    msg: 'Logged in',
  };
  t.is(plainLine(JSON.stringify(facts)), '21:46:39 warn iscsi: Logged in (session 3)\n');
  const hostile = { ...facts, initiator: 'iqn.\u001b[2Jx' };
  t.is(
    plainLine(JSON.stringify(hostile)),
    '21:46:39 warn iscsi: Logged in (session 3, initiator iqn.?[2Jx)\n',
  );
});
