/** Archives that mean harm: nothing outside of the root is made, changed or read, and nothing grows or hangs. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { posixTreeCalls, type TreeCalls } from '#env';
import { inlineTreeEngine, type TreeEngine } from '#trees';
import { backUp, everythingIn, inlineEngine, nameTo, recover, tempFolder } from '#support';
import { PaxWriter } from '../../../src/trees/tar/pax-records.js';
import { blockBytes, putHeader, typeFlag } from '../../../src/trees/tar/ustar.js';

interface Part {
  readonly name: string;
  readonly type?: string;
  readonly linkName?: string;
  readonly data?: string | Buffer;
  /** When the header says something else than `data` has. */
  readonly size?: number;
  readonly mode?: number;
}
function member({ name, type = typeFlag.regular, linkName, data = '', size, mode = 0o644 }: Part): Buffer {
  const bytes = Buffer.from(data);
  const block = Buffer.alloc(blockBytes + Math.ceil(bytes.length / blockBytes) * blockBytes);
  bytes.copy(block, blockBytes);
  putHeader(block, 0, {
    name: Buffer.from(name, 'latin1'),
    mode,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    size: size ?? bytes.length,
    seconds: 1_000_000_000,
    type,
    ...(linkName === undefined ? {} : { linkName: Buffer.from(linkName) }),
  });
  return block;
}
const archive = (...parts: (Part | Buffer)[]): Buffer =>
  Buffer.concat([
    ...parts.map((part) => (Buffer.isBuffer(part) ? part : member(part))),
    Buffer.alloc(2 * blockBytes),
  ]);
const recordsOf = (key: string, value: string): Buffer => {
  const records = new PaxWriter();
  records.add(key, value);
  return Buffer.from(records.bytes);
};
const pax = (key: string, value: string): Buffer =>
  member({ name: 'x', type: typeFlag.pax, data: recordsOf(key, value) });

/** A root, with a place beside it that must stay as it is. */
async function places(t: ExecutionContext): Promise<{ root: string; outside: string }> {
  const top = await tempFolder(t);
  const [root, outside] = [join(top, 'root'), join(top, 'outside')];
  mkdirSync(root);
  mkdirSync(join(outside, 'folder'), { recursive: true });
  writeFileSync(join(outside, 'file'), 'precious');
  return { root, outside };
}
async function engines(): Promise<readonly (readonly [string, TreeEngine])[]> {
  return [
    ['openat2', await inlineEngine()],
    ['without openat2', inlineTreeEngine(await posixTreeCalls({ openat2: false }))],
  ];
}

const ATTACKS: Readonly<Record<string, (outside: string) => Buffer>> = {
  'a name with ..': () =>
    archive({ name: '../outside/new', data: 'x' }, { name: 'a/../../outside/new', data: 'x' }),
  'a name with .. in the extended header': () =>
    archive(pax('path', '../outside/new'), { name: 'harmless', data: 'x' }),
  'a name with .. as GNU has it': () =>
    archive(
      { name: '././@LongLink', type: typeFlag.gnuName, data: '../outside/new\0' },
      { name: 'x', data: 'x' },
    ),
  'a file through a link that was just made': (outside) =>
    archive({ name: 'link', type: typeFlag.symlink, linkName: outside }, { name: 'link/new', data: 'x' }),
  'a folder through a link, and its times': (outside) =>
    archive(
      { name: 'link', type: typeFlag.symlink, linkName: outside },
      { name: 'link/folder/', type: typeFlag.folder, mode: 0o777 },
    ),
  'a link over a folder, and a file through it': (outside) =>
    archive(
      { name: 'a/', type: typeFlag.folder },
      { name: 'a', type: typeFlag.symlink, linkName: outside },
      { name: 'a/new', data: 'x' },
    ),
  'a file that replaces a link, not what it leads to': (outside) =>
    archive(
      { name: 'link', type: typeFlag.symlink, linkName: `${outside}/file` },
      { name: 'link', data: 'changed' },
    ),
  'a hard link to the outside, and a file through it': (outside) =>
    archive(
      { name: 'hard', type: typeFlag.link, linkName: '../outside/file' },
      { name: 'harder', type: typeFlag.link, linkName: `${outside}/file` },
      { name: 'hard', data: 'changed' },
      { name: 'harder', data: 'changed' },
    ),
  'a hard link through a link': (outside) =>
    archive(
      { name: 'link', type: typeFlag.symlink, linkName: outside },
      { name: 'hard', type: typeFlag.link, linkName: 'link/file' },
      { name: 'hard', data: 'changed' },
    ),
  'a hard link to a link, and a file over it': (outside) =>
    archive(
      { name: 'link', type: typeFlag.symlink, linkName: `${outside}/file` },
      { name: 'hard', type: typeFlag.link, linkName: 'link' },
      { name: 'hard', data: 'changed', mode: 0o777 },
    ),
  'names that are nothing': () =>
    archive(
      { name: '..', data: 'x' },
      { name: '.', data: 'x' },
      { name: '', data: 'x' },
      { name: '/', data: 'x' },
      { name: '../', type: typeFlag.folder, mode: 0o777 },
    ),
};

for (const [title, make] of Object.entries(ATTACKS)) {
  test(`Nothing outside is touched: ${title}`, async (t) => {
    for (const [how, engine] of await engines()) {
      const { root, outside } = await places(t);
      const before = everythingIn(outside);
      await recover(engine, root, make(outside));
      t.deepEqual(everythingIn(outside), before, how);
      t.false(existsSync(join(outside, 'new')), how);
    }
  });
}

test('Absolute names are names below the root', async (t) => {
  const { root, outside } = await places(t);
  const { result } = await recover(
    await inlineEngine(),
    root,
    archive({ name: `${outside}/file`, data: 'mine' }),
  );
  t.is(result.outcome, 'successful');
  t.is(readFileSync(join(outside, 'file'), 'utf8'), 'precious');
  t.is(readFileSync(join(root, outside, 'file'), 'utf8'), 'mine');
});

test('Links that were there before lead nowhere either', async (t) => {
  for (const [how, engine] of await engines()) {
    const { root, outside } = await places(t);
    symlinkSync(outside, join(root, 'link'));
    symlinkSync(join(outside, 'file'), join(root, 'file'));
    const before = everythingIn(outside);
    const image = archive(
      { name: 'link/new', data: 'x' },
      { name: 'link/folder/', type: typeFlag.folder, mode: 0o777 },
      { name: 'file', data: 'mine' },
    );
    const { log, result } = await recover(engine, root, image);
    t.is(result.outcome, 'successful');
    t.is(result.troubles, 2, how);
    t.regex(log[0]?.text ?? '', /symbolic link is in the way|no directory/, how);
    t.deepEqual(everythingIn(outside), before, how);
    t.is(readFileSync(join(root, 'file'), 'utf8'), 'mine', 'the link itself was replaced');
  }
});

test('A destination or prefix outside of the root is refused before anything is done', async (t) => {
  const { root, outside } = await places(t);
  const image = archive({ name: 'a', data: 'x' }, { name: 'b', data: 'y' });
  const engine = await inlineEngine();
  for (const prefix of [outside, `${root}/../outside`, `${root}2`, '/']) {
    const { result } = await recover(engine, root, image, { prefix: Buffer.from(prefix) });
    t.is(result.outcome, 'failed', prefix);
  }
  const names = [nameTo('a', join(outside, 'new')), nameTo('b', join(root, 'b'))];
  const { settled } = await recover(engine, root, image, { names });
  t.deepEqual(
    [...settled],
    [
      ['a', 'permission'],
      ['b', 'ok'],
    ],
  );
  t.deepEqual(readdirSync(outside).sort(), ['file', 'folder']);
});

test('A backup does not leave its root', async (t) => {
  const { root, outside } = await places(t);
  symlinkSync(outside, join(root, 'link'));
  for (const [how, engine] of await engines()) {
    for (const path of [outside, `${root}/../outside`, `${root}/link`, `${root}/link/folder`]) {
      const { result, image } = await backUp(engine, root, { path: Buffer.from(path) });
      t.is(result.outcome, 'failed', `${how} ${path}`);
      t.is(image.length, 0);
    }
  }
});

test('Set-id bits are not given to files whose owner could not be set', async (t) => {
  const calls = await posixTreeCalls();
  const refusing = new Proxy(calls, {
    get: (target, key) =>
      key === 'setOwner' ? () => -1 : (target[key as keyof typeof target] as () => number).bind(target),
  });
  const { root } = await places(t);
  await recover(inlineTreeEngine(refusing), root, archive({ name: 'tool', data: '#!', mode: 0o6755 }));
  t.is(lstatSync(join(root, 'tool')).mode & 0o7777, 0o755);
});

test('What somebody puts in the place of a link or pipe gets nothing of it', async (t) => {
  const { root } = await places(t);
  writeFileSync(join(root, 'precious'), 'x', { mode: 0o600 });
  const before = everythingIn(root).get('precious');
  const calls = await posixTreeCalls();
  const swapped = (made: number, name: Uint8Array): number => {
    const path = join(root, Buffer.from(name.subarray(0, -1)).toString());
    unlinkSync(path);
    renameSync(join(root, 'precious'), path);
    return made;
  };
  const swapping = new Proxy(calls, {
    get(target, key: keyof TreeCalls) {
      if (key === 'makeSymlink')
        return (...args: Parameters<TreeCalls['makeSymlink']>) =>
          swapped(target.makeSymlink(...args), args[2]);
      if (key === 'makeNode')
        return (...args: Parameters<TreeCalls['makeNode']>) => swapped(target.makeNode(...args), args[1]);
      return (...args: unknown[]) => Reflect.apply(target[key], target, args) as number;
    },
  });
  for (const part of [
    { name: 'link', type: typeFlag.symlink, linkName: 'nowhere' },
    { name: 'pipe', type: typeFlag.fifo, mode: 0o4777 },
  ]) {
    const { log } = await recover(inlineTreeEngine(swapping), root, archive(part));
    t.is(log.length, 1);
    t.is(everythingIn(root).get(part.name), before);
    renameSync(join(root, part.name), join(root, 'precious'));
  }
});

test('What is there is replaced, and other names of it keep what they have', async (t) => {
  const { root } = await places(t);
  writeFileSync(join(root, 'one'), 'old');
  linkSync(join(root, 'one'), join(root, 'two'));
  mkdirSync(join(root, 'empty folder'));
  const image = archive({ name: 'one', data: 'new' }, { name: 'empty folder', data: 'a file' });
  const { result } = await recover(await inlineEngine(), root, image);
  t.is(result.troubles, 0);
  t.is(readFileSync(join(root, 'one'), 'utf8'), 'new');
  t.is(readFileSync(join(root, 'two'), 'utf8'), 'old');
  t.is(readFileSync(join(root, 'empty folder'), 'utf8'), 'a file');
  t.deepEqual(readdirSync(root).sort(), ['empty folder', 'one', 'two']);
});

const GIANTS: Readonly<Record<string, () => Buffer>> = {
  'an extended header of 8 GB': () =>
    archive({ name: 'x', type: typeFlag.pax, size: 8 ** 11 - 1, data: 'no' }, { name: 'a', data: 'x' }),
  'a name of 1 GB': () =>
    archive({ name: 'x', type: typeFlag.gnuName, size: 2 ** 30, data: 'no' }, { name: 'a', data: 'x' }),
  'a file of 8 GB that is not there': () => archive({ name: 'a', size: 8 ** 11 - 1 }),
  'a map of a billion pieces': () =>
    archive(Buffer.concat([pax('GNU.sparse.major', '1'), pax('GNU.sparse.realsize', '10')]), {
      name: 'a',
      data: '1000000000\n0\n1\n',
    }),
  'a map that is not in order': () =>
    archive(pax('GNU.sparse.map', '5,5,0,5'), pax('GNU.sparse.realsize', '10'), {
      name: 'a',
      data: '0123456789',
    }),
  'a record that is longer than its header': () =>
    archive({ name: 'x', type: typeFlag.pax, data: '99999 path=a\n' }, { name: 'a', data: 'x' }),
  'extended headers that do not end': () =>
    archive(...['b', 'c', 'd', 'e'].map((key) => pax(key, 'v'.repeat(10 * 1024 * 1024))), {
      name: 'a',
      data: 'x',
    }),
  'large records for the whole archive': () =>
    archive(
      member({ name: 'x', type: typeFlag.globalPax, data: recordsOf('b', 'v'.repeat(2 * 1024 * 1024)) }),
      {
        name: 'b',
      },
    ),
  'a size of nonsense': () => {
    const bad = member({ name: 'a', data: 'x' });
    bad.write('zzzzzzzzzzz', 124);
    return archive(bad);
  },
};
for (const [title, make] of Object.entries(GIANTS)) {
  test(`An archive with ${title} is said to be damaged`, async (t) => {
    const { root } = await places(t);
    const { result, log } = await recover(await inlineEngine(), root, make());
    t.is(result.outcome, 'failed');
    t.true(log.length > 0 && log.length < 10);
    t.false(readdirSync(root).includes('a') && lstatSync(join(root, 'a')).size > 2000);
  });
}

test('A device of numbers that are none is left out, and the rest comes', async (t) => {
  const { root } = await places(t);
  const device = (at: number, field: string): Buffer => {
    const block = member({ name: 'device', type: typeFlag.character });
    block.write(field, at, 'latin1');
    block.write('        ', 148, 'latin1');
    const sum = block.reduce((before, byte) => before + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return block;
  };
  for (const [at, field] of [
    [329, 'zzzzzzz\0'],
    [337, '\xff\xff\xff\xff\xff\xff\xff\xff'],
    [329, '7777777\0'],
  ] as const) {
    const { result } = await recover(
      await inlineEngine(),
      root,
      archive(device(at, field), { name: 'file', data: field }),
    );
    t.is(result.outcome, 'failed');
    t.deepEqual(readdirSync(root), ['file']);
    t.is(readFileSync(join(root, 'file'), 'utf8'), Buffer.from(field).toString());
  }
});

test('A file whose name could not be read is not recovered under another', async (t) => {
  const { root } = await places(t);
  const image = archive(
    { name: 'x', type: typeFlag.pax, data: 'damaged' },
    { name: 'cut off', data: 'x' },
    { name: 'b', data: 'y' },
  );
  const { result } = await recover(await inlineEngine(), root, image);
  t.is(result.outcome, 'failed');
  t.deepEqual(readdirSync(root), ['b']);
});

test('Truncated anywhere, flipped anywhere: an error or a different file, and nothing outside', async (t) => {
  const { root, outside } = await places(t);
  const from = join(root, 'from');
  mkdirSync(join(from, 'folder'), { recursive: true });
  writeFileSync(join(from, 'folder/file'), 'some content '.repeat(200));
  symlinkSync(outside, join(from, 'folder/link'));
  linkSync(join(from, 'folder/file'), join(from, 'name'.repeat(40)));
  const engine = await inlineEngine();
  const { image } = await backUp(engine, from);
  const before = everythingIn(outside);
  let number = 0;
  const tryOne = async (bytes: Buffer): Promise<string> => {
    number += 1;
    const to = join(root, `to ${number}`);
    mkdirSync(to);
    const { result } = await recover(engine, to, bytes);
    execFileSync('rm', ['-rf', to]);
    return result.outcome;
  };
  const end = image.length - 10_240;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: Math.max(1, end) }), async (length) => {
      t.is(await tryOne(image.subarray(0, length)), 'failed', `cut at ${length}`);
    }),
    { numRuns: 40, seed: 5 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: image.length - 1 }),
      fc.integer({ min: 0, max: 7 }),
      async (at, bit) => {
        const flipped = Buffer.from(image);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        await tryOne(flipped);
      },
    ),
    { numRuns: 150, seed: 7 },
  );
  t.deepEqual(everythingIn(outside), before);
});

test('Behind a damaged place the next file is found', async (t) => {
  const { root } = await places(t);
  const image = archive(
    { name: 'a', data: 'x' },
    { name: 'b', data: 'y'.repeat(3000) },
    { name: 'c', data: 'z' },
  );
  image.fill(0x55, 2 * blockBytes, 3 * blockBytes);
  const { result, log } = await recover(await inlineEngine(), root, image);
  t.is(result.outcome, 'failed');
  t.regex(result.message ?? '', /byte 1024/);
  t.is(log.length, 1);
  t.deepEqual(readdirSync(root).sort(), ['a', 'c']);
});
