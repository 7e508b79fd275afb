/** Limits of the server, each filled to the brim, over links in memory. */
import test from 'ava';
import { type Env, type Link, type Net, realEnv } from '#env';
import { IscsiServer, LOGIN_STATUS, STAGE } from '#iscsi';
import { TargetDevice } from '#scsi';
import { HandClock, Initiator, linkPair, openAccess, targetName } from '#support';
import { SlabPool } from '#wire';
import { loginsPendingMax, sessionsOfTargetMax } from '../../../src/limits.js';

async function world(): Promise<{ server: IscsiServer; connect: () => Initiator; clock: HandClock }> {
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
  const connect = (): Initiator => {
    const { near, far } = linkPair();
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
test('so many connections may be in login and no more; who is logged in is not disturbed', async (t) => {
  const { connect, clock } = await world();
  const inside = connect();
  await inside.login({ target: targetName });
  const idle = Array.from({ length: loginsPendingMax }, connect);
  const oneMore = connect();
  await oneMore.closed;
  t.true(idle.every((one) => !one.isClosed));
  t.is((await inside.command([0x12, 0, 0, 0, 36, 0], { in: 36 })).status, 0);
  clock.pass(15_000);
  await Promise.all(idle.map(async (one) => await one.closed));
  await connect().login({ target: targetName, name: 'iqn.2026-01.test:late' });
});
