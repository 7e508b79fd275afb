import test from 'ava';
import { SimDisk } from '#support';
import { toTheEnd } from '#trees';
import { DumpDates } from '../../../src/ndmp/dump-dates.js';
import type { RequestOf } from '../../../src/ndmp/messages.js';
import type { NdmpError } from '../../../src/ndmp/errors.table.js';
import { allOnes } from '../../../src/ndmp/types.js';
import { DataWorld, local, settle, tcp } from './data-world.js';

const entry = (path: string, node: bigint) => ({
  path: Buffer.from(path),
  node,
  parentNode: 2n,
  fhInfo: node * 512n,
  type: 'regular' as const,
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 1n,
  mtime: 0n,
  atime: 0n,
  ctime: 0n,
  links: 1,
});
const variable = (list: readonly { name: string; value: string }[], name: string): string | undefined =>
  list.find((one) => one.name === name)?.value;
/** START_RECOVER of names, `original destination [place]` each. */
function recovery(
  names: readonly string[],
  ...pairs: readonly [string, string][]
): RequestOf<'dataStartRecover'> {
  const nlist = names.map((text) => {
    const [original = '', destination = '', place] = text.split(' ');
    return {
      originalPath: Buffer.from(original),
      destinationPath: Buffer.from(destination),
      name: Buffer.alloc(0),
      otherName: Buffer.alloc(0),
      ssid: 7,
      node: allOnes,
      fhInfo: place === undefined ? allOnes : BigInt(place),
    };
  });
  return { mover: local, env: pairs.map(([name, value]) => ({ name, value })), nlist, buType: 'tar' };
}
async function recover(world: DataWorld, request: RequestOf<'dataStartRecover'>) {
  await world.service.connect(tcp);
  await world.service.startRecover(request);
  const { job, peer } = world.underway();
  if (job.recover === undefined) throw new Error('No recovery');
  return { job, peer, ...job.recover };
}

// --- backup -----------------------------------------------------------------------------------------------------------------

test('a backup: the image, then its history, then the end; the notice comes when the stream is closed', async (t) => {
  const world = new DataWorld();
  const { job, peer, sink, request } = await world.backup({ HIST: 'y', EXCLUDE: '*.o,tmp', FILES: 'a b' });
  t.like(request, {
    format: 'tar',
    level: 0,
    history: true,
    exclude: ['*.o', 'tmp'],
    startedAt: 1_699_999_999_000_000_000n,
  });
  t.is(request?.since, undefined);
  t.deepEqual([request?.root, request?.path, ...(request?.files ?? [])].map(String), [
    '/data',
    '/data/tree',
    'a b',
  ]);
  await sink?.image(Buffer.from('one '));
  await sink?.history([entry('', 2n), entry('a b', 3n)]);
  await sink?.image(Buffer.from('two'));
  t.like(await world.service.getState(), { state: 'active', operation: 'backup', bytesProcessed: 7n });
  job.end({ bytes: 7n, files: 2 });
  await settle();
  t.is(String(peer.received), 'one two');
  t.deepEqual(peer.closed, {}, 'closed in order');
  t.is(world.posts.at(-1)?.name, 'notifyDataHalted');
  t.deepEqual(world.named('notifyDataHalted'), [{ reason: 'successful', textReason: 'Done' }]);
  t.is(world.named('fhAddFile')[0]?.files.length, 2);
  t.like(await world.service.getState(), { state: 'halted', haltReason: 'successful', bytesProcessed: 7n });
  await world.service.stop();
  t.like(await world.service.getState(), {
    state: 'idle',
    haltReason: 'na',
    operation: 'noaction',
    bytesProcessed: 0n,
  });
});

test('a single file is the tree that it lies in, and nothing else of it', async (t) => {
  const world = new DataWorld();
  const { request } = await world.backup({ FILESYSTEM: '/data/tree/a.c' });
  t.is(String(request?.path), '/data/tree');
  t.deepEqual(request?.files.map(String), ['a.c']);
  t.is(world.service.view.path, '/data/tree/a.c');
  const other = new DataWorld();
  await t.throwsAsync(other.backup({ FILESYSTEM: '/data/tree/a.c', FILES: 'x' }), { code: 'illegal-args' });
});

test('files that are missing are said, counted, and end nothing', async (t) => {
  const world = new DataWorld();
  const { job, sink } = await world.backup();
  void sink?.log({ level: 'warning', text: 'a: vanished' });
  void sink?.log({ level: 'error', text: 'b: permission denied' });
  job.end({ files: 5, troubles: 2 });
  await settle();
  t.true(world.log.includes('warning: a: vanished'));
  t.true(world.log.includes('error: b: permission denied'));
  t.regex(world.log.at(-1) ?? '', /^warning: .* not in it, or not whole: 2 files/);
  t.like(world.named('notifyDataHalted')[0], { reason: 'successful' });
});

test('an engine that fails cuts the stream: its mover does not take it for an end', async (t) => {
  const world = new DataWorld();
  const { job, peer } = await world.backup();
  job.end({ outcome: 'failed', message: 'The disk is gone' });
  await settle();
  t.truthy(peer.closed?.error);
  t.like(world.named('notifyDataHalted')[0], { reason: 'internal-error', textReason: 'The disk is gone' });
  t.is(world.log.at(-1), 'error: The disk is gone');
});

test('a stream that is cut makes no success, whether before the end or after it', async (t) => {
  const during = new DataWorld();
  const { job, peer, sink } = await during.backup();
  peer.link.destroy();
  await settle();
  await t.throwsAsync(async () => await sink?.image(Buffer.from('x')), { message: /closed/ });
  job.end({ outcome: 'failed' });
  await settle();
  t.like(during.named('notifyDataHalted')[0], { reason: 'connect-error' });

  const after = new DataWorld();
  const late = await after.backup();
  late.peer.link.pause();
  void late.sink?.image(Buffer.from('not taken'));
  late.job.end({});
  await settle();
  t.like(await after.service.getState(), { state: 'active' }, 'it waits for the tape side');
  late.peer.link.destroy();
  await settle();
  t.like(after.named('notifyDataHalted')[0], { reason: 'connect-error' });
});

test('a tape server that does not close is waited for, but not for ever', async (t) => {
  const world = new DataWorld();
  const { job, peer, sink } = await world.backup();
  peer.link.pause();
  void sink?.image(Buffer.from('on its way'));
  job.end({});
  await settle();
  t.is(world.named('notifyDataHalted').length, 0);
  world.clock.fire();
  await settle();
  t.like(world.named('notifyDataHalted')[0], { reason: 'successful' });
  world.service.end();
  peer.link.resume();
  await settle();
  t.is(String(peer.received), 'on its way', 'what is under way is delivered, also after the session');
});

test('a DMA that does not read holds up image, history and log, and gets all of it later', async (t) => {
  const world = new DataWorld();
  const { sink } = await world.backup({ HIST: 'f' });
  let make: () => void = () => undefined;
  world.room = new Promise((resolve) => (make = resolve));
  let done = 0;
  void sink?.image(Buffer.from('x')).then(() => (done += 1));
  void Promise.resolve(sink?.history([entry('a', 3n)])).then(() => (done += 1));
  void Promise.resolve(sink?.log({ level: 'error', text: 'unreadable' })).then(() => (done += 1));
  await settle();
  t.is(done, 0);
  world.room = undefined;
  make();
  await settle();
  t.is(done, 3);
});

test('after an abort nothing is heard of the backup', async (t) => {
  const world = new DataWorld();
  const { job, peer, sink } = await world.backup({ HIST: 'f' });
  await sink?.history([entry('a', 3n)]);
  await world.service.abort();
  t.true(job.aborted);
  const said = world.posts.length;
  void sink?.log({ level: 'error', text: 'too late' });
  await sink?.history([entry('b', 4n)]);
  await settle();
  t.is(world.posts.length, said);
  t.truthy(peer.closed);
  t.deepEqual(
    world.named('notifyDataHalted').map(({ reason }) => reason),
    ['aborted'],
  );
  await world.service.stop();
  t.true(world.service.isIdle);
});

test('a backup that ends while its abort is on the way is halted once', async (t) => {
  for (let turns = 0; turns < 12; turns++) {
    const world = new DataWorld();
    const { job } = await world.backup();
    job.end({});
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const refused = await world.service.abort().then(
      () => 'no-err',
      (error: unknown) => (error as NdmpError).code,
    );
    await settle();
    const [notice, ...more] = world.named('notifyDataHalted');
    t.is(more.length, 0);
    t.is(notice?.reason, refused === 'no-err' ? 'aborted' : 'successful');
    t.true(refused === 'no-err' || refused === 'illegal-state', refused);
  }
});

test('estimates: what is left, and how long at this speed', async (t) => {
  const world = new DataWorld();
  const { sink } = await world.backup();
  t.like(await world.service.getState(), { unsupported: 3, estBytesRemain: allOnes });
  world.trees.progress = { bytes: 10n, files: 1, estimateBytes: 40n };
  await sink?.image(Buffer.alloc(10));
  world.clock.nowMs += 2000;
  t.like(await world.service.getState(), { unsupported: 0, estBytesRemain: 30n, estTimeRemain: 6 });
  t.like(world.service.view, { bytes: 10n, estimateBytes: 40n, files: 1, path: '/data/tree' });
});

test('what may not be backed up is refused before anything moves', async (t) => {
  const world = new DataWorld();
  await world.service.connect(tcp);
  const start = async (buType: string, ...pairs: [string, string][]): Promise<void> =>
    await world.service.startBackup({
      mover: local,
      buType,
      env: pairs.map(([name, value]) => ({ name, value })),
    });
  await t.throwsAsync(start('smtape', ['FILESYSTEM', '/data']), { code: 'illegal-args' });
  await t.throwsAsync(start('tar'), { code: 'illegal-args' });
  await t.throwsAsync(start('tar', ['FILESYSTEM', '/etc']), { code: 'permission' });
  await t.throwsAsync(start('tar', ['FILESYSTEM', '/data/own/catalog']), { code: 'permission' });
  await t.throwsAsync(start('tar', ['FILESYSTEM', '/data/../etc']), { code: 'illegal-args' });
  await t.throwsAsync(start('tar', ['FILESYSTEM', '/data/missing']), { code: 'file-not-found' });
  t.like(await world.service.getState(), { state: 'connected' });
  t.is(world.trees.job, undefined);
  await t.notThrowsAsync(start('tar', ['FILESYSTEM', '/kept']), 'a read-only root is read');
});

test('why nothing is begun is said, and hanging up before anything was begun is no accident', async (t) => {
  const world = new DataWorld();
  await world.service.connect(tcp);
  const start = async (buType: string, tree: string): Promise<void> => {
    const request = { mover: local, buType, env: [{ name: 'FILESYSTEM', value: tree }] };
    await t.throwsAsync(world.service.startBackup(request));
  };
  await start('tar', '/etc');
  await start('tar', '/data/own/x');
  await start('smtape', '/data');
  await start('tar', '/data/missing\u{fffd}');
  await t.throwsAsync(world.service.startRecover(recovery([], ['PREFIX', '/kept/x'])));
  for (const [index, said] of [
    /\/etc lies in no configured root: .*ndmp root add/,
    /belongs to/,
    /smtape.*tar, dump/,
    /not UTF-8/,
    /read-only/,
  ].entries())
    t.regex(world.log[index] ?? '', said);
  t.true(world.log.every((line) => line.startsWith('error: ')));
  await world.service.abort();
  await settle();
  t.deepEqual(world.peers[0]?.closed, {}, 'no error');
});

// --- levels and tokens ------------------------------------------------------------------------------------------------------

/** One backup to its end; what the engine was asked for. */
async function complete(world: DataWorld, variables: Record<string, string>, directories?: Uint8Array) {
  world.peers = [];
  const { job, request } = await world.backup(variables);
  job.end(directories === undefined ? {} : { directories });
  await settle();
  const env = world.service.getEnv();
  await world.service.stop();
  return { request, env };
}

test('levels: each is based on the newest lower one that went well', async (t) => {
  const world = new DataWorld();
  const first = await complete(world, { LEVEL: '1' });
  t.is(first.request?.since, undefined, 'nothing is on record');
  t.regex(world.log[0] ?? '', /no lower one .*: everything/);
  await complete(world, { LEVEL: '0' }, Buffer.from('folders'));
  world.clock.nowMs += 100_000;
  const second = await complete(world, { LEVEL: '1' });
  t.is(
    second.request?.since?.date,
    1_699_999_999_000_000_000n,
    'a second before the backup that it is based on',
  );
  t.is(String(Buffer.from(second.request?.since?.directories ?? [])), 'folders');
  t.is(second.request?.level, 1);
  t.is(variable(second.env, 'LEVEL'), '1');
  t.is(variable(second.env, 'DUMP_DATE'), undefined);
  const other = await complete(world, { LEVEL: '1', EXCLUDE: 'x' });
  t.is(other.request?.since, undefined, 'another selection has levels of its own');
});

test('UPDATE=n, failures, aborts and backups that nobody took note of are no base', async (t) => {
  const none = async (before: (world: DataWorld) => Promise<unknown>): Promise<void> => {
    const world = new DataWorld();
    await before(world);
    const next = new DataWorld({ dates: world.dates });
    const { request } = await complete(next, { LEVEL: '5' });
    t.is(request?.since, undefined);
  };
  await none(async (world) => await complete(world, { UPDATE: 'n' }));
  await none(async (world) => {
    const { job } = await world.backup();
    job.end({ outcome: 'failed' });
    await settle();
    await world.service.stop();
  });
  await none(async (world) => {
    await world.backup();
    await world.service.abort();
    await world.service.stop();
  });
  await none(async (world) => {
    const { job } = await world.backup();
    job.end({});
    await settle();
    world.service.end();
  });
});

test('an image whose end was lost after it had been waited for makes no base', async (t) => {
  const world = new DataWorld();
  const { job, peer } = await world.backup();
  peer.link.pause();
  job.end({});
  await settle();
  world.clock.fire();
  await settle();
  t.like(world.named('notifyDataHalted')[0], { reason: 'successful' });
  peer.link.destroy();
  await settle();
  await world.service.stop();
  const next = new DataWorld({ dates: world.dates });
  const { request } = await complete(next, { LEVEL: '5' });
  t.is(request?.since, undefined);
});

test('a local mover that did not bring the image to tape makes no base', async (t) => {
  for (const [haltReason, bytes, isBase] of [
    ['media-error', 10n, false],
    ['connect-closed', 6n, false],
    ['connect-closed', 10n, true],
  ] as const) {
    const world = new DataWorld();
    world.moverState = 'listen';
    await world.service.connect(local);
    const env = [{ name: 'FILESYSTEM', value: '/data/tree' }];
    await world.service.startBackup({ mover: local, buType: 'tar', env });
    await world.underway().sink?.image(Buffer.alloc(7));
    world.underway().job.end({});
    await settle();
    world.moverState = 'halted';
    world.moverHaltReason = haltReason;
    world.moverBytes = bytes;
    await world.service.stop();
    const next = new DataWorld({ dates: world.dates });
    const { request } = await complete(next, { LEVEL: '1' });
    t.is(request?.since !== undefined, isBase, `${haltReason} ${bytes}`);
  }
});

test('tokens: DUMP_DATE of one is BASE_DATE of the next', async (t) => {
  const world = new DataWorld();
  const first = await complete(world, { BASE_DATE: '0' }, Buffer.from('folders'));
  const token = variable(first.env, 'DUMP_DATE') ?? '';
  t.is(BigInt(token), (1n << 32n) | 1_699_999_999n);
  world.clock.nowMs += 50_000;
  const second = await complete(world, { BASE_DATE: token });
  t.is(second.request?.since?.date, 1_699_999_999_000_000_000n);
  t.is(String(Buffer.from(second.request?.since?.directories ?? [])), 'folders');
  t.is(BigInt(variable(second.env, 'DUMP_DATE') ?? 0) >> 32n, 2n);
  const foreign = await complete(world, { BASE_DATE: String((7n << 32n) | 1_600_000_000n) });
  t.is(foreign.request?.since?.date, 1_600_000_000_000_000_000n);
  t.is(foreign.request?.since?.directories, undefined, 'nothing else is known of it');
  const none = await complete(world, { BASE_DATE: '-1' });
  t.is(variable(none.env, 'DUMP_DATE'), undefined);
});

test('dates that cannot be read or kept make larger backups, and no failures', async (t) => {
  const disk = new SimDisk({ dice: { integer: () => 0 } });
  const world = new DataWorld({ dates: new DumpDates(disk.begin(), '/dates') });
  await complete(world, { LEVEL: '0' });
  disk.fault = ({ kind }) => (kind === 'read' || kind === 'open' || kind === 'make' ? 'io' : undefined);
  const { request } = await complete(world, { LEVEL: '1' });
  t.is(request?.since, undefined);
  t.is(world.named('notifyDataHalted').at(-1)?.reason, 'successful');
});

test('a base in the future is none: the clock was set back', async (t) => {
  const world = new DataWorld();
  await complete(world, { LEVEL: '0' });
  world.clock.nowMs -= 3_600_000;
  const { request } = await complete(world, { LEVEL: '1' });
  t.is(request?.since, undefined);
  t.regex(world.log.filter((line) => line.includes('Backup of')).join('\n'), /in the future .*: everything/);
});

test('date and length are given of a backup that exists, and not before; a recovery reads no further', async (t) => {
  const world = new DataWorld();
  const { job, sink } = await world.backup({ BASE_DATE: '0' });
  await sink?.image(Buffer.alloc(1024));
  for (const name of ['DUMP_DATE', 'TAPESILO_IMAGE_BYTES'])
    t.is(variable(world.service.getEnv(), name), undefined);
  t.is(variable(world.service.getEnv(), 'FILESYSTEM'), '/data/tree');
  job.end({});
  await settle();
  const env = world.service.getEnv();
  t.truthy(variable(env, 'DUMP_DATE'));
  t.is(variable(env, 'TAPESILO_IMAGE_BYTES'), '1024');
  const known = ['TAPESILO_IMAGE_BYTES', '1024'] as const;
  const { request } = await recover(new DataWorld(), recovery([], ['PREFIX', '/data/out'], [...known]));
  t.is(request.imageBytes, 1024n);
  const odd = ['TAPESILO_IMAGE_BYTES', '-1'] as const;
  const other = await recover(new DataWorld(), recovery([], ['PREFIX', '/data/out'], [...odd]));
  t.is(other.request.imageBytes, undefined);
});

// --- recovery ---------------------------------------------------------------------------------------------------------------

test('a recovery over TCP asks the DMA for exactly the parts that the engine wants', async (t) => {
  const world = new DataWorld();
  const { request, source, sink, peer, job } = await recover(
    world,
    recovery(['/f2 /data/out/f2 1024', '/sub/h /data/out/sub/h 512'], ['DIRECT', 'y']),
  );
  t.like(request, { format: 'tar', direct: true, recursive: true, existing: 'replace' });
  t.deepEqual(
    request.names.map(({ original, destination, fhInfo }) => [String(original), String(destination), fhInfo]),
    [
      ['f2', '/data/out/f2', 1024n],
      ['sub/h', '/data/out/sub/h', 512n],
    ],
  );
  source.ask(512n, 10n);
  t.deepEqual(world.named('notifyDataRead'), [{ offset: 512n, length: 10n }]);
  t.like(await world.service.getState(), { readOffset: 512n, readLength: 10n });
  peer.link.write([Buffer.from('0123')]);
  t.is(String(await source.read()), '0123');
  peer.link.write([Buffer.from('456789')]);
  t.is(String(await source.read()), '456789');
  source.ask(1024n, 2n);
  peer.link.write([Buffer.from('ab')]);
  t.is(String(await source.read()), 'ab');
  for (const name of request.names) void sink.settled(name, name.fhInfo === 512n ? 'ok' : 'permission');
  job.end({ files: 1 });
  await settle();
  t.deepEqual(
    world.named('logFile').map(({ name, ssid, recoveryStatus }) => [String(name), ssid, recoveryStatus]),
    [
      ['/f2', 7, 'failed-permission'],
      ['/sub/h', 7, 'successful'],
    ],
  );
  t.like(world.named('notifyDataHalted')[0], { reason: 'successful' });
  t.is(world.posts.at(-1)?.name, 'notifyDataHalted');
  t.throws(() => world.service.getEnv(), { code: 'illegal-state' });
});

test('a local recovery asks the mover of its session', async (t) => {
  const world = new DataWorld();
  world.moverState = 'listen';
  world.moverMode = 'write';
  await world.service.connect(local);
  await world.service.startRecover(recovery([], ['PREFIX', '/data/out']));
  const source = world.underway().job.recover?.source;
  source?.ask(0n, toTheEnd);
  await settle();
  t.deepEqual(world.localReads, [[0n, toTheEnd]]);
  t.is(world.named('notifyDataRead').length, 0);
  world.peers[0]?.link.write([Buffer.alloc(70_000)]);
  let got = 0;
  while (got < 70_000) got += (await source?.read())?.length ?? Infinity;
  t.is(got, 70_000);
});

test('the end of the stream is the end of the image; a cut one fails the read', async (t) => {
  const ended = await recover(new DataWorld(), recovery([], ['PREFIX', '/data/out']));
  ended.source.ask(0n, toTheEnd);
  ended.peer.link.write([Buffer.from('last')]);
  ended.peer.link.end();
  t.is(String(await ended.source.read()), 'last');
  t.is((await ended.source.read()).length, 0);

  const world = new DataWorld();
  const cut = await recover(world, recovery([], ['PREFIX', '/data/out']));
  cut.source.ask(0n, toTheEnd);
  cut.peer.link.destroy();
  await t.throwsAsync(async () => await cut.source.read(), { message: /cut/ });
  cut.job.end({ outcome: 'failed', message: 'The image was cut' });
  await settle();
  t.like(world.named('notifyDataHalted')[0], { reason: 'connect-error' });
});

test('more than was asked for is no image', async (t) => {
  const { source, peer } = await recover(new DataWorld(), recovery([], ['PREFIX', '/data/out']));
  source.ask(0n, 4n);
  peer.link.write([Buffer.from('12345')]);
  await t.throwsAsync(async () => await source.read(), { message: /more than it was asked for/ });
});

test('what waits for the engine is bounded: the stream is paused', async (t) => {
  const { source, peer } = await recover(new DataWorld(), recovery([], ['PREFIX', '/data/out']));
  source.ask(0n, toTheEnd);
  const bytes = 16 * 1024 * 1024;
  peer.link.write([Buffer.alloc(bytes)]);
  await settle();
  t.true(peer.link.queuedBytes > bytes - 3 * 1024 * 1024, 'some MiB were taken, no more');
  for (let got = 0; got < bytes;) got += (await source.read()).length;
  t.is(peer.link.queuedBytes, 0);
});

test('names that nobody settled are said to have failed; what still comes is dropped', async (t) => {
  const world = new DataWorld();
  const { job, peer, source } = await recover(world, recovery(['/a /data/out/a', '/b /data/out/b']));
  source.ask(0n, toTheEnd);
  peer.link.write([Buffer.alloc(5000)]);
  await settle();
  job.end({ outcome: 'failed', message: 'This is no tar' });
  await settle();
  t.deepEqual(
    world.named('logFile').map(({ recoveryStatus }) => recoveryStatus),
    ['failed-undefined-error', 'failed-undefined-error'],
  );
  t.like(world.named('notifyDataHalted')[0], { reason: 'internal-error', textReason: 'This is no tar' });
  t.deepEqual(peer.closed, {}, 'an orderly end');
});

test('nothing is recovered where nothing may be written', async (t) => {
  const world = new DataWorld();
  await world.service.connect(tcp);
  const refused = async (code: string, request: RequestOf<'dataStartRecover'>): Promise<void> =>
    void (await t.throwsAsync(world.service.startRecover(request), { code }));
  await refused('write-protect', recovery([], ['PREFIX', '/kept/x']));
  await refused('permission', recovery(['/a /etc/a']));
  await refused('permission', recovery(['/a /data/own/catalog.db']));
  await refused('illegal-args', recovery([]));
  t.like(await world.service.getState(), { state: 'connected' });
});

// --- the session ------------------------------------------------------------------------------------------------------------

test('a session that ends while it begins to listen leaves nothing behind', async (t) => {
  const world = new DataWorld();
  const listen = world.service.listen('tcp');
  // The listener is asked for, and its address is not known yet.
  while (world.accept === undefined) await Promise.resolve();
  world.connectPeer();
  world.service.end();
  await t.throwsAsync(listen, { code: 'illegal-state' });
  await settle();
  t.is(world.peers.length, 1);
  t.truthy(world.peers[0]?.closed);
});

test('the end of the session ends all that was under way', async (t) => {
  const listening = new DataWorld();
  await listening.service.listen('tcp');
  listening.service.end();
  t.is(listening.accept, undefined);

  const connected = new DataWorld();
  await connected.service.connect(tcp);
  connected.service.end();
  await settle();
  t.is(connected.peers.length, 1);

  const active = new DataWorld();
  const { job, peer } = await active.backup();
  active.service.end();
  await settle();
  t.true(job.aborted);
  t.truthy(peer.closed);
  t.is(active.named('notifyDataHalted').length, 0, 'there is nobody to tell');
});

test('a connection that waits in the kernel counts: START may follow at once', async (t) => {
  const world = new DataWorld();
  await world.service.listen('tcp');
  const start = world.service.startBackup({
    mover: local,
    buType: 'tar',
    env: [{ name: 'FILESYSTEM', value: '/data/tree' }],
  });
  world.accept?.(world.stream());
  await t.notThrowsAsync(start);
});

test('IPv6 addresses are used by those who have chosen them', async (t) => {
  const world = new DataWorld();
  const six = { type: 'tcp-ipv6', endpoints: [{ host: '::1', port: 1, env: [] }] } as const;
  await t.throwsAsync(world.service.listen('tcp-ipv6'), { code: 'illegal-args' });
  await t.throwsAsync(world.service.connect(six), { code: 'illegal-args' });
  world.service.extensions.choose([{ classId: 0x2051, version: 1 }]);
  await t.notThrowsAsync(world.service.connect(six));
});

test('CONFIG_GET_FS_INFO has each root, also one that is not there', async (t) => {
  const world = new DataWorld();
  const rows = await world.service.fileSystems();
  t.deepEqual(
    rows.map(({ fsLogicalDevice, fsType, fsStatus }) => [fsLogicalDevice, fsType, fsStatus]),
    [
      ['/data', 'ext4', 'online'],
      ['/kept', 'ext4', 'online'],
    ],
  );
  t.like(rows[0], { unsupported: 0, totalSize: 9n, usedSize: 4n, availSize: 5n });
});

// --- what is in an image ----------------------------------------------------------------------------------------------------

async function listing(world: DataWorld, names: readonly string[], ...pairs: readonly [string, string][]) {
  await world.service.connect(tcp);
  await world.service.startRecoverFilehist(recovery(names, ...pairs));
  const { job, peer } = world.underway();
  if (job.list === undefined) throw new Error('No listing');
  return { job, peer, ...job.list };
}

test('what is in an image is told as history, or in LOG messages when none is wanted', async (t) => {
  const world = new DataWorld();
  const told = await listing(world, ['/sub/'], ['HIST', 'd']);
  t.deepEqual(told.request.names.map(String), ['sub']);
  t.like(await world.service.getState(), { state: 'active', operation: 'recover-filehist' });
  told.source.ask(0n, toTheEnd);
  await told.sink.history([entry('sub', 3n), entry('sub/a', 4n)]);
  told.job.end({ files: 2 });
  await settle();
  t.deepEqual(
    world.named('fhAddNode')[0]?.nodes.map(({ node }) => node),
    [3n, 4n],
  );
  t.like(world.named('notifyDataHalted')[0], { reason: 'successful' });

  const silent = new DataWorld();
  const lines = await listing(silent, []);
  await lines.sink.history([entry('', 2n), entry('a b', 3n)]);
  t.deepEqual(silent.log, ['normal: /', 'normal: /a b']);
  lines.job.end({ outcome: 'failed', message: 'This is no tar' });
  await settle();
  t.like(silent.named('notifyDataHalted')[0], { reason: 'internal-error', textReason: 'This is no tar' });
});

test('a listing holds when the DMA does not read, and ends when it aborts', async (t) => {
  const world = new DataWorld();
  const { sink, job, peer } = await listing(world, []);
  world.room = new Promise(() => undefined);
  let told = false;
  void Promise.resolve(sink.history([entry('a', 3n)])).then(() => (told = true));
  await settle();
  t.false(told);
  await world.service.abort();
  await settle();
  t.true(job.aborted);
  t.truthy(peer.closed);
  t.deepEqual(
    world.named('notifyDataHalted').map(({ reason }) => reason),
    ['aborted'],
  );
});

test('what the engine says of a file names the file', async (t) => {
  const world = new DataWorld();
  const { sink } = await world.backup();
  void sink?.log({ level: 'warning', text: 'permission denied', path: Buffer.from('sub/secret') });
  t.is(world.log.at(-1), 'warning: /sub/secret: permission denied');
  void sink?.log({ level: 'warning', text: 'denied', path: Buffer.from('x\nnormal: Backup: 9 files\x7f') });
  t.is(world.log.at(-1), 'warning: /x\\012normal: Backup: 9 files\\177: denied');
});
