/** Levels: what changed, every directory, and what was moved. */
import {
  chmodSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { E, statLayout, type TreeCalls } from '#env';
import { backUp, type BackedUp, everythingIn, inlineEngine, recover, tempFolder } from '#support';

const pathsOf = ({ history }: BackedUp): string[] => history.map(({ path }) => path.toString()).sort();
/** The clock of the kernel's stamps, ahead of what any file here has. */
const future = (seconds: number): number => 4_000_000_000 + seconds;
const ns = (seconds: number): bigint => BigInt(seconds) * 1_000_000_000n;

/** Stamps of change cannot be set back: so the base lies before or behind all of them. */
async function tree(t: ExecutionContext): Promise<string> {
  const folder = await tempFolder(t);
  mkdirSync(join(folder, 'old/deep'), { recursive: true });
  mkdirSync(join(folder, 'other'));
  for (const name of ['one', 'two', 'old/three', 'old/deep/four']) writeFileSync(join(folder, name), name);
  return folder;
}

test('Nothing changed: every directory and no file', async (t) => {
  const folder = await tree(t);
  const engine = await inlineEngine();
  const { directories } = (await backUp(engine, folder)).result;
  const since = { date: ns(future(0)), ...(directories === undefined ? {} : { directories }) };
  t.deepEqual(pathsOf(await backUp(engine, folder, { level: 1, since })), ['', 'old', 'old/deep', 'other']);
});

test('Data or inode changed since, by either time', async (t) => {
  const folder = await tree(t);
  const engine = await inlineEngine();
  utimesSync(join(folder, 'two'), 1, future(5));
  const since = { date: ns(future(0)) };
  t.deepEqual(pathsOf(await backUp(engine, folder, { level: 1, since })), [
    '',
    'old',
    'old/deep',
    'other',
    'two',
  ]);
  // A file whose time was set far back has changed all the same: its inode did.
  utimesSync(join(folder, 'one'), 1, 1);
  const before = { date: ns(1_000_000_000) };
  t.true(pathsOf(await backUp(engine, folder, { level: 1, since: before })).includes('one'));
});

test('What changed in the second of the base is in the next level too', async (t) => {
  const folder = await tree(t);
  utimesSync(join(folder, 'one'), 1, future(9));
  const engine = await inlineEngine();
  for (const [date, isIn] of [
    [ns(future(10)), true],
    [ns(future(11)), false],
  ] as const) {
    t.is(
      pathsOf(await backUp(engine, folder, { level: 1, since: { date } })).includes('one'),
      isIn,
      String(date),
    );
  }
});

test('A directory that was moved comes with all in it, and with its list only that', async (t) => {
  const folder = await tree(t);
  const engine = await inlineEngine();
  const { directories } = (await backUp(engine, folder)).result;
  t.is(directories?.length, 4 * 8);
  renameSync(join(folder, 'old/deep'), join(folder, 'other/moved'));
  mkdirSync(join(folder, 'new'));
  writeFileSync(join(folder, 'new/five'), '5');
  const since = { date: ns(future(0)), ...(directories === undefined ? {} : { directories }) };
  t.deepEqual(pathsOf(await backUp(engine, folder, { level: 1, since })), [
    '',
    'new',
    'new/five',
    'old',
    'other',
    'other/moved',
    'other/moved/four',
  ]);
});

test('Another directory in the place of the tree is taken whole, and what was mounted in it since', async (t) => {
  const folder = await tree(t);
  const engine = await inlineEngine();
  const { directories } = (await backUp(engine, join(folder, 'old'))).result;
  const since = { date: ns(future(0)), ...(directories === undefined ? {} : { directories }) };
  t.deepEqual(pathsOf(await backUp(engine, join(folder, 'old'), { level: 1, since })), ['', 'deep']);
  renameSync(join(folder, 'old'), join(folder, 'older'));
  mkdirSync(join(folder, 'old/deep'), { recursive: true });
  writeFileSync(join(folder, 'old/file'), 'of another tree');
  t.deepEqual(pathsOf(await backUp(engine, join(folder, 'old'), { level: 1, since })), ['', 'deep', 'file']);
});

/** `top` looks as if a file system that was made at `born` were mounted there. */
const mounted = (top: string, born: number) =>
  inlineEngine((calls) => {
    const inode = statSync(top, { bigint: true }).ino;
    return new Proxy(calls, {
      get(target, key: keyof TreeCalls) {
        if (key !== 'stat') return (...args: unknown[]) => Reflect.apply(target[key], target, args) as number;
        return (handle: number, into: Buffer) => {
          const error = target.stat(handle, into);
          if (into.readBigUInt64LE(statLayout.inode) !== inode) return error;
          into.writeUInt32LE(77, statLayout.onMinor);
          into.writeBigInt64LE(BigInt(born), statLayout.born);
          return error;
        };
      },
    });
  });

test('Another file system that is mounted in the place of one is taken whole', async (t) => {
  const folder = await tree(t);
  const top = join(folder, 'old/deep');
  const { directories } = (await backUp(await mounted(top, 1000), folder, { crossMounts: true })).result;
  const since = { date: ns(future(0)), ...(directories === undefined ? {} : { directories }) };
  const next = { level: 1, since, crossMounts: true };
  const folders = ['', 'old', 'old/deep', 'other'];
  t.deepEqual(pathsOf(await backUp(await mounted(top, 1000), folder, next)), folders);
  t.deepEqual(pathsOf(await backUp(await mounted(top, 1001), folder, next)), [
    ...folders.slice(0, 3),
    'old/deep/four',
    'other',
  ]);
});

test('A directory that could not be read to its end is taken whole by the next level', async (t) => {
  const folder = await tree(t);
  let isBroken = true;
  const engine = await inlineEngine(
    (calls) =>
      new Proxy(calls, {
        get(target, key: keyof TreeCalls) {
          if (key !== 'entries')
            return (...args: unknown[]) => Reflect.apply(target[key], target, args) as number;
          return (handle: number, into: Buffer) => {
            const path = readlinkSync(`/proc/self/fd/${handle}`);
            return isBroken && path.endsWith('/old') ? -E.io : target.entries(handle, into);
          };
        },
      }),
  );
  const full = await backUp(engine, folder);
  t.is(full.result.troubles, 1);
  t.deepEqual(pathsOf(full), ['', 'old', 'one', 'other', 'two']);
  isBroken = false;
  const { directories } = full.result;
  const since = { date: ns(future(0)), ...(directories === undefined ? {} : { directories }) };
  t.deepEqual(pathsOf(await backUp(engine, folder, { level: 1, since })), [
    '',
    'old',
    'old/deep',
    'old/deep/four',
    'old/three',
    'other',
  ]);
});

test('Without a list, a directory that may have been moved is taken whole', async (t) => {
  const folder = await tree(t);
  const engine = await inlineEngine();
  renameSync(join(folder, 'old'), join(folder, 'renamed'));
  chmodSync(join(folder, 'other'), 0o700);
  const files = pathsOf(await backUp(engine, folder, { level: 1, since: { date: ns(1_000_000_000) } }));
  t.true(files.includes('renamed/deep/four'));
});

test('A full backup and an increment over it give the tree as it is, with what was deleted', async (t) => {
  const folder = await tree(t);
  const to = await tempFolder(t);
  const engine = await inlineEngine();
  const full = await backUp(engine, folder);
  const since = {
    date: ns(future(0)),
    ...(full.result.directories === undefined ? {} : { directories: full.result.directories }),
  };
  utimesSync(join(folder, 'two'), 1, future(5));
  renameSync(join(folder, 'old'), join(folder, 'renamed'));
  rmSync(join(folder, 'other'), { recursive: true });
  writeFileSync(join(folder, 'other'), 'a file now');
  utimesSync(join(folder, 'other'), 1, future(6));
  const increment = await backUp(engine, folder, { level: 1, since });
  await recover(engine, to, full.image);
  t.is((await recover(engine, to, increment.image)).result.troubles, 0);
  const [ours, theirs] = [everythingIn(to, { times: false }), everythingIn(folder, { times: false })];
  for (const [path, about] of theirs) t.is(ours.get(path), about, path);
  // An archive does not tell what is gone.
  t.deepEqual(
    [...ours.keys()].filter((path) => !theirs.has(path)),
    ['old', 'old/deep', 'old/deep/four', 'old/three'],
  );
});
