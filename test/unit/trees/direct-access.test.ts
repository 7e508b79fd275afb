/** Single files and directories by where they begin, and selections in one reading. */
import {
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { toTheEnd, type HistoryEntry, type RecoverName } from '#trees';
import { backUp, everythingIn, inlineEngine, MemoryImage, nameTo, recover, tempFolder } from '#support';

interface Saved {
  readonly from: string;
  readonly to: string;
  readonly image: Buffer;
  readonly byPath: ReadonlyMap<string, HistoryEntry>;
}
async function saved(t: ExecutionContext): Promise<Saved> {
  const top = await tempFolder(t);
  const [from, to] = [join(top, 'from'), join(top, 'to')];
  mkdirSync(join(from, 'dir/inner/innermost'), { recursive: true });
  mkdirSync(join(from, 'dir2'), { recursive: true });
  mkdirSync(to);
  for (const name of ['first', 'dir/a', 'dir/inner/b', 'dir/inner/innermost/c', 'dir2/d', 'last']) {
    writeFileSync(join(from, name), `${name} `.repeat(5000));
  }
  writeFileSync(join(from, 'dir', 'large'), Buffer.alloc(900_000, 'L'));
  linkSync(join(from, 'first'), join(from, 'dir2/other name of first'));
  linkSync(join(from, 'first'), join(from, 'dir2/third name of first'));
  symlinkSync('a', join(from, 'dir/link'));
  writeFileSync(join(from, 'sparse'), 'x');
  truncateSync(join(from, 'sparse'), 5_000_000);
  utimesSync(join(from, 'dir/inner'), 1_000_000_000.5, 1_000_000_000.25);
  const { image, history } = await backUp(await inlineEngine(), from);
  return { from, to, image, byPath: new Map(history.map((entry) => [entry.path.toString(), entry])) };
}
const at = ({ byPath, to }: Saved, path: string, destination = path): RecoverName =>
  nameTo(path, join(to, destination), byPath.get(path));

test('History tells for each file where it begins; names of one file tell the same', async (t) => {
  const { byPath, from } = await saved(t);
  t.is(byPath.size, 16);
  const root = byPath.get('');
  t.is(root?.fhInfo, 0n);
  t.is(root?.parentNode, root?.node);
  t.is(byPath.get('dir')?.parentNode, root?.node);
  t.is(byPath.get('dir/inner')?.parentNode, byPath.get('dir')?.node);
  const names = ['first', 'dir2/other name of first', 'dir2/third name of first'].map((path) =>
    byPath.get(path),
  );
  t.is(new Set(names.map((entry) => entry?.fhInfo)).size, 1);
  t.is(new Set(names.map((entry) => entry?.node)).size, 1);
  const stat = statSync(join(from, 'dir/inner'), { bigint: true });
  const inner = byPath.get('dir/inner');
  t.like(inner, {
    type: 'directory',
    node: stat.ino,
    mode: 0o755,
    uid: process.getuid?.(),
    links: 3,
    mtime: stat.mtimeNs,
    ctime: stat.ctimeNs,
  });
  t.like(byPath.get('dir/link'), { type: 'symlink', size: 1n });
});

test('One file: no more of the image is read than it has', async (t) => {
  const all = await saved(t);
  const source = new MemoryImage(all.image);
  const { settled, log } = await recover(await inlineEngine(), all.to, source, {
    direct: true,
    names: [at(all, 'dir/large', 'x/y')],
  });
  t.deepEqual([...settled], [['dir/large', 'ok']]);
  t.deepEqual(log, []);
  t.is(readFileSync(join(all.to, 'x/y')).compare(readFileSync(join(all.from, 'dir/large'))), 0);
  const asked = source.asks.reduce((sum, [, length]) => sum + length, 0n);
  t.true(asked < 905_000n, String(asked));
  t.true(source.asks.length <= 3);
});

test('Files in any order, from the first to the last byte of the image', async (t) => {
  const all = await saved(t);
  const paths = ['last', 'dir/link', 'sparse', 'dir/inner/innermost/c', 'first', 'dir/a'];
  const source = new MemoryImage(all.image);
  const { settled } = await recover(await inlineEngine(), all.to, source, {
    direct: true,
    names: paths.map((path) => at(all, path)),
  });
  t.deepEqual(new Set(settled.values()), new Set(['ok']));
  t.is(settled.size, paths.length);
  const [ours, theirs] = [everythingIn(all.to), everythingIn(all.from)];
  for (const path of paths.filter((one) => one !== 'first')) t.is(ours.get(path), theirs.get(path), path);
  t.true(source.asks.every(([offset, length]) => offset + length <= BigInt(all.image.length)));
});

test('A directory comes with all in it, and nothing else', async (t) => {
  const all = await saved(t);
  const { settled, log } = await recover(await inlineEngine(), all.to, all.image, {
    direct: true,
    names: [at(all, 'dir')],
  });
  t.deepEqual([[...settled], log], [[['dir', 'ok']], []]);
  const inDir = ([path]: [string, string]): boolean => path.startsWith('dir/') || path === 'dir';
  t.deepEqual(
    [...everythingIn(all.to)].filter(([path]) => path !== ''),
    [...everythingIn(all.from)].filter(inDir),
  );
  const alone = await recover(await inlineEngine(), all.to, all.image, {
    direct: true,
    recursive: false,
    names: [at(all, 'dir2')],
  });
  t.is(alone.result.files, 1);
});

test('The last directory of the image, whose end is known, asks for nothing behind it', async (t) => {
  const all = await saved(t);
  for (const path of ['', 'dir', 'dir/inner']) {
    const source = new MemoryImage(all.image);
    await recover(await inlineEngine(), all.to, source, {
      direct: true,
      names: [at(all, path)],
      imageBytes: BigInt(all.image.length),
    });
    const ends = source.asks.map(([offset, length]) => offset + length);
    t.deepEqual(
      ends.filter((end) => end > BigInt(all.image.length)),
      [],
      path,
    );
  }
});

test('A name of a file that was saved under another is recovered with its data', async (t) => {
  const all = await saved(t);
  const engine = await inlineEngine();
  const path = 'dir2/other name of first';
  const content = readFileSync(join(all.from, 'first'), 'utf8');
  const direct = await recover(engine, all.to, all.image, {
    direct: true,
    names: [at(all, path, 'by fh_info')],
  });
  t.deepEqual([...direct.settled], [[path, 'ok']]);
  t.is(readFileSync(join(all.to, 'by fh_info'), 'utf8'), content);
  // Without: a second reading, because the data was before the name in the archive.
  const source = new MemoryImage(all.image);
  const names = ['dir2/third name of first', path].map((one, index) =>
    nameTo(one, join(all.to, `by name ${index}`)),
  );
  const read = await recover(engine, all.to, source, { names });
  t.deepEqual(read.log, []);
  t.deepEqual(new Set(read.settled.values()), new Set(['ok']));
  t.is(read.result.files, 2);
  t.deepEqual(source.asks, [
    [0n, toTheEnd],
    [0n, toTheEnd],
  ]);
  t.is(readFileSync(join(all.to, 'by name 0'), 'utf8'), content);
  t.is(readFileSync(join(all.to, 'by name 1'), 'utf8'), content);
  t.is(statSync(join(all.to, 'by name 0')).ino, statSync(join(all.to, 'by name 1')).ino);
});

test('A selection in one reading; what is not there is said', async (t) => {
  const all = await saved(t);
  const names = [
    nameTo('/dir/inner/', join(all.to, 'renamed')),
    nameTo('./last', join(all.to, 'last')),
    nameTo('gone', join(all.to, 'gone')),
    nameTo('../first', join(all.to, 'no')),
  ];
  const { settled, result } = await recover(await inlineEngine(), all.to, all.image, { names });
  t.deepEqual(Object.fromEntries(settled), {
    '/dir/inner/': 'ok',
    './last': 'ok',
    gone: 'not-found',
    '../first': 'not-found',
  });
  t.is(result.outcome, 'successful');
  t.deepEqual(
    [...everythingIn(all.to).keys()],
    ['', 'last', 'renamed', 'renamed/b', 'renamed/innermost', 'renamed/innermost/c'],
  );
});

for (const format of ['tar', 'dump'] as const) {
  test(`Another name of a file that is kept gets what the image has, and not what was kept (${format})`, async (t) => {
    const top = await tempFolder(t);
    const [from, to] = [join(top, 'from'), join(top, 'to')];
    for (const path of [from, to]) mkdirSync(path);
    writeFileSync(join(from, 'a'), 'of the image');
    for (const name of ['b', 'c']) linkSync(join(from, 'a'), join(from, name));
    const engine = await inlineEngine();
    const { image, history } = await backUp(engine, from, { format });
    const [first = '', ...others] = history.map(({ path }) => path.toString()).filter((path) => path !== '');
    writeFileSync(join(to, first), 'kept');
    const { log } = await recover(engine, to, image, { format, existing: 'keep' });
    t.deepEqual(log, []);
    t.is(readFileSync(join(to, first), 'utf8'), 'kept');
    for (const name of others) t.is(readFileSync(join(to, name), 'utf8'), 'of the image');
  });
}

test('A name that goes elsewhere than the directory above it is said to be missing there', async (t) => {
  const { from, to, image } = await saved(t);
  const names = [
    nameTo('dir', join(to, 'x')),
    nameTo('dir/a', join(to, 'y')),
    nameTo('dir/inner', join(to, 'x/inner')),
  ];
  const { log, settled } = await recover(await inlineEngine(), to, image, { names });
  t.deepEqual(new Set(settled.values()), new Set(['ok']));
  t.deepEqual(
    log.map(({ path, text }) => [path?.toString(), text]),
    [['dir/a', 'It goes where its own name says, and is missing in /x/a']],
  );
  t.is(everythingIn(to).get('x/inner/b'), everythingIn(from).get('dir/inner/b'));
});

test('When all that was asked for has been found, the rest is not read', async (t) => {
  const all = await saved(t);
  let read = 0;
  const source = new MemoryImage(all.image, 4096);
  const counting = { ask: source.ask.bind(source), read: async () => ((read += 1), await source.read()) };
  const engine = await inlineEngine();
  const job = engine.recover(
    {
      format: 'tar',
      root: Buffer.from(all.to),
      prefix: Buffer.from(all.to),
      names: [nameTo('first', join(all.to, 'first'))],
      direct: false,
      recursive: true,
      existing: 'replace',
    },
    counting,
    { settled: () => undefined, log: () => undefined },
  );
  t.is((await job.done).outcome, 'successful');
  t.true(read < all.image.length / 4096 / 2);
});

test('A place where no such file begins fails for that name alone', async (t) => {
  const all = await saved(t);
  const wrong = (path: string, fhInfo: bigint): RecoverName => ({
    ...nameTo(path, join(all.to, path)),
    fhInfo,
  });
  const dir = all.byPath.get('dir')?.fhInfo ?? 0n;
  const names = [
    wrong('first', 100n),
    wrong('dir2', dir),
    wrong('sparse', BigInt(all.image.length) + 5n),
    at(all, 'last'),
  ];
  const { settled } = await recover(await inlineEngine(), all.to, all.image, { direct: true, names });
  t.deepEqual(Object.fromEntries(settled), { first: 'io', dir2: 'io', sparse: 'io', last: 'ok' });
});

for (const format of ['tar', 'dump'] as const) {
  test(`A place where another file begins gives nothing of that one (${format})`, async (t) => {
    const { from, to } = await saved(t);
    const engine = await inlineEngine();
    const { image, history } = await backUp(engine, from, { format });
    const of = (path: string): HistoryEntry | undefined =>
      history.find((entry) => entry.path.toString() === path);
    const other = (path: string, at_: string): RecoverName => ({
      ...nameTo(path, join(to, path), of(path)),
      fhInfo: of(at_)?.fhInfo ?? 0n,
    });
    const names = [
      other('last', 'dir/a'),
      other('dir2/d', 'first'),
      nameTo('first', join(to, 'first'), of('first')),
    ];
    const { settled } = await recover(engine, to, image, { format, direct: true, names });
    t.deepEqual(Object.fromEntries(settled), { last: 'io', 'dir2/d': 'io', first: 'ok' });
    t.deepEqual([...everythingIn(to).keys()], ['', 'first']);
  });
  test(`An image that ends within a file that was gone to directly fails (${format})`, async (t) => {
    const { from, to } = await saved(t);
    const engine = await inlineEngine();
    const { image, history } = await backUp(engine, from, { format });
    const large = history.find(({ path }) => path.toString() === 'dir/large');
    const cut = image.subarray(0, Number(large?.fhInfo ?? 0n) + 400_000);
    const { settled, result } = await recover(engine, to, cut, {
      format,
      direct: true,
      names: [nameTo('dir/large', join(to, 'large'), large)],
    });
    t.deepEqual([...settled], [['dir/large', 'io']]);
    t.is(result.outcome, 'failed');
    t.regex(result.message ?? '', /ends/);
  });
}
