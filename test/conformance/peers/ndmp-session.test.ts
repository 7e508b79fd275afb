/** tshark decodes a whole session of each version with the real daemon: what is looked at, a robot, a tape, a backup, a recovery. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { realEnv } from '#env';
import type { NdmpVersion } from '#ndmp';
import {
  dissectNdmp,
  describeTree,
  makeTree,
  NdmpClient,
  Relay,
  startDaemon,
  tempFolder,
  testWith,
} from '#support';

const user = 'dma';
const secret = 'a secret of some length';
const allOnes = 0xffff_ffff_ffff_ffffn;
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

interface Site {
  readonly client: NdmpClient;
  readonly source: string;
  readonly target: string;
}

async function lookAround({ client }: Site): Promise<{ readonly robot: string; readonly tape: string }> {
  await client.must('configGetHostInfo', {});
  await client.must('configGetConnectionType', {});
  if (client.version === 2) {
    await client.must('configGetButypeAttr', { name: 'tar' });
    return { robot: 'library0/changer', tape: 'library0/drive0' };
  }
  await client.must('configGetServerInfo', {});
  await client.must('configGetButypeInfo', {});
  await client.must('configGetFsInfo', {});
  const { tapeInfo } = await client.must('configGetTapeInfo', {});
  const { scsiInfo } = await client.must('configGetScsiInfo', {});
  if (client.version === 4) {
    const { classList } = await client.must('configGetExtList', {});
    const selectedExt = classList.map(({ classId, versions }) => ({ classId, version: versions[0] ?? 0 }));
    await client.must('configSetExtList', { selectedExt });
  }
  return {
    robot: scsiInfo[0]?.caplist[0]?.device ?? '',
    tape: tapeInfo[0]?.caplist[0]?.device ?? '',
  };
}

async function moveTape({ client }: Site, robot: string, load: boolean): Promise<void> {
  await client.must('scsiOpen', { device: robot });
  const run = async (cdb: string, datainLen: number): Promise<Buffer> => {
    const request = { flags: datainLen === 0 ? 0 : 1, timeout: 60_000, datainLen, cdb: hex(cdb) };
    const { status, datain } = await client.must('scsiExecuteCdb', { ...request, dataout: Buffer.alloc(0) });
    if (status !== 0) throw new Error(`${cdb} ended with status ${status}`);
    return datain;
  };
  await run('12 00 00 00 60 00', 96);
  const page = await run('1a 08 1d 00 ff 00', 255); // header of 4 bytes, then the element addresses
  const slot = page.subarray(10, 12).toString('hex');
  const drive = page.subarray(18, 20).toString('hex');
  await run('b8 10 0000 0050 00 002000 00 00', 8192);
  await run(`a5 00 0000 ${load ? slot + drive : drive + slot} 0000 00 00`, 0);
  await client.call('scsiGetState', {});
  await client.must('scsiClose', {});
}

async function useTape({ client }: Site, device: string): Promise<void> {
  await client.must('tapeOpen', { device, mode: 'read-write' });
  const mtio = async (tapeOp: 'rew' | 'eof' | 'fsf' | 'off', count = 1): Promise<void> => {
    await client.must('tapeMtio', { tapeOp, count });
  };
  await client.must('tapeWrite', { dataOut: Buffer.alloc(512, 'label') });
  await client.must('tapeWrite', { dataOut: Buffer.alloc(100_000, 'long') });
  await mtio('eof');
  await mtio('rew');
  await client.must('tapeRead', { count: 512 });
  await client.must('tapeRead', { count: 200_000 });
  await client.errorOf('tapeRead', { count: 10 });
  await client.must('tapeGetState', {});
  const cdb = { flags: 1, timeout: 1000, datainLen: 96, cdb: hex('12 00 00 00 60 00'), dataout: hex('') };
  await client.must('tapeExecuteCdb', cdb);
  await mtio('rew');
  await mtio('fsf');
}

/** Backs up from the start of the second file of the tape, or recovers from it, on one connection. */
async function runJob(site: Site, what: 'backup' | 'recover'): Promise<void> {
  const { client, source, target } = site;
  const before = client.posts.length;
  await client.must('moverSetRecordSize', { len: 10_240 });
  if (client.version === 4) await client.must('moverSetWindow', { offset: 0n, length: allOnes });
  await client.must('moverListen', { mode: what === 'backup' ? 'read' : 'write', addrType: 'local' });
  if (client.version !== 4) await client.must('moverSetWindow', { offset: 0n, length: allOnes });
  const mover = { type: 'local' } as const;
  if (client.version > 2) await client.must('dataConnect', { addr: mover });
  if (what === 'backup') {
    const env = Object.entries({ FILESYSTEM: source, HIST: 'y', LEVEL: '0', UPDATE: 'n' });
    const variables = env.map(([name, value]) => ({ name, value }));
    await client.must('dataStartBackup', { mover, buType: 'tar', env: variables });
  } else {
    const [originalPath, empty] = [Buffer.from('/'), Buffer.alloc(0)];
    const destinationPath = Buffer.from(target);
    const one = { originalPath, destinationPath, name: empty, otherName: empty, ssid: 0 };
    const env = [{ name: 'PREFIX', value: target }];
    const nlist = [{ ...one, node: allOnes, fhInfo: allOnes }];
    await client.must('dataStartRecover', { mover, env, nlist, buType: 'tar' });
  }
  await client.must('moverGetState', {});
  await client.must('dataGetState', {});
  if (what === 'recover') {
    await client.nextPost('notifyMoverPaused'); // the filemark behind the image: there is no more
    await client.must('moverClose', {});
  }
  const { reason } = await client.nextPost('notifyDataHalted');
  if (reason !== 'successful') throw new Error(`The ${what} halted: ${reason}`);
  if (what === 'backup') await client.must('dataGetEnv', {});
  const hasHalted = client.posts.slice(before).some(({ name }) => name === 'notifyMoverHalted');
  if (!hasHalted) await client.nextPost('notifyMoverHalted');
  await client.must('dataStop', {});
  await client.must('moverStop', {});
}

async function wholeSession(site: Site): Promise<void> {
  const { client } = site;
  await client.login({ user, secret });
  const { robot, tape } = await lookAround(site);
  await moveTape(site, robot, true);
  await useTape(site, tape);
  await runJob(site, 'backup');
  await client.must('tapeMtio', { tapeOp: 'eof', count: 2 });
  await client.must('tapeMtio', { tapeOp: 'rew', count: 1 });
  await client.must('tapeMtio', { tapeOp: 'fsf', count: 1 });
  await runJob(site, 'recover');
  await client.errorOf('moverAbort', {});
  await client.must('tapeMtio', { tapeOp: 'off', count: 1 });
  await client.must('tapeClose', {});
  await moveTape(site, robot, false);
  client.sendRaw(client.encode('connectClose', {}));
  await client.closed;
}

/** Of version 2 the dissector reads these by the structures of version 3: nobody's are whole to it. */
const notOfVersion2 = /(TAPE|DATA)_GET_STATE Reply|DATA_START_(BACKUP|RECOVER) Request/;

async function open(t: ExecutionContext, version: NdmpVersion): Promise<Site & { readonly relay: Relay }> {
  const folder = await tempFolder(t);
  const source = join(folder, 'source');
  const target = join(folder, 'target');
  for (const made of [source, target]) await mkdir(made);
  await makeTree(source);
  const relay = await Relay.start(t);
  const daemon = await startDaemon(t, join(folder, 'home'), ['--ndmp-listen', '127.0.0.1:0']);
  await daemon.jsonHere('ndmp', 'user', 'create', user, '--secret', secret);
  await daemon.jsonHere('ndmp', 'root', 'add', folder);
  relay.upstream = daemon.ndmpPortal;
  const client = await NdmpClient.connect(realEnv().net, relay.address, version);
  return { client, source, target, relay };
}

for (const version of [2, 3, 4] as const) {
  testWith(
    ['tshark', 'text2pcap'],
    `tshark decodes a whole session of NDMP version ${version}`,
    async (t) => {
      const site = await open(t, version);
      await wholeSession(site);
      t.deepEqual(await describeTree(site.target), await describeTree(site.source));
      const [conversation = []] = site.relay.conversations;
      const { frames, faults } = await dissectNdmp(t, conversation, ['ndmp.msg']);
      t.true(frames.length > 80, `${frames.length} frames`);
      t.deepEqual(
        faults.filter((line) => version !== 2 || !notOfVersion2.test(line)),
        [],
      );
    },
  );
}
