/** Debian's restore is the judge: it lists and extracts our dumps whole, by name and interactively, level over level. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { statLayout, type TreeCalls } from '#env';
import {
  backUp,
  type BackedUp,
  everythingIn,
  inlineEngine,
  MemoryImage,
  mustRun,
  nameTo,
  recover,
  runProgram,
  tempFolder,
  testWith,
} from '#support';
import { dumpHeaderOf } from '../../../src/trees/dump/dump-header.js';
import { xattrBlock, xattrsOfBlock } from '../../../src/trees/dump/ext2-xattrs.js';

const seconds = 1_790_000_000;
const startedAt = BigInt(seconds) * 1_000_000_000n;

/** What only some users and file systems can have. */
function attempt(program: string, ...args: readonly string[]): void {
  spawnSync(program, args, { stdio: 'ignore' });
}
/** Times are whole seconds: restore sets no fractions of those of folders. */
function makeTree(folder: string): void {
  mkdirSync(join(folder, 'sub/deeper/deepest'), { recursive: true });
  mkdirSync(join(folder, 'many'));
  mkdirSync(join(folder, 'empty folder'));
  for (let index = 0; index < 100; index += 1) {
    writeFileSync(join(folder, `many/a file with a rather long name, number ${index}`), `${index}`);
  }
  writeFileSync(join(folder, 'empty'), '');
  for (const [index, bytes] of [1, 1023, 1024, 1025, 524_288, 524_289, 1_700_000].entries()) {
    writeFileSync(join(folder, `sub/size ${index}`), Buffer.alloc(bytes, `${index} some content `));
  }
  linkSync(join(folder, 'sub/size 3'), join(folder, 'sub/deeper/another name'));
  symlinkSync('../empty', join(folder, 'sub/link'));
  symlinkSync('x'.repeat(2000), join(folder, 'sub/long link'));
  writeFileSync(join(folder, 'sub/sparse'), 'x');
  truncateSync(join(folder, 'sub/sparse'), 3_000_000);
  writeFileSync(join(folder, 'hole'), '');
  truncateSync(join(folder, 'hole'), 1_000_000);
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x66, 0xff, 0x20])]), 'no utf-8');
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  chmodSync(join(folder, 'sub/size 1'), 0o4711);
  attempt('mknod', join(folder, 'device'), 'c', '10', '300');
  attempt('chown', '1234:70000', join(folder, 'sub/size 2'));
  attempt('chown', '70001:5', join(folder, 'sub/deeper'));
  attempt('setfattr', '-n', 'user.comment', '-v', 'a value', join(folder, 'sub/size 0'));
  attempt('setfattr', '-n', 'user.large', '-v', 'y'.repeat(3000), join(folder, 'sub/size 0'));
  attempt('setfattr', '-n', 'user.of', '-v', 'a folder', join(folder, 'sub/deeper'));
  attempt('setfacl', '-m', 'u:4321:rw-', join(folder, 'sub/size 4'));
  // Links keep the time at which they were made: restore does not set it.
  execFileSync('find', [
    folder,
    '-depth',
    '-not',
    '-type',
    'l',
    '-exec',
    'touch',
    '-d',
    '@1600000000',
    '{}',
    ';',
  ]);
  utimesSync(join(folder, 'empty'), 1_111_111_111, 1_222_222_222);
}
async function folders(t: ExecutionContext): Promise<{ from: string; to: string; file: string }> {
  const top = await tempFolder(t);
  const [from, to] = [join(top, 'from'), join(top, 'to')];
  mkdirSync(from);
  mkdirSync(to);
  makeTree(from);
  return { from, to, file: join(top, 'dump') };
}
const dump = async (folder: string, more: Parameters<typeof backUp>[2] = {}): Promise<BackedUp> =>
  await backUp(await inlineEngine(), folder, { format: 'dump', startedAt, ...more });
/** But for times of links, and what restore leaves behind. */
function comparable(folder: string): Map<string, string> {
  const all = everythingIn(folder);
  all.delete('restoresymtable');
  for (const [path, about] of all) {
    if (about.startsWith('120'))
      all.set(
        path,
        about
          .split(' ')
          .filter((_, index) => index !== 2)
          .join(' '),
      );
    if (path === '') all.delete(path);
  }
  return all;
}
const attributesOf = async (t: ExecutionContext, folder: string): Promise<string> =>
  (await mustRun(t, 'getfattr', ['-R', '-h', '-d', '-m', '-', '-e', 'hex', 'sub', 'many'], { cwd: folder })) +
  (await mustRun(t, 'getfacl', ['-R', '-n', '-p', 'sub', 'many'], { cwd: folder }));
const programs = ['restore', 'setfattr', 'getfattr', 'setfacl', 'getfacl', 'mkfifo', 'mknod'];

testWith(programs, 'restore lists a dump', async (t) => {
  const { from, file } = await folders(t);
  const { image, log, history, result } = await dump(from);
  t.deepEqual(log, []);
  t.is(result.outcome, 'successful');
  t.is(image.length % 10_240, 0);
  writeFileSync(file, image);
  const listed = await runProgram('restore', ['-tf', file]);
  t.is(listed.status, 0);
  const lines = listed.stdout.split('\n').filter((line) => /^\s*\d+\t\./.test(line));
  t.is(lines.length, history.length);
  for (const { path, node } of history.slice(1, 20))
    t.true(
      lines.some((line) => line.trim() === `${node}\t./${path.toString('latin1')}`) ||
        /[^ -~]/.test(path.toString('latin1')),
    );
  t.regex(listed.stdout, /Level 0 dump/);
});

testWith(programs, 'restore -r makes the tree again, and nothing is different', async (t) => {
  const { from, to, file } = await folders(t);
  writeFileSync(file, (await dump(from)).image);
  const { status, stderr } = await runProgram('restore', ['-rf', file], { cwd: to });
  t.is(status, 0);
  t.is(stderr, '');
  t.deepEqual(comparable(to), comparable(from));
  t.is(await attributesOf(t, to), await attributesOf(t, from));
  t.is(
    execFileSync('stat', ['-c', '%b', join(to, 'hole')]).toString(),
    execFileSync('stat', ['-c', '%b', join(from, 'hole')]).toString(),
  );
});

testWith(programs, 'restore extracts by name and interactively', async (t) => {
  const { from, to, file } = await folders(t);
  writeFileSync(file, (await dump(from)).image);
  const named = await runProgram('restore', ['-xf', file, './sub/size 6', './many'], {
    cwd: to,
    input: '1\nn\n',
  });
  t.is(named.status, 0);
  t.is(readFileSync(join(to, 'sub/size 6')).compare(readFileSync(join(from, 'sub/size 6'))), 0);
  t.is(everythingIn(join(to, 'many')).size, 101);
  rmSync(join(to, 'sub'), { recursive: true });
  const input = 'cd sub\nls\nadd deeper\nadd link\nextract\n1\nn\nquit\n';
  const talk = await runProgram('restore', ['-if', file], { cwd: to, input });
  t.regex(talk.stdout + talk.stderr, /size 6/);
  t.is(readFileSync(join(to, 'sub/deeper/another name')).length, 1025);
  t.deepEqual(
    [...everythingIn(join(to, 'sub')).keys()],
    ['', 'deeper', 'deeper/another name', 'deeper/deepest', 'link'],
  );
});

testWith(programs, 'restore -r follows an increment: changed, new, renamed and removed', async (t) => {
  const { from, to, file } = await folders(t);
  const full = await dump(from, { startedAt: 1_700_000_000_000_000_000n });
  writeFileSync(file, full.image);
  t.is((await runProgram('restore', ['-rf', file], { cwd: to })).status, 0);
  renameSync(join(from, 'sub/deeper'), join(from, 'renamed'));
  rmSync(join(from, 'many'), { recursive: true });
  writeFileSync(join(from, 'new'), 'new');
  rmSync(join(from, 'sub/link'));
  writeFileSync(join(from, 'sub/link'), 'a file now');
  const future = 4_000_000_000;
  writeFileSync(join(from, 'sub/size 1'), 'changed');
  for (const path of ['new', 'sub/link', 'sub/size 1'])
    utimesSync(join(from, path), future, future - 4_000_000_000 + 2_100_000_000);
  const { directories } = full.result;
  const since = { date: 1_700_000_000_000_000_000n, ...(directories === undefined ? {} : { directories }) };
  const { image, result } = await dump(from, { level: 1, since, startedAt: 1_800_000_000_000_000_000n });
  t.is(result.outcome, 'successful');
  writeFileSync(file, image);
  const { status, stderr } = await runProgram('restore', ['-rf', file], { cwd: to });
  t.is(status, 0);
  t.is(stderr, '');
  const [ours, theirs] = [comparable(to), comparable(from)];
  t.deepEqual([...ours.keys()], [...theirs.keys()]);
  t.is(readFileSync(join(to, 'sub/size 1'), 'utf8'), 'changed');
  t.is(readFileSync(join(to, 'sub/link'), 'utf8'), 'a file now');
});

testWith(programs, 'We recover our dump whole', async (t) => {
  const { from, to } = await folders(t);
  const { image, history } = await dump(from);
  const { log, result } = await recover(await inlineEngine(), to, image, { format: 'dump' });
  t.deepEqual(log, []);
  t.is(result.outcome, 'successful');
  t.is(result.files, history.length);
  t.deepEqual(comparable(to), comparable(from));
  t.is(await attributesOf(t, to), await attributesOf(t, from));
});

testWith(programs, 'We recover single files and directories of a dump', async (t) => {
  const { from, to } = await folders(t);
  const { image, history } = await dump(from);
  const engine = await inlineEngine();
  const entryOf = (path: string): (typeof history)[number] | undefined =>
    history.find((entry) => entry.path.toString() === path);
  const source = new MemoryImage(image);
  const paths = ['sub/size 6', 'sub/deeper/another name', 'hole', 'sub/long link'];
  const direct = await recover(engine, to, source, {
    format: 'dump',
    direct: true,
    names: paths.map((path) => nameTo(path, join(to, path), entryOf(path))),
  });
  t.deepEqual(direct.log, []);
  t.deepEqual(
    [...direct.settled.values()],
    paths.map(() => 'ok'),
  );
  t.true(source.asks.reduce((sum, [, length]) => sum + length, 0n) < 1_720_000n);
  for (const path of paths.slice(0, 3))
    t.is(readFileSync(join(to, path)).compare(readFileSync(join(from, path))), 0, path);
  const some = await recover(engine, to, image, {
    format: 'dump',
    direct: true,
    names: [
      nameTo('sub/deeper', join(to, 'else/where'), entryOf('sub/deeper')),
      nameTo('empty', join(to, 'e')),
      nameTo('gone', join(to, 'g')),
    ],
  });
  t.deepEqual(Object.fromEntries(some.settled), { 'sub/deeper': 'ok', empty: 'ok', gone: 'not-found' });
  t.deepEqual([...everythingIn(join(to, 'else/where')).keys()], ['', 'another name', 'deepest']);
});

testWith(programs, 'A dump says what is in it', async (t) => {
  const { from } = await folders(t);
  const { image, history } = await dump(from);
  const engine = await inlineEngine();
  const found: string[] = [];
  const job = engine.list({ format: 'dump', names: [] }, new MemoryImage(image), {
    history: (entries) =>
      void found.push(
        ...entries.map(
          ({ path, node, fhInfo, type, size }) =>
            `${path.toString('latin1')} ${node} ${fhInfo} ${type} ${type === 'directory' ? '' : size}`,
        ),
      ),
    log: (entry) => t.fail(entry.text),
  });
  t.is((await job.done).outcome, 'successful');
  t.deepEqual(
    found.sort(),
    history
      .map(
        ({ path, node, fhInfo, type, size }) =>
          `${path.toString('latin1')} ${node} ${fhInfo} ${type} ${type === 'directory' ? '' : size}`,
      )
      .sort(),
  );
});

testWith(programs, 'A dump that is cut or damaged is said to be, and nothing hangs', async (t) => {
  const { from, to } = await folders(t);
  rmSync(join(from, 'many'), { recursive: true });
  const { image } = await dump(from);
  const engine = await inlineEngine();
  for (const length of [0, 500, 1024, 5000, image.length / 2, image.length - 20_000]) {
    const { result } = await recover(engine, to, image.subarray(0, length), { format: 'dump' });
    t.is(result.outcome, 'failed', String(length));
  }
  const start = image.findLastIndex(
    (_, at) => at % 1024 === 0 && dumpHeaderOf(image.subarray(at, at + 1024))?.type === 2,
  );
  const flipped = Buffer.from(image);
  flipped[start + 40] = 0x77;
  const { result, log } = await recover(engine, to, flipped, { format: 'dump' });
  t.is(result.outcome, 'failed');
  t.true(log.length < 5);
});

test('Files of one number, as subvolumes have them, are not taken for one', async (t) => {
  const folder = await tempFolder(t);
  for (const name of ['a', 'b']) writeFileSync(join(folder, name), name);
  const engine = await inlineEngine(
    (calls) =>
      new Proxy(calls, {
        get(target, key: keyof TreeCalls) {
          if (key !== 'statAt')
            return (...args: unknown[]) => Reflect.apply(target[key], target, args) as number;
          return (dir: number, name: Uint8Array, into: Buffer) => {
            const error = target.statAt(dir, name, into);
            into.writeBigUInt64LE(300n, statLayout.inode);
            into.writeUInt32LE(name[0] ?? 0, statLayout.onMinor);
            return error;
          };
        },
      }),
  );
  const { result, image } = await backUp(engine, folder, { format: 'dump' });
  t.is(result.outcome, 'failed');
  t.regex(result.message ?? '', /number 300 means several files/);
  t.is(image.length, 0);
});

test('Attributes: a block as ext2 has it', (t) => {
  const acl = Buffer.from(
    '0200000001000600ffffffff02000400e803000004000500ffffffff10000700ffffffff20000000ffffffff',
    'hex',
  );
  const xattrs = [
    { name: 'user.a', value: Buffer.from('value') },
    { name: 'system.posix_acl_access', value: acl },
    { name: 'security.capability', value: Buffer.alloc(20, 1) },
    { name: 'user.empty', value: Buffer.alloc(0) },
  ];
  const left: string[] = [];
  const block = xattrBlock(
    [
      ...xattrs,
      { name: 'btrfs.compression', value: Buffer.from('zstd') },
      { name: 'user.huge', value: Buffer.alloc(70_000) },
    ],
    (name) => left.push(name),
  );
  t.deepEqual(left, ['btrfs.compression', 'user.huge']);
  t.deepEqual(block === undefined ? undefined : xattrsOfBlock(block), xattrs);
  t.is(block?.readUInt32LE(0), 0xea020000);
  t.is(
    xattrBlock([], () => undefined),
    undefined,
  );
  t.is(xattrsOfBlock(Buffer.alloc(1024)), undefined);
});

test('Attributes whose values lie over one another are none: they would be more than the block', (t) => {
  const names = ['user.a', 'user.b', 'user.c'];
  const block = xattrBlock(
    names.map((name) => ({ name, value: Buffer.alloc(300, name) })),
    () => undefined,
  );
  t.is(xattrsOfBlock(block ?? Buffer.alloc(0))?.length, 3);
  for (const entry of [32, 52, 72]) {
    block?.writeUInt16LE(100, entry + 2);
    block?.writeUInt32LE(block.length - 100, entry + 8);
  }
  t.is(xattrsOfBlock(block ?? Buffer.alloc(0)), undefined);
});
