/** Trees that the real daemon backs up and restores by NDMP, and the image on the cartridge in the hands of GNU tar. */
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { realEnv } from '#env';
import {
  type Daemon,
  describeTree,
  makeTree,
  mustRun,
  nameToRecover,
  NdmpClient,
  ndmpBackup,
  ndmpRecover,
  type NdmpRoute,
  startDaemon,
  tempFolder,
  testWith,
  top,
} from '#support';
import { Host } from '../sim/host.js';
import { InitiatorSession } from '../sim/session.js';

const user = 'backup';
const secret = 'a password of the backup program';
const device = 'library0/drive0';
const { net } = realEnv();
/** A record that is no power of two. */
const recordBytes = 63 * 1024;

interface Site {
  readonly daemon: Daemon;
  readonly folder: string;
  /** Below the root that is configured. */
  readonly source: string;
  readonly out: string;
  readonly connect: () => Promise<NdmpClient>;
}

/** A daemon whose first drive has a tape, and a root with a tree and a folder to restore into. */
async function siteOf(t: ExecutionContext): Promise<Site> {
  const folder = await tempFolder(t);
  const [source, out] = [join(folder, 'root/source'), join(folder, 'root/out')];
  await makeTree(source);
  await mkdir(out);
  const daemon = await startDaemon(t, join(folder, 'home'), ['--ndmp-listen', '127.0.0.1:0']);
  await daemon.jsonHere('ndmp', 'user', 'create', user, '--secret', secret);
  await daemon.jsonHere('ndmp', 'root', 'add', join(folder, 'root'));
  await daemon.jsonHere('tape', 'move', 'TS0001L8', '--to', 'drive0');
  const connect = async (): Promise<NdmpClient> => {
    const client = await NdmpClient.connect(net, daemon.ndmpPortal);
    t.teardown(() => client.close());
    await client.login({ user, secret });
    return client;
  };
  return { daemon, folder, source, out, connect };
}
const onOne = (client: NdmpClient): NdmpRoute => ({ data: client, tape: client, device, recordBytes });

/** The first file of the tape as an initiator reads it: records one after another. */
async function readOverIscsi(t: ExecutionContext, daemon: Daemon): Promise<Buffer[]> {
  const initiator = await InitiatorSession.login(net, daemon.portal, { target: daemon.targetName });
  t.teardown(() => initiator.close());
  const host = new Host(initiator);
  await host.rewind(1);
  const records: Buffer[] = [];
  for (;;) {
    const read = await host.read(1, 1 << 20);
    if (read === undefined || read === 'filemark') break;
    records.push(read.record);
  }
  return records;
}

testWith(
  ['tar'],
  'a tree comes back as it was: whole, single files, by GNU tar from the cartridge',
  async (t) => {
    const { daemon, folder, source, out, connect } = await siteOf(t);
    await mustRun(t, 'cp', ['-a', join(top, 'src'), join(source, 'src')]); // some hundred files of a real tree
    const client = await connect();
    const saved = await ndmpBackup(onOne(client), { FILESYSTEM: source, HIST: 'y' });
    t.true(saved.places.size > 100);
    const is = await describeTree(source);

    await ndmpRecover(onOne(client), saved, { PREFIX: join(out, 'whole') });
    t.deepEqual(await describeTree(join(out, 'whole')), is);

    const names = ['/sub/h.txt', '/f4', '/sub/deep'].map((path) =>
      nameToRecover(path, join(out, 'single', path), saved.places.get(path)),
    );
    await ndmpRecover(onOne(client), saved, { PREFIX: out, DIRECT: 'y', RECURSIVE: 'y' }, names);
    const single = await describeTree(join(out, 'single'));
    const below = ['/sub/h.txt', '/f4', '/sub/deep', '/sub/deep/large', '/sub/deep/hole'];
    const files = (lines: readonly string[]): string[] =>
      lines.filter((line) => below.some((path) => line.includes(` ${path}: `)));
    t.deepEqual(files(single), files(is));
    t.is(single.length, below.length + 2, 'with the folders that lead there, and nothing else');

    client.close();
    await client.closed;
    const records = await readOverIscsi(t, daemon);
    t.true(records.every(({ length }) => length === recordBytes));
    t.is(BigInt(records.length * recordBytes), saved.bytes);
    const image = join(folder, 'image.tar');
    await writeFile(image, Buffer.concat(records));
    await mkdir(join(folder, 'gnu'));
    await mustRun(t, 'tar', ['-xpf', image, '-C', join(folder, 'gnu')]);
    t.deepEqual(await describeTree(join(folder, 'gnu')), is);
  },
);

testWith(
  ['tar'],
  'between two connections over TCP: a full backup, what changed since, and both restored',
  async (t) => {
    const { source, out, connect } = await siteOf(t);
    const route = { data: await connect(), tape: await connect(), device, recordBytes };
    const env = { FILESYSTEM: source, HIST: 'y', UPDATE: 'y' };
    const full = await ndmpBackup(route, { ...env, LEVEL: '0' });
    await ndmpRecover(route, full, { PREFIX: out });
    t.deepEqual(await describeTree(out), await describeTree(source));

    await appendFile(join(source, 'sub/h.txt'), 'more\n');
    await writeFile(join(source, 'sub/deep/new'), 'new');
    const changed = await ndmpBackup(route, { ...env, LEVEL: '1' });
    const said = [...changed.places.keys()]; // and files that are younger than the clock's steps may be there again
    t.true(said.includes('/sub/h.txt') && said.includes('/sub/deep/new'), said.join());
    await ndmpRecover(route, changed, { PREFIX: out });
    t.deepEqual(await describeTree(out), await describeTree(source));
  },
);
