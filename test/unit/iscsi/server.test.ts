/** Limits of the server, each filled to the brim, over links in memory. */
import test from 'ava';
import { type Env, type Link, type Net, realEnv } from '#env';
import { IscsiServer, LOGIN_STATUS, STAGE } from '#iscsi';
import { TargetDevice } from '#scsi';
import { HandClock, Initiator, linkPair, openAccess, targetName } from '#support';
import { SlabPool } from '#wire';
import { discoverySessionsMax, loginsPendingMax, sessionsOfTargetMax } from '../../../src/limits.js';

async function world(): Promise<{
  server: IscsiServer;
  connect: (from?: string) => Initiator;
  clock: HandClock;
}> {
  let accept: (link: Link) => void = () => undefined;
  const listen: Net['listen'] = async (address, accepted) => {
    accept = accepted;
    return await Promise.resolve({ address, close: async () => await Promise.resolve() });
  };
  const clock = new HandClock();
  const real = realEnv();
  const env: Env = { ...real, clock, net: { ...real.net, listen } };
  const server = new IscsiServer({ env, pool: new SlabPool({ blockBytes: 65_536, blocksMax: 8 }) });
  server.addTarget({ name: targetName, alias: '', device: new TargetDevice(env.log), access: openAccess });
  await server.addPortal({ address: { host: '192.0.2.2', port: 3260 }, groupTag: 1 });
  const connect = (from?: string): Initiator => {
    const { near, far } = linkPair(undefined, from);
    accept(far);
    return new Initiator(near);
  };
  return { server, connect, clock };
}

test('a target has so many sessions and no more; a free place can be taken again', async (t) => {
  const { server, connect } = await world();
  const isidOf = (index: number): Buffer => Buffer.from([0, 2, 0x3d, 0, index >> 8, index & 0xff]);
  const initiators: Initiator[] = [];
  for (let index = 0; index < sessionsOfTargetMax; index++) {
    const initiator = connect();
    await initiator.login({ target: targetName, isid: isidOf(index) });
    initiators.push(initiator);
  }
  t.is(server.sessions().length, sessionsOfTargetMax);
  const oneMore = connect();
  const response = await oneMore.loginStep(
    { transit: true, currentStage: STAGE.operational, nextStage: STAGE.fullFeature, isid: isidOf(5000) },
    [
      { key: 'InitiatorName', value: 'iqn.2026-01.test:initiator' },
      { key: 'TargetName', value: targetName },
    ],
  );
  t.is(response.fields.statusClass * 256 + response.fields.statusDetail, LOGIN_STATUS.outOfResources);
  await oneMore.closed;
  await initiators[0]?.logout();
  await initiators[0]?.closed;
  await connect().login({ target: targetName, isid: isidOf(5000) });
  t.is(server.sessions().length, sessionsOfTargetMax);
});
test('so many connections may be in login; who opens too many loses the oldest, and keeps nobody out', async (t) => {
  const { connect, clock } = await world();
  const inside = connect();
  await inside.login({ target: targetName });
  const elsewhere = connect('192.0.2.7');
  const idle = Array.from({ length: loginsPendingMax }, () => connect());
  await idle[0]?.closed;
  t.is(idle.filter((one) => one.isClosed).length, 1);
  t.is((await inside.command([0x12, 0, 0, 0, 36, 0], { in: 36 })).status, 0);
  await elsewhere.login({ target: targetName, name: 'iqn.2026-01.test:elsewhere' });
  await connect('192.0.2.8').login({ target: targetName, name: 'iqn.2026-01.test:late' });
  clock.pass(15_000);
  await Promise.all(idle.map(async (one) => await one.closed));
});
test('so many discovery sessions; the oldest gives way, and the others stay', async (t) => {
  const { server, connect } = await world();
  const inside = connect();
  await inside.login({ target: targetName });
  const open: Initiator[] = [];
  for (let index = 0; index <= discoverySessionsMax; index++) {
    const initiator = connect();
    await initiator.login();
    open.push(initiator);
  }
  await open[0]?.closed;
  t.is(open.filter((one) => one.isClosed).length, 1);
  t.is(server.sessions().length, 1 + discoverySessionsMax);
});
