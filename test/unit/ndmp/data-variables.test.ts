import test from 'ava';
import {
  backupWishes,
  excludePatterns,
  nextToken,
  recoverWishes,
  resultVariables,
  tokenText,
  Variables,
} from '../../../src/ndmp/data-variables.js';

const variables = (...pairs: readonly [string, string][]): Variables =>
  new Variables(pairs.map(([name, value]) => ({ name, value })));
const wishes = (...pairs: readonly [string, string][]) =>
  backupWishes(variables(['FILESYSTEM', '/data'], ...pairs), 'tar');
const illegal = { code: 'illegal-args' };

test('without variables: level 0, no history, the level is remembered', (t) => {
  t.like(wishes(), {
    tree: '/data',
    base: { kind: 'level', level: 0 },
    update: true,
    history: 'none',
    exclude: [],
    files: [],
    name: '',
  });
});

test('a backup needs a tree; PREFIX will do', (t) => {
  t.throws(() => backupWishes(variables(['HIST', 'y']), 'tar'), illegal);
  t.throws(() => backupWishes(variables(['FILESYSTEM', '']), 'tar'), illegal);
  t.is(backupWishes(variables(['PREFIX', '/p']), 'tar').tree, '/p');
  t.is(backupWishes(variables(['PREFIX', '/p'], ['FILESYSTEM', '/f']), 'tar').tree, '/f');
});

test('HIST: f is a form and not false', (t) => {
  const form = (value: string, type = 'tar'): string =>
    backupWishes(variables(['FILESYSTEM', '/d'], ['HIST', value]), type).history;
  t.deepEqual(
    ['f', 'F', 'file'].map((value) => form(value, 'dump')),
    ['file', 'file', 'file'],
  );
  t.deepEqual(
    ['d', 'D', 'dir'].map((value) => form(value)),
    ['dir', 'dir', 'dir'],
  );
  t.deepEqual(
    ['y', 'Yes', 't', '1'].map((value) => form(value)),
    ['file', 'file', 'file', 'file'],
  );
  t.is(form('y', 'dump'), 'dir');
  t.deepEqual(
    ['n', 'no', '0', 'false', ''].map((value) => form(value)),
    Array(5).fill('none'),
  );
});

test('LEVEL is 0 to 31', (t) => {
  const level = (value: string): unknown => wishes(['LEVEL', value]).base;
  t.deepEqual(level('9'), { kind: 'level', level: 9 });
  t.deepEqual(level('31'), { kind: 'level', level: 31 });
  t.deepEqual(level(''), { kind: 'level', level: 0 });
  for (const value of ['32', '-1', '1.5', 'I', '0x1', '100']) t.throws(() => level(value), illegal, value);
});

test('BASE_DATE counts before LEVEL: chain in the high half, date in the low one', (t) => {
  const base = (value: string): unknown => wishes(['LEVEL', '3'], ['BASE_DATE', value]).base;
  const token = { sequence: 2, dateS: 1_700_000_000 };
  t.deepEqual(base('10289934592'), { kind: 'token', token });
  t.deepEqual(base('0x26553f100'), { kind: 'token', token });
  t.deepEqual(base('0'), { kind: 'token', token: { sequence: 0, dateS: 0 } });
  t.deepEqual(base('-1'), { kind: 'level', level: 3 });
  for (const value of ['-2', 'x', '1 2', '99999999999999999999', '9223372036854775808'])
    t.throws(() => base(value), illegal, value);
  t.is(tokenText(token), '10289934592');
  t.deepEqual(nextToken(token, 7), { sequence: 3, dateS: 7 });
});

test('EXCLUDE: commas separate unless a backslash stands before them; variables add up', (t) => {
  t.deepEqual(excludePatterns('*.o,tmp/*, core'), ['*.o', 'tmp/*', ' core']);
  t.deepEqual(excludePatterns('a\\,b,c\\\\,d\\*e,'), ['a,b', 'c\\', 'd\\*e']);
  t.deepEqual(excludePatterns(',,'), []);
  t.deepEqual(excludePatterns('end\\'), ['end\\']);
  t.deepEqual(wishes(['EXCLUDE', 'a,b'], ['EXCLUDE', 'c']).exclude, ['a', 'b', 'c']);
  t.throws(() => wishes(['EXCLUDE', 'a,'.repeat(1025)]), illegal);
});

test('FILES: one path each, spaces and all', (t) => {
  const { files } = wishes(['FILES', 'a b/c,d'], ['FILES', 'e'], ['FILES', '']);
  t.deepEqual(files.map(String), ['a b/c,d', 'e']);
});

test('of a repeated name the first counts; what is neither yes nor no is the default', (t) => {
  t.true(variables(['DIRECT', 'y'], ['DIRECT', 'n']).flag('DIRECT'));
  t.false(variables(['DIRECT', 'maybe']).flag('DIRECT'));
  t.true(variables(['RECURSIVE', 'maybe']).flag('RECURSIVE'));
  t.false(variables(['UPDATE', 'F']).flag('UPDATE'));
});

test('recovery: everything with EXTRACT=n only; files are overwritten unless told not to be', (t) => {
  const recover = (...pairs: readonly [string, string][]) => recoverWishes(variables(...pairs), 'tar');
  t.like(recover(), {
    direct: false,
    recursive: true,
    everything: false,
    overwrite: true,
    prefix: undefined,
  });
  t.like(recover(['EXTRACT', 'E']), { everything: false });
  t.like(recover(['EXTRACT', 'n'], ['RESTORE_OVERWRITE', 'N'], ['RECURSIVE', 'n']), {
    everything: true,
    overwrite: false,
    recursive: false,
  });
});

test('DATA_GET_ENV: what was asked, in its order, with ours in place of theirs', (t) => {
  const asked = variables(['TYPE', 'dump'], ['X', '1'], ['X', '2'], ['FILESYSTEM', '/d']);
  t.deepEqual(resultVariables(asked, { TYPE: 'tar', LEVEL: '0' }), [
    { name: 'X', value: '1' },
    { name: 'X', value: '2' },
    { name: 'FILESYSTEM', value: '/d' },
    { name: 'TYPE', value: 'tar' },
    { name: 'LEVEL', value: '0' },
  ]);
});
