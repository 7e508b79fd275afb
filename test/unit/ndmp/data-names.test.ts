import test from 'ava';
import { recoverPlan } from '../../../src/ndmp/data-names.js';
import { type Reach, rooted, writable } from '../../../src/ndmp/data-roots.js';
import { recoverWishes, Variables } from '../../../src/ndmp/data-variables.js';

const unknown = 0xffff_ffff_ffff_ffffn;
const reach: Reach = {
  roots: () => [
    { name: 'data', path: '/data', readOnly: false },
    { name: 'inner', path: '/data/inner', readOnly: true },
    { name: 'out', path: '/out/', readOnly: false },
  ],
  ownFolders: () => ['/data/tapesilo', '/out/x/../home'.replace('/x/..', '')],
};
const asked = (original: string, destination: string, name = '', fhInfo = unknown) => ({
  originalPath: Buffer.from(original),
  destinationPath: Buffer.from(destination),
  name: Buffer.from(name),
  otherName: Buffer.alloc(0),
  ssid: 0,
  node: unknown,
  fhInfo,
});
type Asked = ReturnType<typeof asked>;
function plan(version: 2 | 3 | 4, list: readonly Asked[], ...pairs: readonly [string, string][]) {
  const env = new Variables(pairs.map(([name, value]) => ({ name, value })));
  const { names, ...rest } = recoverPlan(version, list, recoverWishes(env, 'tar'), reach);
  return {
    ...rest,
    names: names.map(({ name }) => `${String(name.original)} → ${String(name.destination)}`),
  };
}

test('paths are made plain and belong to the innermost root', (t) => {
  const at = (path: string): string => {
    const found = rooted(reach, Buffer.from(path));
    return `${found.root.name} ${String(found.path)}`;
  };
  t.is(at('/data'), 'data /data');
  t.is(at('//data/./a//b/'), 'data /data/a/b');
  t.is(at('/data/inner/x'), 'inner /data/inner/x');
  t.is(at('out/x'), 'out /out/x');
  t.is(at('/data/innermost'), 'data /data/innermost');
});

test('what lies outside, leads upwards, or is ours is refused', (t) => {
  const at = (path: string) => () => rooted(reach, Buffer.from(path));
  t.throws(at('/database'), { code: 'permission' });
  t.throws(at('/'), { code: 'permission' });
  t.throws(at('/data/tapesilo/catalog.db'), { code: 'permission' });
  t.throws(at('/data/tapesilo'), { code: 'permission' });
  t.notThrows(at('/data/tapesilo2'));
  t.throws(at('/out/home'), { code: 'permission' });
  t.throws(at('/data/../etc'), { code: 'illegal-args' });
  t.throws(at('/data/a\0b'), { code: 'illegal-args' });
  t.throws(at('nowhere/x'), { code: 'illegal-args' });
  t.throws(() => writable(reach, Buffer.from('/data/inner/x')), { code: 'write-protect' });
});

test('version 2: the destination is where the thing itself goes', (t) => {
  t.deepEqual(plan(2, [asked('/f2', '/out/there')]).names, ['f2 → /out/there']);
});

test('version 3: a directory and the original path, or a directory and a new name', (t) => {
  t.deepEqual(plan(3, [asked('/sub/h.txt', '/out/d')]).names, ['sub/h.txt → /out/d/sub/h.txt']);
  t.deepEqual(plan(3, [asked('/sub/h.txt', '/out/d', 'new')]).names, ['sub/h.txt → /out/d/new']);
  t.deepEqual(plan(3, [asked('/f2', '', '/out/d/f9')]).names, ['f2 → /out/d/f9']);
  t.deepEqual(plan(3, [asked('/', '/out/d')]).names, [' → /out/d']);
  t.deepEqual(plan(3, [asked('.', '/out/d')]).names, [' → /out/d']);
});

test('version 4: the destination itself, or a name in it', (t) => {
  t.deepEqual(plan(4, [asked('/f2', '/out/there')]).names, ['f2 → /out/there']);
  t.deepEqual(plan(4, [asked('/f2', '/out/there', 'new')]).names, ['f2 → /out/there/new']);
  t.deepEqual(plan(4, [asked('/', '/out/d/')]).names, [' → /out/d']);
});

test('relative and missing destinations begin at PREFIX, else where the tree was', (t) => {
  for (const version of [2, 4] as const) {
    t.deepEqual(plan(version, [asked('a/b', 'x')], ['PREFIX', '/out']).names, ['a/b → /out/x']);
    t.deepEqual(plan(version, [asked('a/b', '')], ['PREFIX', '/out']).names, ['a/b → /out/a/b']);
    t.deepEqual(plan(version, [asked('a/b', '')], ['FILESYSTEM', '/data/t']).names, ['a/b → /data/t/a/b']);
    t.throws(() => plan(version, [asked('a', 'x')]), { code: 'illegal-args' });
  }
});

test('no names: everything goes to PREFIX; EXTRACT=n makes it so', (t) => {
  const whole = plan(4, [], ['PREFIX', '/out/all']);
  t.is(String(whole.prefix), '/out/all');
  t.deepEqual(whole.names, []);
  t.deepEqual(plan(4, [asked('a', 'b')], ['PREFIX', '/out'], ['EXTRACT', 'n']).names, []);
  t.throws(() => plan(4, []), { code: 'illegal-args' });
});

test('direct access needs the place of every name', (t) => {
  const here = asked('a', '/out/a', '', 512n);
  t.true(plan(4, [here], ['DIRECT', 'y']).direct);
  t.false(plan(4, [here]).direct);
  t.false(plan(4, [here, asked('b', '/out/b')], ['DIRECT', 'y']).direct);
  t.false(plan(4, [], ['DIRECT', 'y'], ['PREFIX', '/out']).direct);
});

test('one recovery writes into one root, which may be written to', (t) => {
  t.throws(() => plan(4, [asked('a', '/out/a'), asked('b', '/data/b')]), { code: 'permission' });
  t.throws(() => plan(4, [asked('a', '/data/inner/a')]), { code: 'write-protect' });
  t.throws(() => plan(4, [asked('a', '/etc/a')], ['PREFIX', '/out']), { code: 'permission' });
  t.throws(() => plan(4, [asked('../../etc/a', '')], ['PREFIX', '/out']), { code: 'illegal-args' });
});
