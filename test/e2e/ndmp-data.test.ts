/** The data service of the real daemon, message by message: what clients that we do not have ask it for. */
import { mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { realEnv } from '#env';
import { describeTree, makeTree, NdmpClient, startDaemon, tempFolder } from '#support';

const user = 'backup';
const secret = 'a password of the backup program';
const allOnes = 0xffff_ffff_ffff_ffffn;
const device = 'library0/drive0';
const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === '::1');
const testIpv6 = hasIpv6 ? test : test.skip;

/** A daemon with a tape in its drive and two roots: `src` to read, `out` to write. */
async function site(t: ExecutionContext, host = '127.0.0.1') {
  const folder = await tempFolder(t);
  const [source, out] = [join(folder, 'src'), join(folder, 'out')];
  await mkdir(source);
  await mkdir(out);
  const listen = host.includes(':') ? `[${host}]:0` : `${host}:0`;
  const daemon = await startDaemon(t, join(folder, 'silo'), ['--store', 'plain', '--ndmp-listen', listen]);
  await daemon.jsonHere('ndmp', 'user', 'create', user, '--secret', secret);
  await daemon.jsonHere('ndmp', 'root', 'add', source, '--name', 'src');
  await daemon.jsonHere('ndmp', 'root', 'add', out, '--name', 'out');
  await daemon.jsonHere('tape', 'move', 'TS0001L8', '--to', 'drive0');
  const { ndmpPortals } = daemon.ready as unknown as { ndmpPortals: { port: number }[] };
  const port = ndmpPortals[0]?.port ?? 0;
  const login = async (): Promise<NdmpClient> => {
    const client = await NdmpClient.connect(realEnv().net, { host, port });
    t.teardown(() => client.close());
    await client.login({ user, secret });
    return client;
  };
  return { source, out, login };
}
const env = (variables: Readonly<Record<string, string>>) =>
  Object.entries(variables).map(([name, value]) => ({ name, value }));
const mover = { type: 'local' } as const;

/** A local backup to the rewound tape; history, log and variables of it. */
async function backUp(client: NdmpClient, variables: Readonly<Record<string, string>>) {
  const from = client.posts.length;
  await client.must('tapeOpen', { device, mode: 'read-write' });
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  await client.must('moverSetWindow', { offset: 0n, length: allOnes });
  await client.must('moverListen', { mode: 'read', addrType: 'local' });
  await client.must('dataConnect', { addr: mover });
  await client.must('dataStartBackup', { mover, buType: 'tar', env: env(variables) });
  const { reason } = await client.nextPost('notifyDataHalted');
  await client.nextPost('notifyMoverHalted');
  const { env: result } = await client.must('dataGetEnv', {});
  await client.must('dataStop', {});
  await client.must('moverStop', {});
  await client.must('tapeMtio', { tapeOp: 'eof', count: 1 });
  await client.must('tapeClose', {});
  const posts = client.posts.slice(from);
  const log = posts.flatMap(({ name, body }) =>
    name === 'logMessage' && 'entry' in body ? [body.entry] : [],
  );
  return { reason, log, posts, variables: new Map(result.map(({ name, value }) => [name, value])) };
}
type BackedUp = Awaited<ReturnType<typeof backUp>>;
const pathsOf = ({ posts }: BackedUp): string[] =>
  posts.flatMap(({ body }) =>
    'files' in body ? body.files.map(({ names: [first] }) => String(first?.path)) : [],
  );

/** A local recovery from the rewound tape. */
async function recover(
  client: NdmpClient,
  names: readonly { original: string; destination: string; fhInfo?: bigint | undefined }[],
  variables: Readonly<Record<string, string>>,
) {
  await client.must('tapeOpen', { device, mode: 'read' });
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  await client.must('moverSetWindow', { offset: 0n, length: allOnes });
  await client.must('moverListen', { mode: 'write', addrType: 'local' });
  await client.must('dataConnect', { addr: mover });
  const nlist = names.map(({ original, destination, fhInfo = allOnes }) => ({
    originalPath: Buffer.from(original),
    destinationPath: Buffer.from(destination),
    name: Buffer.alloc(0),
    otherName: Buffer.alloc(0),
    ssid: 0,
    node: allOnes,
    fhInfo,
  }));
  await client.must('dataStartRecover', { mover, buType: 'tar', env: env(variables), nlist });
  const { reason } = await client.nextPost('notifyDataHalted');
  await client.must('moverClose', {}); // it may be paused at the end of the file
  await client.nextPost('notifyMoverHalted');
  await client.must('dataStop', {});
  await client.must('moverStop', {});
  await client.must('tapeClose', {});
  return reason;
}

test('EXCLUDE and FILES choose; what is asked for and not there is said', async (t) => {
  const { source, login } = await site(t);
  for (const name of ['keep/a.c', 'keep/a.o', 'keep/core', 'tmp/x', 'other/y']) {
    await mkdir(join(source, name, '..'), { recursive: true });
    await writeFile(join(source, name), name);
  }
  const client = await login();
  const excluded = await backUp(client, { FILESYSTEM: source, HIST: 'f', EXCLUDE: '*.o,tmp,keep/core' });
  t.deepEqual(pathsOf(excluded).toSorted(), ['/', '/keep', '/keep/a.c', '/other', '/other/y']);
  const chosen = await backUp(client, { FILESYSTEM: source, HIST: 'f', FILES: 'tmp', BASE_DATE: '-1' });
  t.deepEqual(pathsOf(chosen).toSorted(), ['/', '/tmp', '/tmp/x']);
  const missing = await backUp(client, { FILESYSTEM: 'src', HIST: 'f', FILES: 'nowhere' });
  t.is(missing.reason, 'successful');
  t.true(missing.log.some((line) => line.startsWith('/nowhere: ')));
  t.true(missing.log.some((line) => / not in it, or not whole: 1 file,/.test(line)));
});

test('by tokens: full, and what changed since, a renamed directory with all in it; both over each other are the tree', async (t) => {
  const { source, out, login } = await site(t);
  await makeTree(source);
  await mkdir(join(source, 'old/inner'), { recursive: true });
  await writeFile(join(source, 'old/inner/file'), 'untouched');
  const long = new Date('2015-01-01');
  for (const path of ['old/inner/file', 'old/inner', 'old']) await utimes(join(source, path), long, long);
  const client = await login();
  const full = await backUp(client, { FILESYSTEM: source, BASE_DATE: '0', HIST: 'f' });
  const token = full.variables.get('DUMP_DATE') ?? '';
  t.is(BigInt(token) >> 32n, 1n);
  t.is(await recover(client, [], { PREFIX: out }), 'successful');
  t.deepEqual(await describeTree(out), await describeTree(source));

  // What changes in the second of the first backup would be in the next one too: look at what is surely new.
  await rename(join(source, 'old'), join(source, 'sub/moved'));
  await writeFile(join(source, 'sub/h.txt'), 'changed\n');
  await symlink('f0', join(source, 'fresh'));
  const later = String(BigInt(token) + 2n);
  const none = await backUp(client, { FILESYSTEM: source, BASE_DATE: later, HIST: 'f' });
  t.regex(none.log[0] ?? '', /nothing else is known|future/);
  const increment = await backUp(client, { FILESYSTEM: source, BASE_DATE: token, HIST: 'f' });
  t.is(BigInt(increment.variables.get('DUMP_DATE') ?? 0) >> 32n, 2n);
  const paths = new Set(pathsOf(increment));
  for (const path of ['/fresh', '/sub/h.txt', '/sub/moved/inner/file']) t.true(paths.has(path), path);
  t.is(await recover(client, [], { PREFIX: out }), 'successful');
  // What has gone since is still there, and goes; it takes the time of the tree itself with it.
  await rm(join(out, 'old'), { recursive: true });
  t.deepEqual((await describeTree(out)).slice(1), (await describeTree(source)).slice(1));
});

test('history by node leads to every file, and direct access to its bytes', async (t) => {
  const { source, out, login } = await site(t);
  await makeTree(source);
  const client = await login();
  const { posts } = await backUp(client, { FILESYSTEM: source, HIST: 'd' });
  const dirs = posts.flatMap(({ body }) => ('dirs' in body ? body.dirs : []));
  const places = new Map(
    posts.flatMap(({ body }) =>
      'nodes' in body ? body.nodes.map(({ node, fhInfo }) => [node, fhInfo] as const) : [],
    ),
  );
  t.deepEqual(
    dirs.slice(0, 2).map(({ names: [name] }) => String(name?.path)),
    ['.', '..'],
  );
  const root = dirs[0]?.node;
  const find = (path: string): bigint | undefined => {
    let at = root;
    for (const part of path.split('/')) {
      at = dirs.find(({ parent, names: [name] }) => parent === at && String(name?.path) === part)?.node;
    }
    return at === undefined ? undefined : places.get(at);
  };
  const names = ['f2', 'sub/h.txt', 'sub/again', 'sub/deep'].map((path) => ({
    original: `/${path}`,
    destination: join(out, path),
    fhInfo: find(path),
  }));
  for (const { original, fhInfo } of names) t.truthy(fhInfo, original);
  t.is(await recover(client, names, { DIRECT: 'y' }), 'successful');
  const log = client.posts.flatMap(({ name, body }) =>
    name === 'logFile' && 'recoveryStatus' in body ? [body.recoveryStatus] : [],
  );
  t.deepEqual(log, Array(4).fill('successful'));
  const wanted = (await describeTree(source)).filter((line) =>
    / \/(f2|sub\/h\.txt|sub\/again|sub\/deep.*):/.test(line),
  );
  const got = (await describeTree(out)).filter((line) => !/ \/(sub)?:/.test(line));
  t.deepEqual(got, wanted);
});

test('one session connects its mover and data service over TCP, either way round', async (t) => {
  const { source, out, login } = await site(t);
  await makeTree(source);
  const client = await login();
  const begin = async (mode: 'read' | 'write', whoListens: 'mover' | 'data'): Promise<void> => {
    await client.must('tapeOpen', { device, mode: mode === 'read' ? 'read-write' : 'read' });
    await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
    await client.must('moverSetWindow', { offset: 0n, length: allOnes });
    if (whoListens === 'data') {
      const { dataConnectionAddr } = await client.must('dataListen', { addrType: 'tcp' });
      await client.must('moverConnect', { mode, addr: dataConnectionAddr });
    } else {
      const { dataConnectionAddr } = await client.must('moverListen', { mode, addrType: 'tcp' });
      await client.must('dataConnect', { addr: dataConnectionAddr });
    }
  };
  const end = async (): Promise<void> => {
    t.like(await client.nextPost('notifyDataHalted'), { reason: 'successful' });
    // In a recovery it may be paused at the end of the file; in a backup it has yet to write what it holds, and does.
    await client.must('moverClose', {});
    t.like(await client.nextPost('notifyMoverHalted'), { reason: 'connect-closed' });
    for (const name of ['dataStop', 'moverStop', 'tapeClose'] as const) await client.must(name, {});
  };
  await begin('read', 'mover');
  await client.must('dataStartBackup', { mover, buType: 'tar', env: env({ FILESYSTEM: source }) });
  await end();
  await begin('write', 'data');
  await client.must('dataStartRecover', { mover, buType: 'tar', env: env({ PREFIX: out }), nlist: [] });
  await client.must('moverRead', await client.nextPost('notifyDataRead'));
  await end();
  t.deepEqual(await describeTree(out), await describeTree(source));
});

testIpv6(
  'over IPv6: the address extension is chosen, and an image goes from one session to another',
  async (t) => {
    const { source, out, login } = await site(t, '::1');
    await makeTree(source);
    const [data, tape] = [await login(), await login()];
    const refused = await data.errorOf('dataListen', { addrType: 'tcp-ipv6' });
    t.is(refused, 'illegal-args', 'not chosen yet');
    const { classList } = await data.must('configGetExtList', {});
    t.deepEqual(classList, [{ classId: 0x2051, versions: [1] }]);
    for (const client of [data, tape]) {
      await client.must('configSetExtList', { selectedExt: [{ classId: 0x2051, version: 1 }] });
    }
    t.deepEqual((await data.must('configGetConnectionType', {})).addrTypes, ['local', 'tcp', 'tcp-ipv6']);

    const flow = async (mode: 'read' | 'write'): Promise<void> => {
      await tape.must('tapeOpen', { device, mode: mode === 'read' ? 'read-write' : 'read' });
      await tape.must('tapeMtio', { tapeOp: 'rew', count: 1 });
      await tape.must('moverSetWindow', { offset: 0n, length: allOnes });
      if (mode === 'read') {
        const { dataConnectionAddr } = await data.must('dataListen', { addrType: 'tcp-ipv6' });
        t.like(dataConnectionAddr, { type: 'tcp-ipv6', endpoints: [{ host: '::1' }] });
        await tape.must('moverConnect', { mode, addr: dataConnectionAddr });
      } else {
        const { dataConnectionAddr } = await tape.must('moverListen', { mode, addrType: 'tcp-ipv6' });
        t.like(dataConnectionAddr, { type: 'tcp-ipv6', endpoints: [{ host: '::1' }] });
        await data.must('dataConnect', { addr: dataConnectionAddr });
      }
    };
    const ended = async (mode: 'read' | 'write'): Promise<void> => {
      t.like(await data.nextPost('notifyDataHalted'), { reason: 'successful' });
      // It may be paused at the end of the file. In a backup it has yet to write what it holds.
      if (mode === 'write') await tape.must('moverClose', {});
      t.like(await tape.nextPost('notifyMoverHalted'), { reason: 'connect-closed' });
      await data.must('dataStop', {});
      await tape.must('moverStop', {});
      await tape.must('tapeClose', {});
    };
    await flow('read');
    await data.must('dataStartBackup', { mover, buType: 'tar', env: env({ FILESYSTEM: source }) });
    await ended('read');
    await flow('write');
    await data.must('dataStartRecover', { mover, buType: 'tar', env: env({ PREFIX: out }), nlist: [] });
    await tape.must('moverRead', await data.nextPost('notifyDataRead'));
    await ended('write');
    t.deepEqual(await describeTree(out), await describeTree(source));
  },
);
