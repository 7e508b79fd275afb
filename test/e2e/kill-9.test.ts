/**
 * kill -9 in the middle of everything: the real daemon, real sockets, real files. After each of the rounds every
 * synchronised object and the inventory are as they must be.
 */
import test from 'ava';
import { realEnv } from '#env';
import { type Daemon, startDaemon, tempFolder } from '#support';
import { Host, LinkLost } from '../sim/host.js';
import { meetLibrary } from '../sim/meet-library.js';
import { InitiatorSession } from '../sim/session.js';
import { SimRandom } from '../sim/sim-random.js';
import type { Workload } from '../sim/workload.js';

const rounds = 20;
/** Longest that the daemon lives before it is killed. */
const lifeMsMax = 500;
/** Restart, with the recovery of what was loaded. */
const restartMsMax = 10_000;

const keys = {
  InitialR2T: 'No',
  ImmediateData: 'Yes',
  MaxRecvDataSegmentLength: '262144',
  HeaderDigest: 'CRC32C',
};

async function login(daemon: Daemon): Promise<InitiatorSession> {
  const options = { target: daemon.targetName, keys };
  return await InitiatorSession.login(realEnv().net, daemon.portal, options);
}

/** Works until the daemon is killed under it. */
async function workAndDie(workload: Workload, daemon: Daemon, afterMs: number): Promise<unknown> {
  const work = workload.work(1_000_000).then(
    () => undefined,
    (error: unknown) => error,
  );
  await realEnv().clock.sleep(afterMs);
  await daemon.end('SIGKILL');
  return await work;
}

const everythingSurvives = test.macro(async (t, store: 'plain' | 'dedup') => {
  t.timeout(240_000);
  const seed = 20_251_121;
  const random = new SimRandom(seed);
  const home = await tempFolder(t);
  const trace: string[] = [];
  let daemon = await startDaemon(t, home, ['--store', store]);
  let session = await login(daemon);
  const workload = await meetLibrary(new Host(session), random.fork(), (what) => trace.push(what));
  for (let round = 0; round < rounds; round++) {
    const end = await workAndDie(workload, daemon, 20 + random.integer(lifeMsMax));
    if (!(end instanceof LinkLost)) throw end;
    const started = performance.now();
    daemon = await startDaemon(t, home);
    t.true(performance.now() - started < restartMsMax);
    session = await login(daemon);
    workload.host = new Host(session);
    await workload.lookAgain('crash');
  }
  await workload.lookAtAll();
  t.true(trace.filter((line) => line.startsWith('write')).length > rounds, 'it has worked');
  await session.logout();
  t.is(await daemon.end(), 0);
});

test.serial(
  `after kill -9, ${rounds} times, everything synchronised is there and right`,
  everythingSurvives,
  'plain',
);
test.serial(`the same, ${rounds} times, on the deduplicating store`, everythingSurvives, 'dedup');
