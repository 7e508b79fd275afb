/** Headers, records, lists, patterns and batches: the small parts of the tree engine. */
import test from 'ava';
import fc from 'fast-check';
import { aclOfText, aclText } from '../../../src/trees/acl.js';
import { Events, eventsOf } from '../../../src/trees/events.js';
import { FileStat } from '../../../src/trees/file-stat.js';
import { pathPatterns } from '../../../src/trees/path-pattern.js';
import { PathSelection } from '../../../src/trees/path-selection.js';
import { paxRecordsOf, paxTime, PaxWriter, timeOfPax } from '../../../src/trees/tar/pax-records.js';
import { MemberHeader } from '../../../src/trees/tar/member-header.js';
import { sparseMap } from '../../../src/trees/tar/sparse-map.js';
import { blockBytes, isChecked, numberIn, putHeader, ustar } from '../../../src/trees/tar/ustar.js';
import { pathBelow, plain } from '../../../src/trees/tree-root.js';

test('A header is what POSIX says, byte by byte', (t) => {
  const block = Buffer.alloc(blockBytes);
  const name = Buffer.from('a/name');
  putHeader(block, 0, {
    name,
    mode: 0o4755,
    uid: 1000,
    gid: 100,
    size: 8 ** 11 - 1,
    seconds: 1_234_567_890,
    type: '0',
  });
  const field = (at: number, length: number): string => block.toString('latin1', at, at + length);
  t.is(field(0, 7), 'a/name\0');
  t.is(field(100, 8), '0004755\0');
  t.is(field(108, 8), '0001750\0');
  t.is(field(116, 8), '0000144\0');
  t.is(field(124, 12), '77777777777\0');
  t.is(field(136, 12), '11145401322\0');
  t.is(field(156, 1), '0');
  t.is(field(257, 8), 'ustar\u000000');
  // POSIX: the sum of all bytes, the field itself taken as blanks.
  const sum = block.reduce((all, byte, at) => all + (at >= 148 && at < 156 ? 32 : byte), 0);
  t.is(field(148, 8), `${sum.toString(8).padStart(6, '0')}\0 `);
  t.true(isChecked(block));
});

test('Numbers: octal however it is padded, and base 256', (t) => {
  const read = (bytes: string | readonly number[]): number => {
    const block = Buffer.alloc(12);
    if (typeof bytes === 'string') block.write(bytes, 'latin1');
    else Buffer.from(bytes).copy(block);
    return numberIn(block, [0, 12]);
  };
  t.is(read('00000000017\0'), 15);
  t.is(read('      17 \0'), 15);
  t.is(read('777777777777'), 8 ** 12 - 1);
  t.is(read(''), 0);
  t.is(read([0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]), 2 ** 33 + 1);
  t.is(read(Array.from({ length: 12 }, () => 0xff)), -1);
  t.is(read('00000000018'), Number.NaN);
  t.is(read([0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Number.NaN);
});

test('Records count their own length', (t) => {
  const writer = new PaxWriter();
  writer.add('path', 'x');
  writer.add('b', 'y'.repeat(93));
  writer.add('b', 'y'.repeat(94)); // 100 would be one short with its third digit
  t.is(writer.bytes.toString(), `9 path=x\n99 b=${'y'.repeat(93)}\n101 b=${'y'.repeat(94)}\n`);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.stringMatching(/^[a-zA-Z.]{1,20}$/), fc.uint8Array({ maxLength: 1200 }))),
      (records) => {
        const one = new PaxWriter();
        for (const [key, value] of records) one.add(key, value);
        const back = paxRecordsOf(Buffer.from(one.bytes));
        t.deepEqual(
          back,
          records.map(([key, value]) => [key, Buffer.from(value)]),
        );
      },
    ),
    { seed: 1 },
  );
});

test('What is not made of records is said to be none', (t) => {
  for (const text of [
    '5 a=b\n',
    '7 a=b\n',
    '6 a=bc',
    'x a=b\n',
    '8 nothing',
    '0 a=b\n',
    '99999999999 a=b\n',
    '6 ab\n\n',
  ]) {
    t.is(paxRecordsOf(Buffer.from(text)), undefined, text);
  }
  t.deepEqual(paxRecordsOf(Buffer.from('6 a=b\n\0\0')), [['a', Buffer.from('b')]]);
});

test('Times: fractions, and before 1970', (t) => {
  t.is(paxTime({ seconds: 1, nanoseconds: 500_000_000 }), '1.5');
  t.is(paxTime({ seconds: -1, nanoseconds: 750_000_000 }), '-0.25');
  t.is(paxTime({ seconds: -2, nanoseconds: 0 }), '-2');
  t.is(timeOfPax('1e9'), undefined);
  t.deepEqual(timeOfPax('3.0000000019'), { seconds: 3, nanoseconds: 1 });
  fc.assert(
    fc.property(
      fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
      fc.integer({ min: 0, max: 999_999_999 }),
      (seconds, nanoseconds) => {
        t.deepEqual(timeOfPax(paxTime({ seconds, nanoseconds })), { seconds, nanoseconds });
      },
    ),
    { seed: 2 },
  );
});

test('Access lists: as the kernel has them and as text', (t) => {
  const value = Buffer.from(
    '0200000001000600ffffffff02000400e803000004000500ffffffff08000700d007000010000700ffffffff20000000ffffffff',
    'hex',
  );
  const text = 'user::rw-,user:1000:r--,group::r-x,group:2000:rwx,mask::rwx,other::---';
  t.is(aclText(value), text);
  t.deepEqual(aclOfText(text), value);
  t.deepEqual(
    aclOfText('o::---\nm::rwx\ng:2000:rwx\ngroup::r-x # effective\nuser:joe:r--:1000\nu::rw-\n'),
    value,
  );
  for (const bad of ['user:joe:r--', 'user::rwq', 'nobody::rwx', '', 'user:4294967295:rwx'])
    t.is(aclOfText(bad), undefined, bad);
  t.is(aclText(value.subarray(0, 9)), undefined);
});

test('Patterns mean names or paths', (t) => {
  const matches = (pattern: string, path: string): boolean => pathPatterns([pattern])(Buffer.from(path));
  for (const [pattern, path] of [
    ['*.o', 'a/b/c.o'],
    ['core', 'x/core'],
    ['tmp/*', 'tmp/a'],
    ['./a', 'a'],
    ['/a/b', 'a/b'],
    ['a/**/z', 'a/b/c/z'],
    ['**/cache', 'a/b/cache'],
    ['[a-c]?', 'x/b1'],
    ['[!a]b', 'cb'],
    ['\\*', '*'],
    ['a/', 'a'],
    ['grün*', 'grüner'],
    ['[', '['],
    ['*a*b*c', '1a2b3c'],
  ] as const)
    t.true(matches(pattern, path), `${pattern} ${path}`);
  for (const [pattern, path] of [
    ['*.o', 'a.o/c'],
    ['tmp/*', 'tmp/a/b'],
    ['a', 'ab'],
    ['a/b', 'x/a/b'],
    ['?', 'ab'],
    ['[!a]b', 'ab'],
    ['*', ''],
    ['a/*/z', 'a/b/c/z'],
  ] as const)
    t.false(matches(pattern, path) && path !== '', `${pattern} ${path}`);
  t.throws(() => pathPatterns(['x'.repeat(5000)]));
});

test('No pattern hangs', (t) => {
  t.false(pathPatterns([`${'*a'.repeat(500)}b`])(Buffer.from('a'.repeat(2000))));
});

test('Selections: named, below, on the way, and what never came', (t) => {
  const selection = new PathSelection(['a/b', 'c'].map((path) => Buffer.from(path)));
  const of = (path: string): string => selection.of(Buffer.from(path));
  t.deepEqual(['', 'a', 'a/b', 'a/b/x/y', 'a/c', 'c', 'cc', 'b'].map(of), [
    'through',
    'through',
    'all',
    'all',
    'none',
    'all',
    'none',
    'none',
  ]);
  t.deepEqual(selection.missing(), []);
  t.deepEqual(new PathSelection([Buffer.from('q/r')]).missing(), [Buffer.from('q/r')]);
  t.is(new PathSelection([]).of(Buffer.from('x')), 'all');
});

test('Paths are made plain, and are below a root or not', (t) => {
  t.is(plain(Buffer.from('//a/./b//'))?.toString(), 'a/b');
  t.is(plain(Buffer.from('a/../b')), undefined);
  t.is(plain(Buffer.from('a\0b')), undefined);
  const below = (root: string, path: string): string | undefined =>
    pathBelow(Buffer.from(root), Buffer.from(path))?.toString();
  t.deepEqual(
    [
      below('/r', '/r/a/b'),
      below('/r/', '/r'),
      below('/', '/x'),
      below('/r', '/rr'),
      below('/r', '/r/../x'),
      below('/r/a', '/r'),
    ],
    ['a/b', '', 'x', undefined, undefined, undefined],
  );
});

test('Maps of sparse files are as the manual of GNU tar has them', (t) => {
  const map = sparseMap(
    [
      { offset: 0, length: 512 },
      { offset: 4096, length: 10 },
    ],
    10_000,
  );
  t.is(map.length, blockBytes);
  t.is(map.toString('latin1').replace(/\0+$/, ''), '3\n0\n512\n4096\n10\n10000\n0\n');
});

test('Batches come back as they went', (t) => {
  const events = new Events();
  const stat = new FileStat();
  stat.bytes.writeUInt16LE(0o100644, 0x1c);
  stat.bytes.writeBigUInt64LE(2n ** 63n + 5n, 0x20);
  stat.bytes.writeBigInt64LE(-3n, 0x70);
  stat.bytes.writeUInt32LE(7, 0x78);
  events.history(Buffer.from([0xff, 0x2f, 0x61]), stat, 9n, 2 ** 45);
  events.log({ level: 'warning', text: 'grün', path: Buffer.from('p'), status: 'io' });
  events.log({ level: 'normal', text: '' });
  events.settled(3, 'no-directory');
  const [history, ...others] = eventsOf(events.take());
  t.true(history?.kind === 'history');
  if (history?.kind === 'history') {
    t.like(history.entry, {
      node: 2n ** 63n + 5n,
      parentNode: 9n,
      fhInfo: 2n ** 45n,
      type: 'regular',
      mode: 0o644,
      mtime: -2_999_999_993n,
    });
    t.deepEqual([...history.entry.path], [0xff, 0x2f, 0x61]);
  }
  t.deepEqual(others, [
    { kind: 'log', entry: { level: 'warning', text: 'grün', path: Buffer.from('p'), status: 'io' } },
    { kind: 'log', entry: { level: 'normal', text: '' } },
    { kind: 'settled', name: 3, status: 'no-directory' },
  ]);
  t.true(events.isEmpty);
  t.is(numberIn(Buffer.alloc(512), ustar.size), 0);
});

test('What a header has no room for is in records before it', (t) => {
  const stat = new FileStat();
  stat.bytes.writeUInt16LE(0o100600, 0x1c);
  stat.bytes.writeUInt32LE(3_000_000_000, 0x14);
  stat.bytes.writeBigInt64LE(2n ** 40n, 0x70);
  const size = 9 * 2 ** 30;
  const path = Buffer.from('p'.repeat(150));
  const header = new MemberHeader().encode({ path, stat, type: '0', size, xattrs: [] }, () => t.fail());
  t.is(header.length, 3 * blockBytes);
  t.is(header.toString('latin1', 156, 157), 'x');
  const records = new Map(paxRecordsOf(Buffer.from(header.subarray(blockBytes, 2 * blockBytes))));
  const told = (key: string): string | undefined => records.get(key)?.toString();
  t.is(told('size'), String(size));
  t.is(told('uid'), '3000000000');
  t.is(told('path'), `./${path.toString()}`);
  t.is(told('mtime'), String(2 ** 40));
  t.is(told('gid'), undefined);
  t.true(isChecked(header.subarray(2 * blockBytes)));
});
