/** NDMP of the real daemon: users, portals, TLS, and one drive between NDMP, iSCSI and the operator. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { type Address, type Link, realEnv, selfSigned } from '#env';
import type { NdmpVersion } from '#ndmp';
import { type Daemon, NdmpClient, startDaemon, tempFolder } from '#support';
import { Host } from '../sim/host.js';
import { InitiatorSession } from '../sim/session.js';

const user = 'backup';
const secret = 'a password of the backup program';
const { net } = realEnv();

type Portal = Daemon['ready']['ndmpPortals'][number];
interface SessionRow {
  readonly id: number;
  readonly user: string | null;
  readonly version: number;
  readonly tape: string | null;
  readonly changer: string | null;
  readonly mover: { readonly state: string };
}

async function started(t: ExecutionContext, home: string, ...args: string[]): Promise<Daemon> {
  return await startDaemon(t, home, ['--store', 'plain', '--ndmp-listen', '127.0.0.1:0', ...args]);
}
const addressOf = (daemon: Daemon, which: (portal: Portal) => boolean = () => true): Address => {
  const found = daemon.ready.ndmpPortals.find(which);
  if (found === undefined) throw new Error('The daemon has no such NDMP portal');
  return { host: found.address, port: found.port };
};
async function connected(t: ExecutionContext, at: Address, version: NdmpVersion = 4): Promise<NdmpClient> {
  const client = await NdmpClient.connect(net, at, version);
  t.teardown(() => client.close());
  return client;
}
async function withUser(daemon: Daemon): Promise<void> {
  await daemon.jsonHere('ndmp', 'user', 'create', user, '--secret', secret);
}

test('a user logs in with every version, and no longer when locked out; who is unknown does not', async (t) => {
  const daemon = await started(t, await tempFolder(t));
  const at = addressOf(daemon);
  await t.throwsAsync((await connected(t, at)).login({ user, secret }), { message: /not-authorized/ });
  await withUser(daemon);
  for (const version of [2, 3, 4] as const) await (await connected(t, at, version)).login({ user, secret });
  const rows = await daemon.jsonHere<SessionRow[]>('ndmp', 'session', 'list');
  t.deepEqual(
    rows.filter((row) => row.user === user).map(({ version }) => version),
    [2, 3, 4],
  );
  await daemon.jsonHere('ndmp', 'user', 'set', user, '--disable');
  await t.throwsAsync((await connected(t, at)).login({ user, secret }), { message: /not-authorized/ });
  await daemon.jsonHere('ndmp', 'set', '--version-max', '3');
  const client = await connected(t, at);
  t.like(await client.nextPost('notifyConnectionStatus'), { reason: 'connected', protocolVersion: 3 });
});

test('one drive: open by NDMP it is refused to a host and to the operator, and free when the session is dropped', async (t) => {
  const daemon = await started(t, await tempFolder(t));
  await withUser(daemon);
  await daemon.jsonHere('tape', 'move', 'TS0001L8', '--to', 'drive0');
  const devices = await daemon.jsonHere<{ name: string; kind: string }[]>('ndmp', 'device', 'list');
  t.deepEqual(
    devices.slice(0, 2).map(({ name, kind }) => [name, kind]),
    [
      ['library0/changer', 'changer'],
      ['library0/drive0', 'tape'],
    ],
  );
  const client = await connected(t, addressOf(daemon));
  await client.login({ user, secret });
  await client.must('tapeOpen', { device: 'library0/drive0', mode: 'read-write' });
  const dataOut = Buffer.alloc(70_000, 'written by NDMP ');
  t.like(await client.must('tapeWrite', { dataOut }), { count: dataOut.length });
  await client.must('tapeMtio', { tapeOp: 'eof', count: 1 });

  const initiator = await InitiatorSession.login(net, daemon.portal, { target: daemon.targetName });
  t.teardown(() => initiator.close());
  const host = new Host(initiator);
  const lun = 1;
  await t.throwsAsync(host.rewind(lun), { message: /status 18/ }, 'RESERVATION CONFLICT');
  const refused = await daemon.cliHere('tape', 'move', 'TS0001L8', '--to', 'slot9');
  t.is(refused.status, 5);
  t.regex(refused.stderr, /^tapesilo: NDMP session 1, backup at 127\.0\.0\.1, has drive0 open: /);
  const [row] = await daemon.jsonHere<SessionRow[]>('ndmp', 'session', 'list');
  t.like(row, { id: 1, user, version: 4, tape: 'library0/drive0', changer: null, mover: { state: 'idle' } });
  const shown = await daemon.cliHere('ndmp', 'session', 'list');
  t.regex(
    shown.stdout,
    /^ID +FROM +USER[^]*\n +1 +127\.0\.0\.1:\d+ +backup +4 +- +library0\/drive0 +- +idle +idle/,
  );

  const drop = await daemon.cliHere('ndmp', 'session', 'drop', '1');
  t.regex(drop.stderr, /library0\/drive0 is free/);
  t.deepEqual(await daemon.jsonHere('ndmp', 'session', 'list'), []);
  await client.closed;
  await host.rewind(lun);
  const read = await host.read(lun, 256 * 1024);
  t.true(typeof read === 'object' && read.record.equals(dataOut));
  t.is(await host.read(lun, 256 * 1024), 'filemark');
});

test('portals, users and a certificate are there again after a restart; TLS speaks NDMP from its first byte on', async (t) => {
  const home = await tempFolder(t);
  const first = await started(t, home);
  await withUser(first);
  await first.jsonHere('ndmp', 'portal', 'create', '127.0.0.1:0');
  const refused = await first.cliHere('ndmp', 'portal', 'create', '127.0.0.1:0', '--tls');
  t.is(refused.status, 5);
  t.regex(refused.stderr, /tapesilo ndmp certificate create/);
  await first.jsonHere('ndmp', 'certificate', 'create', 'localhost,127.0.0.1');
  await first.jsonHere('ndmp', 'portal', 'create', '127.0.0.1:0', '--tls');
  const { stdout: certificate } = await first.cliHere('ndmp', 'certificate', 'export');
  t.is(await first.end(), 0);

  const again = await startDaemon(t, home);
  const plain = await connected(
    t,
    addressOf(again, ({ tls, kept }) => kept && !tls),
  );
  await plain.login({ user, secret });
  const { host, port } = addressOf(again, ({ tls, kept }) => kept && tls);
  const socket = connect({ host, port, ca: certificate, servername: 'localhost' });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  const [greeting] = (await once(socket, 'data')) as [Buffer];
  t.is(greeting.readUInt32BE(0) >>> 31, 1, 'the mark of a whole record');
  t.is(greeting.readUInt32BE(16), 0x502, 'NOTIFY_CONNECTION_STATUS');
  const sessions = await again.jsonHere<{ tls: boolean }[]>('ndmp', 'session', 'list');
  t.deepEqual(
    sessions.map(({ tls }) => tls),
    [false, true],
  );
});

/** A TLS client of Node's as a link. */
function linkOver(socket: TLSSocket): Link {
  const here = { host: '', port: 0 };
  return {
    remote: here,
    local: here,
    get queuedBytes() {
      return socket.writableLength;
    },
    start(handlers) {
      socket.on('data', (chunk: Buffer) => handlers.data(chunk));
      socket.on('close', () => handlers.closed());
    },
    write: (slices) => slices.map((slice) => socket.write(slice)).every((room) => room),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  };
}

test('records go both ways over TLS; the command line may bring the certificate', async (t) => {
  const folder = await tempFolder(t);
  const { certificate, key } = selfSigned({
    commonName: 'localhost',
    dnsNames: ['localhost'],
    addresses: [],
    fromMs: Date.UTC(2020, 0, 1),
    days: 36_500,
    serial: Buffer.alloc(16, 1),
  });
  const [certificateFile, keyFile] = [join(folder, 'tls.pem'), join(folder, 'tls.key')];
  await writeFile(certificateFile, certificate);
  await writeFile(keyFile, key);
  const tls = [
    '--ndmp-tls-listen',
    '127.0.0.1:0',
    '--ndmp-tls-certificate',
    certificateFile,
    '--ndmp-tls-key',
    keyFile,
  ];
  const daemon = await started(t, join(folder, 'home'), ...tls);
  await withUser(daemon);
  await daemon.jsonHere('tape', 'move', 'TS0001L8', '--to', 'drive0');
  const socket = connect({
    ...addressOf(daemon, (portal) => portal.tls),
    ca: certificate,
    servername: 'localhost',
  });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  const client = new NdmpClient(linkOver(socket));
  await client.nextPost('notifyConnectionStatus');
  await client.must('connectOpen', { protocolVersion: 4 });
  await client.must('connectClientAuth', { authData: { type: 'text', authId: user, authPassword: secret } });
  await client.must('tapeOpen', { device: 'library0/drive0', mode: 'read-write' });
  const records = Array.from({ length: 24 }, (_, at) => Buffer.alloc(1_000_000 + at, at));
  // All at once: what the server has no time for waits.
  await Promise.all(records.map(async (dataOut) => await client.must('tapeWrite', { dataOut })));
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  const read = await Promise.all(
    records.map(async ({ length: count }) => await client.must('tapeRead', { count })),
  );
  t.true(read.every(({ dataIn }, at) => Buffer.concat(dataIn).equals(records[at] ?? Buffer.alloc(0))));
});

test('image streams are awaited where an operator says: several places from version 4 on', async (t) => {
  const daemon = await started(t, await tempFolder(t));
  await withUser(daemon);
  await daemon.jsonHere('tape', 'move', 'TS0001L8', '--to', 'drive0');
  await daemon.jsonHere('ndmp', 'set', '--stream-addresses', '127.0.0.3,127.0.0.2');
  for (const [version, hosts] of [
    [4, ['127.0.0.3', '127.0.0.2']],
    [3, ['127.0.0.3']],
  ] as const) {
    const client = await connected(t, addressOf(daemon), version);
    await client.login({ user, secret });
    await client.must('tapeOpen', { device: 'library0/drive0', mode: 'read-write' });
    const { dataConnectionAddr: at } = await client.must('moverListen', { mode: 'read', addrType: 'tcp' });
    const places = at.type === 'tcp' ? at.endpoints : [];
    t.deepEqual(
      places.map(({ host }) => host),
      [...hosts],
    );
    // The last one is as good as the first.
    const { host = '', port = 0 } = places.at(-1) ?? {};
    const stream = await net.connect({ host, port });
    stream.start({ data: () => undefined, closed: () => undefined });
    stream.write([Buffer.alloc(10_240)], () => stream.end());
    t.like(await client.nextPost('notifyMoverHalted'), { reason: 'connect-closed' });
    t.like(await client.must('moverGetState', {}), { bytesMoved: 10_240n });
    client.close();
    await client.closed;
  }
});

test('stopping tells sessions, writes out what they wrote, and takes no longer for those that stay', async (t) => {
  const home = await tempFolder(t);
  const daemon = await started(t, home);
  await withUser(daemon);
  await daemon.jsonHere('tape', 'move', 'TS0001L8', '--to', 'drive0');
  const client = await connected(t, addressOf(daemon));
  await client.login({ user, secret });
  await client.must('tapeOpen', { device: 'library0/drive0', mode: 'read-write' });
  const dataOut = Buffer.alloc(1000, 'no filemark follows');
  await client.must('tapeWrite', { dataOut });
  const ended = daemon.end('SIGTERM');
  t.like(await client.nextPost('notifyConnectionStatus'), { reason: 'shutdown' });
  t.is(await ended, 0);

  const again = await started(t, home);
  const reader = await connected(t, addressOf(again));
  await reader.login({ user, secret });
  await reader.must('tapeOpen', { device: 'library0/drive0', mode: 'read' });
  const { dataIn } = await reader.must('tapeRead', { count: 4096 });
  t.true(Buffer.concat(dataIn).equals(dataOut));
});

test('what NDMP cannot be started with is said before anything is served', async (t) => {
  const folder = await tempFolder(t);
  const daemon = await started(t, join(folder, 'other'));
  const { port } = addressOf(daemon);
  // What it says instead of being ready.
  const start = async (...args: string[]): Promise<string> => {
    const { ready } = await startDaemon(t, join(folder, 'home'), args);
    return (ready as unknown as { error?: { message: string } }).error?.message ?? '';
  };
  t.regex(await start('--ndmp-listen', `127.0.0.1:${port}`), /another program has that port: stop it/);
  t.regex(await start('--ndmp-tls-listen', '127.0.0.1:0'), /there is no certificate\. Make one with/);
  t.regex(
    await start('--ndmp-listen', 'nowhere:x'),
    /nowhere:x is no address: give one such as 192\.0\.2\.7/,
  );
  const [certificate, key] = [join(folder, 'c.pem'), join(folder, 'k.pem')];
  await writeFile(certificate, 'nonsense');
  await writeFile(key, 'nonsense');
  t.regex(
    await start('--ndmp-tls-certificate', certificate, '--ndmp-tls-key', key),
    /the certificate is not in PEM form/,
  );
});
