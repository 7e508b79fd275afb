/** Files that change while they are read: the image is whole, the log says what happened, and the backup goes on. */
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { E, statLayout, type TreeCalls } from '#env';
import {
  backUp,
  backupOf,
  type BackedUp,
  everythingIn,
  inlineEngine,
  mustRun,
  recover,
  tempFolder,
  testWith,
} from '#support';

/** Does something before a call, or gives another result. */
type Trouble = {
  [Key in keyof TreeCalls]?: (calls: TreeCalls, ...args: Parameters<TreeCalls[Key]>) => number | undefined;
};
const troubled =
  (trouble: Trouble) =>
  (calls: TreeCalls): TreeCalls =>
    new Proxy(calls, {
      get(target, key) {
        const call = target[key as keyof TreeCalls] as (...args: unknown[]) => number;
        const before = trouble[key as keyof TreeCalls] as
          ((...args: unknown[]) => number | undefined) | undefined;
        return (...args: unknown[]) => before?.(target, ...args) ?? call.apply(target, args);
      },
    });
const is = (name: Uint8Array, text: string): boolean => Buffer.from(name).toString() === `${text}\0`;

async function tree(t: ExecutionContext): Promise<string> {
  const folder = await tempFolder(t);
  writeFileSync(join(folder, 'a before'), 'before');
  writeFileSync(join(folder, 'file'), 'F'.repeat(300_000));
  writeFileSync(join(folder, 'small'), 'S'.repeat(1000));
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'sub/after'), 'after');
  return folder;
}
/** The image is whole, whatever is in it. */
async function listOf(t: ExecutionContext, { image, result }: BackedUp): Promise<string[]> {
  t.is(result.outcome, 'successful');
  const listed = execFileSync('tar', ['-tf', '-'], { input: image }).toString();
  return await Promise.resolve(listed.trim().split('\n').sort());
}
const all = ['./', './a before', './file', './small', './sub/', './sub/after'];

testWith(
  ['tar'],
  'A file that becomes shorter after its header was made is filled up with zeros',
  async (t) => {
    const folder = await tree(t);
    let opened = -1;
    const engine = await inlineEngine(
      troubled({
        openFile(calls, dir, name) {
          const handle = calls.openFile(dir, name);
          if (is(name, 'file')) opened = handle;
          return handle;
        },
        read(_, file) {
          if (file === opened) truncateSync(join(folder, 'file'), 100_000);
          return undefined;
        },
      }),
    );
    const backed = await backUp(engine, folder);
    t.deepEqual(await listOf(t, backed), all);
    t.regex(backed.log.map(({ text }) => text).join(), /shorter.*200000 bytes are zeros.*Changed/);
    t.is(backed.result.troubles, 2);
    const to = await tempFolder(t);
    await recover(await inlineEngine(), to, backed.image);
    t.deepEqual(
      readFileSync(join(to, 'file')),
      Buffer.concat([Buffer.alloc(100_000, 'F'), Buffer.alloc(200_000)]),
    );
  },
);

testWith(['tar'], 'A file that grows is saved as long as it was, and that is said', async (t) => {
  const folder = await tree(t);
  const engine = await inlineEngine(
    troubled({
      listXattrs() {
        appendFileSync(join(folder, 'small'), 'more');
        return undefined;
      },
    }),
  );
  const backed = await backUp(engine, folder);
  t.deepEqual(await listOf(t, backed), all);
  t.true(
    backed.log.some(({ text, path }) => text === 'Changed while it was read' && path?.toString() === 'small'),
  );
  const to = await tempFolder(t);
  await recover(await inlineEngine(), to, backed.image);
  t.regex(readFileSync(join(to, 'small'), 'utf8'), /^S{1000}(more)*$/);
});

testWith(['tar'], 'A file that cannot be read is left out, or filled up where the error is', async (t) => {
  const folder = await tree(t);
  const bad = new Set<number>();
  let reads = 0;
  const engine = await inlineEngine(
    troubled({
      openFile(calls, dir, name) {
        const handle = calls.openFile(dir, name);
        if (is(name, 'small') || is(name, 'file')) bad.add(handle);
        return handle;
      },
      close(_, handle) {
        bad.delete(handle);
        return undefined;
      },
      read(_, file, into) {
        if (!bad.has(file)) return undefined;
        if (into.length === 1000) return -E.io;
        reads += 1;
        return reads > 1 ? -E.io : undefined;
      },
    }),
  );
  const backed = await backUp(engine, folder);
  t.deepEqual(
    await listOf(t, backed),
    all.filter((name) => name !== './small'),
  );
  t.is(backed.result.troubles, 2);
  t.deepEqual(
    backed.log.map(({ level, status }) => `${level} ${status}`),
    ['error io', 'error io'],
  );
  t.false(backed.history.some(({ path }) => path.toString() === 'small'));
});

testWith(['tar'], 'Files and folders that vanish or may not be opened do not stop it', async (t) => {
  const folder = await tree(t);
  const engine = await inlineEngine(
    troubled({
      openFile(_, __, name) {
        if (is(name, 'small')) rmSync(join(folder, 'small'));
        return is(name, 'file') ? -E.access : undefined;
      },
      openFolder(_, __, name) {
        if (is(name, 'sub')) rmSync(join(folder, 'sub'), { recursive: true });
        return undefined;
      },
    }),
  );
  const backed = await backUp(engine, folder);
  t.deepEqual(await listOf(t, backed), ['./', './a before']);
  t.deepEqual(backed.log.map(({ level, status, path }) => `${path?.toString()}: ${level} ${status}`).sort(), [
    'file: error permission',
    'small: warning not-found',
    'sub: warning not-found',
  ]);
});

testWith(['tar'], 'What becomes a link between two looks is not followed', async (t) => {
  const folder = await tree(t);
  const engine = await inlineEngine(
    troubled({
      openFile(_, __, name) {
        if (is(name, 'small')) {
          rmSync(join(folder, 'small'));
          symlinkSync('/etc/passwd', join(folder, 'small'));
        }
        return undefined;
      },
      openFolder(_, __, name) {
        if (is(name, 'sub')) {
          renameSync(join(folder, 'sub'), join(folder, 'elsewhere'));
          symlinkSync('/etc', join(folder, 'sub'));
        }
        return undefined;
      },
    }),
  );
  const backed = await backUp(engine, folder);
  t.deepEqual(await listOf(t, backed), ['./', './a before', './file']);
  t.is(backed.result.troubles, 2);
});

for (const format of ['tar', 'dump'] as const) {
  test(`Where a file system cannot tell holes (${format}), all of a file is saved`, async (t) => {
    const top = await tempFolder(t);
    const [from, to] = [join(top, 'from'), join(top, 'to')];
    mkdirSync(from);
    mkdirSync(to);
    writeFileSync(join(from, 'sparse'), 'the beginning');
    truncateSync(join(from, 'sparse'), 1_000_000);
    appendFileSync(join(from, 'sparse'), 'the end');
    for (const error of [E.invalid, E.io, E.notSupported]) {
      const engine = await inlineEngine(
        troubled({ seek: (_, __, ___, to_) => (to_ === 'offset' ? undefined : -error) }),
      );
      const { image, log } = await backUp(engine, from, { format });
      t.deepEqual(log, []);
      await recover(engine, to, image, { format });
      const [ours, theirs] = [to, from].map((one) => everythingIn(one, { times: false }).get('sparse'));
      t.is(ours, theirs);
    }
  });
}

test('An attribute that cannot be read is said to be missing', async (t) => {
  const folder = await tree(t);
  for (const [error, count] of [
    [E.io, 1],
    [E.range, 1],
    [E.noData, 0],
    [E.access, 0],
  ] as const) {
    const engine = await inlineEngine(
      troubled({
        listXattrs(_, handle, into) {
          if (!readlinkSync(`/proc/self/fd/${handle}`).endsWith('/small')) return 0;
          return into.length === 0 ? 0 : Buffer.from(into.buffer, into.byteOffset).write('user.a\0');
        },
        getXattr: () => -error,
      }),
    );
    const { log } = await backUp(engine, folder);
    t.is(log.length, count, String(error));
    if (count > 0) t.regex(log[0]?.text ?? '', /user\.a/);
  }
});

test('A time for which a dump has no room is said, and is the last that it has', async (t) => {
  const top = await tempFolder(t);
  const [from, to] = [join(top, 'from'), join(top, 'to')];
  for (const path of [from, to]) mkdirSync(path);
  writeFileSync(join(from, 'late'), 'x');
  utimesSync(join(from, 'late'), 1, 4_000_000_000);
  const engine = await inlineEngine();
  const { image, log } = await backUp(engine, from, { format: 'dump' });
  t.deepEqual(
    log.map(({ path }) => path?.toString()),
    ['late'],
  );
  await recover(engine, to, image, { format: 'dump' });
  t.is(statSync(join(to, 'late')).mtimeMs, (2 ** 31 - 1) * 1000);
});

testWith(['tar'], 'What the kernel shows as files is no tree', async (t) => {
  for (const [root, path] of [
    ['/proc', '/proc/self'],
    ['/', '/proc'],
    ['/', '/sys'],
  ] as const) {
    const { result, image } = await backUp(await inlineEngine(), root, { path: Buffer.from(path) });
    t.is(result.outcome, 'failed');
    t.is(image.length, 0);
  }
});

test('However deep a tree is, few of its folders are open at a time', async (t) => {
  const folder = await tempFolder(t);
  let path = folder;
  for (let depth = 0; depth < 300; depth += 1) path = join(path, 'd');
  mkdirSync(path, { recursive: true });
  for (const place of [folder, join(folder, 'd'), path]) {
    for (const name of ['file', 'z']) mkdirSync(join(place, name));
  }
  const open = new Set<number>();
  let most = 0;
  const engine = await inlineEngine(
    troubled({
      openFolder(calls, dir, name) {
        const handle = calls.openFolder(dir, name);
        if (handle >= 0) open.add(handle);
        most = Math.max(most, open.size);
        return handle;
      },
      close(_, handle) {
        open.delete(handle);
        return undefined;
      },
    }),
  );
  const { result, log, history } = await backUp(engine, folder);
  t.deepEqual([result.outcome, log, history.length], ['successful', [], 307]);
  t.true(most < 80, String(most));
  t.is(open.size, 0);
});

test('A folder that is moved away below the walk does not lead it elsewhere', async (t) => {
  const folder = await tempFolder(t);
  // Deeper than folders are kept open, so that the way back is `..`.
  let path = join(folder, 'top');
  for (let depth = 0; depth < 100; depth += 1) path = join(path, 'd');
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'deepest'), 'x');
  writeFileSync(join(folder, 'top/d/file'), 'y');
  mkdirSync(join(folder, 'z after'));
  const engine = await inlineEngine(
    troubled({
      openFile(_, __, name) {
        // d/d/…/d moves to another parent while the walk is at its bottom.
        if (is(name, 'deepest')) renameSync(join(folder, 'top/d/d/d'), join(folder, 'moved'));
        return undefined;
      },
    }),
  );
  const { result, history } = await backUp(engine, folder);
  t.is(result.outcome, 'successful');
  const paths = history.map((entry) => entry.path.toString());
  t.is(new Set(paths).size, paths.length);
  t.true(paths.every((one) => !one.includes('..') && !one.startsWith('/')));
  t.true(paths.includes('z after'));
  t.true(paths.includes('top/d/file'));
});

test('A tree deeper than a path may be is saved and recovered', async (t) => {
  const folder = await tempFolder(t);
  const [from, to] = [join(folder, 'from'), join(folder, 'to')];
  t.teardown(() => execFileSync('rm', ['-rf', from, to])); // which manages paths of that length
  mkdirSync(from);
  mkdirSync(to);
  const name = 'n'.repeat(100);
  // 60 × 101 bytes: longer than PATH_MAX, so made step by step.
  const script = `i=0; while [ $i -lt 60 ]; do mkdir ${name} && cd -P ${name} || exit 1; i=$((i+1)); done; echo deep > file`;
  execFileSync('sh', ['-c', script], { cwd: from });
  const engine = await inlineEngine();
  const { image, history, result } = await backUp(engine, from);
  t.is(result.troubles, 0);
  t.is(history.length, 62);
  const back = await recover(engine, to, image);
  t.deepEqual(back.log, []);
  const again = await backUp(engine, to);
  t.deepEqual(
    again.history.map(({ path, mode, size, mtime }) => [path, mode, size, mtime]).slice(1),
    history.map(({ path, mode, size, mtime }) => [path, mode, size, mtime]).slice(1),
  );
});

testWith(['tar'], 'What is left out, and files that were asked for', async (t) => {
  const folder = await tree(t);
  const engine = await inlineEngine();
  t.deepEqual(await listOf(t, await backUp(engine, folder, { exclude: ['*all', 'sub/*er'] })), [
    './',
    './a before',
    './file',
    './sub/',
  ]);
  t.deepEqual(await listOf(t, await backUp(engine, folder, { exclude: ['sub'] })), [
    './',
    './a before',
    './file',
    './small',
  ]);
  const some = await backUp(engine, folder, {
    files: [Buffer.from('/sub/after'), Buffer.from('small'), Buffer.from('gone')],
  });
  t.deepEqual(await listOf(t, some), ['./', './small', './sub/', './sub/after']);
  t.deepEqual(
    some.log.map(({ path, status }) => `${path?.toString()} ${status}`),
    ['gone not-found'],
  );
});

test('The estimate is near, and progress is told', async (t) => {
  const folder = await tree(t);
  const { result } = await backUp(await inlineEngine(), folder, { estimate: true });
  const engine = await inlineEngine();
  const job = engine.backup(backupOf(folder, { history: false, estimate: true }), {
    image: async () => await Promise.resolve(),
    history: () => undefined,
    log: () => undefined,
  });
  await job.done;
  t.is(job.progress.bytes, result.bytes);
  t.is(job.progress.files, 6);
  t.true(job.progress.estimateBytes > 305_000n && job.progress.estimateBytes < 330_000n);
});

test('Everything that is recovered over what is there is as in the image', async (t) => {
  const folder = await tree(t);
  const to = await tempFolder(t);
  const engine = await inlineEngine();
  const { image } = await backUp(engine, folder);
  await recover(engine, to, image);
  writeFileSync(join(to, 'file'), 'changed');
  rmSync(join(to, 'sub'), { recursive: true });
  writeFileSync(join(to, 'sub'), 'a file now');
  mkdirSync(join(to, 'small folder'));
  const { mode } = statSync(to);
  chmodSync(to, 0o750);
  await recover(engine, to, image, { existing: 'keep' });
  t.is(readFileSync(join(to, 'file'), 'utf8'), 'changed');
  t.is(statSync(to).mode & 0o7777, 0o750);
  chmodSync(to, mode);
  const { result } = await recover(engine, to, image);
  t.is(result.troubles, 0);
  rmSync(join(to, 'small folder'), { recursive: true });
  await mustRun(t, 'touch', ['-r', folder, to]);
  t.deepEqual(everythingIn(to), everythingIn(folder));
  t.deepEqual(
    readdirSync(to).filter((name) => name.includes('restored')),
    [],
  );
});

testWith(['tar'], 'A file that somebody holds a lease of is waited for', async (t) => {
  const folder = await tree(t);
  let waited = 0;
  const engine = await inlineEngine(
    troubled({
      openFile: (_, __, name) => (is(name, 'small') ? -E.again : undefined),
      reopenFile() {
        waited += 1;
        return undefined;
      },
    }),
  );
  const backed = await backUp(engine, folder);
  t.deepEqual(await listOf(t, backed), all);
  t.is(waited, 1);
  t.deepEqual(backed.log, []);
});

/** As if another file system were mounted at `sub`. */
const mountedAtSub = (type: number): ((calls: TreeCalls) => TreeCalls) => {
  let handleOfSub = -1;
  return troubled({
    openFolder(calls, dir, name) {
      const handle = calls.openFolder(dir, name);
      if (is(name, 'sub')) handleOfSub = handle;
      return handle;
    },
    stat(calls, handle, into) {
      const result = calls.stat(handle, into);
      const view = new DataView(into.buffer, into.byteOffset);
      if (handle === handleOfSub) view.setBigUint64(statLayout.mount, 999_999n, true);
      return result;
    },
    fileSystemType: (_, folder) => (folder === handleOfSub ? type : undefined),
  });
};
const ext4 = 0xef53;
const proc = 0x9fa0;
for (const [what, type, crossMounts, isIn] of [
  ['stays outside', ext4, false, false],
  ['goes in where that is wanted', ext4, true, true],
  ['never shows what the kernel knows', proc, true, false],
] as const) {
  testWith(['tar'], `A backup at a mount point: ${what}`, async (t) => {
    const folder = await tree(t);
    const backed = await backUp(await inlineEngine(mountedAtSub(type)), folder, { crossMounts });
    t.is((await listOf(t, backed)).includes('./sub/after'), isIn);
    t.true((await listOf(t, backed)).includes('./sub/'));
    t.is(backed.log.length, isIn ? 0 : 1);
  });
}
