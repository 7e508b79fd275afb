/** GNU tar is the judge: it extracts our archives exactly, and we its own. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { ExecutionContext } from 'ava';
import { backUp, everythingIn, inlineEngine, mustRun, recover, tempFolder, testWith } from '#support';

const isRoot = process.getuid?.() === 0;
const programs = ['tar', 'setfattr', 'getfattr', 'setfacl', 'getfacl', 'mkfifo', 'mknod'];

/** What only some users and file systems can have: what is there in the end is what must come back. */
function attempt(program: string, ...args: readonly string[]): void {
  spawnSync(program, args, { stdio: 'ignore' });
}
/** One of every kind of file. */
function makeEverything(folder: string): void {
  mkdirSync(join(folder, 'sub/deeper'), { recursive: true });
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(join(folder, 'one'), 'x');
  writeFileSync(join(folder, 'block'), Buffer.alloc(512, 'b'));
  writeFileSync(join(folder, 'large'), Buffer.alloc(700_001, 'large '));
  chmodSync(join(folder, 'large'), 0o4751);
  writeFileSync(join(folder, 'sub/secret'), 'nobody reads it');
  if (isRoot) chmodSync(join(folder, 'sub/secret'), 0);
  linkSync(join(folder, 'large'), join(folder, 'sub/large too'));
  linkSync(join(folder, 'large'), join(folder, 'sub/deeper/large as well'));
  symlinkSync('../one', join(folder, 'sub/link'));
  symlinkSync('/no/where/'.repeat(30), join(folder, 'sub/long link'));
  symlinkSync('t', join(folder, 'sub/old link'));
  lutimesSync(join(folder, 'sub/old link'), 1, 123_456);
  linkSync(join(folder, 'sub/link'), join(folder, 'sub/link again'));
  const longName = 'n'.repeat(200);
  mkdirSync(join(folder, longName, longName), { recursive: true });
  writeFileSync(join(folder, longName, longName, `file ${longName}`), 'far away');
  writeFileSync(
    Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x66, 0xff, 0xe4, 0x0a, 0x27])]),
    'no utf-8',
  );
  writeFileSync(join(folder, 'grün é 漢字'), 'utf-8');
  writeFileSync(join(folder, '-rf'), 'not an option');
  writeFileSync(join(folder, 'before 1970'), '');
  utimesSync(join(folder, 'before 1970'), -1.25, -1.25);
  utimesSync(join(folder, 'one'), 1_234_567_890.123_456, 1_234_567_890.987_654);
  const sparse = openSync(join(folder, 'sparse'), 'w');
  ftruncateSync(sparse, 50_000_000);
  for (const at of [1_000_000, 20_000_000, 20_500_000])
    writeSync(sparse, Buffer.alloc(10_000, 's'), 0, 10_000, at);
  closeSync(sparse);
  const hole = openSync(join(folder, 'hole'), 'w');
  ftruncateSync(hole, 3_000_000);
  closeSync(hole);
  execFileSync('mkfifo', ['-m', '0624', join(folder, 'pipe')]);
  attempt('mknod', join(folder, 'null'), 'c', '1', '3');
  attempt('mknod', join(folder, 'disk'), 'b', '259', '70000');
  attempt('chown', '1234:3000000000', join(folder, 'one'));
  attempt('chown', '65534:77', join(folder, 'sub'));
  chmodSync(join(folder, 'sub'), 0o1777);
  utimesSync(join(folder, 'sub/deeper'), 981_173_106, 981_173_106.5);
  if (isRoot) chmodSync(join(folder, 'sub/deeper'), 0o555); // others could not remove it in the end
}
function addAttributes(folder: string): void {
  attempt('setfattr', '-n', 'user.comment', '-v', 'with = and % and \n', join(folder, 'one'));
  attempt('setfattr', '-n', 'user.empty', join(folder, 'sub'));
  attempt('setfattr', '-n', 'user.a=b%c', '-v', 'x', join(folder, 'block'));
  attempt('setfattr', '-n', 'user.bytes', '-v', '0x00ff0a00', join(folder, 'large'));
  attempt('setfattr', '-n', 'trusted.mark', '-v', 'on a link', '-h', join(folder, 'sub/link'));
  const capability = '0x0100000200040000000000000000000000000000';
  attempt('setfattr', '-n', 'security.capability', '-v', capability, join(folder, 'block'));
  attempt('setfacl', '-m', 'u:1000:rw-,g:2000:r-x,m::rwx', join(folder, 'block'));
  attempt('setfacl', '-m', 'd:u:1000:r--', join(folder, 'sub'));
}
const attributesOf = async (t: ExecutionContext, folder: string): Promise<string> =>
  (await mustRun(t, 'getfattr', ['-R', '-h', '-d', '-m', '-', '-e', 'hex', '.'], { cwd: folder })) +
  (await mustRun(t, 'getfacl', ['-R', '-n', '-p', '.'], { cwd: folder }));

async function folders(t: ExecutionContext): Promise<{ from: string; to: string; archive: string }> {
  const top = await tempFolder(t);
  const [from, to] = [join(top, 'from'), join(top, 'to')];
  mkdirSync(from);
  mkdirSync(to);
  makeEverything(from);
  addAttributes(from);
  return { from, to, archive: join(top, 'archive.tar') };
}

/** As deep as it takes to restore what we ask for. */
const extract = ['--xattrs', '--xattrs-include=*', '--acls', '--numeric-owner', '-p'];

testWith(programs, 'GNU tar extracts our archive, and nothing is different', async (t) => {
  const { from, to, archive } = await folders(t);
  const { image, log, result } = await backUp(await inlineEngine(), from);
  t.is(result.outcome, 'successful');
  t.deepEqual(log, []);
  t.is(result.bytes, BigInt(image.length));
  t.is(image.length % 10_240, 0);
  writeFileSync(archive, image);
  t.is(await mustRun(t, 'tar', ['-C', to, ...extract, '-xf', archive]), '');
  t.deepEqual(everythingIn(to), everythingIn(from));
  t.is(await attributesOf(t, to), await attributesOf(t, from));
  // Holes stay holes.
  const blocks = (folder: string): number =>
    Number(execFileSync('stat', ['-c', '%b', join(folder, 'sparse')]).toString());
  t.is(blocks(to), blocks(from));
  t.true(image.length < 2_000_000);
  // It finds no difference either, of what it compares.
  t.is(await mustRun(t, 'tar', ['-C', from, '-df', archive]), '');
});

testWith(programs, 'We recover our archive, and nothing is different', async (t) => {
  const { from, to } = await folders(t);
  const engine = await inlineEngine();
  const { image, history } = await backUp(engine, from);
  const { log, result } = await recover(engine, to, image);
  t.deepEqual(log, []);
  t.is(result.outcome, 'successful');
  t.is(result.files, history.length);
  t.deepEqual(everythingIn(to), everythingIn(from));
  t.is(await attributesOf(t, to), await attributesOf(t, from));
});

for (const format of ['posix', 'gnu', 'oldgnu', 'ustar', 'v7']) {
  testWith(programs, `We recover what GNU tar wrote: --format=${format}`, async (t) => {
    const { from, to, archive } = await folders(t);
    const gnu = await inlineEngine();
    const hasAll = format === 'posix';
    // Formats that cannot hold something leave it out, and say so.
    const sparse = format === 'ustar' || format === 'v7' ? [] : ['-S'];
    const more = hasAll ? ['--xattrs', '--acls'] : [];
    execFileSync(
      'sh',
      [
        '-c',
        `tar -C "$1" --numeric-owner --format=${format} ${[...sparse, ...more].join(' ')} -cf "$2" . || true`,
        'sh',
        from,
        archive,
      ],
      { stdio: 'pipe' },
    );
    // What GNU tar itself makes of it is what it should be.
    const judge = join(to, 'judge');
    const ours = join(to, 'ours');
    mkdirSync(judge);
    mkdirSync(ours);
    await mustRun(t, 'tar', ['-C', judge, ...extract, '-xf', archive]);
    const { readFileSync } = await import('node:fs');
    const { result, log } = await recover(gnu, ours, readFileSync(archive));
    t.deepEqual(log, []);
    t.is(result.outcome, 'successful');
    t.deepEqual(everythingIn(ours), everythingIn(judge));
    if (hasAll) t.is(await attributesOf(t, ours), await attributesOf(t, judge));
  });
}

for (const version of ['0.0', '0.1', '1.0']) {
  testWith(['tar'], `We recover sparse files of GNU tar: version ${version}`, async (t) => {
    const top = await tempFolder(t);
    const [from, to] = [join(top, 'from'), join(top, 'to')];
    mkdirSync(from);
    mkdirSync(to);
    const file = openSync(join(from, 'many holes'), 'w');
    for (let at = 0; at < 60; at += 1)
      writeSync(file, Buffer.alloc(5000, `${at} `), 0, 5000, at * 1_000_000 + 777);
    ftruncateSync(file, 61_000_000);
    closeSync(file);
    const archive = join(top, 'sparse.tar');
    await mustRun(t, 'tar', [
      '-C',
      from,
      '-S',
      '--format=posix',
      `--sparse-version=${version}`,
      '-cf',
      archive,
      '.',
    ]);
    const { readFileSync } = await import('node:fs');
    const { result } = await recover(await inlineEngine(), to, readFileSync(archive));
    t.is(result.outcome, 'successful');
    t.deepEqual(everythingIn(to), everythingIn(from));
  });
}
