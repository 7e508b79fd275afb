/**
 * kill -9 under four streaming drives, with collection, recompression and scrubbing beside them: the real daemon, real sockets,
 * real files. After each of the rounds every synchronised record reads back as it was written.
 */
import test from 'ava';
import { AdminClient } from '#admin';
import { realEnv } from '#env';
import { type Daemon, startDaemon, tempFolder } from '#support';
import { Host, LinkLost } from '../sim/host.js';
import { InventoryModel } from '../sim/inventory-model.js';
import { InitiatorSession } from '../sim/session.js';
import { SimRandom } from '../sim/sim-random.js';
import { TapeModel } from '../sim/tape-model.js';
import { STREAMING, Workload } from '../sim/workload.js';

const rounds = 20;
const drives = 4;
/** Longest that the daemon lives before it is killed. */
const lifeMsMax = 600;
const restartMsMax = 10_000;
const works = ['collect', 'scrub', 'optimize'] as const;

/** A host of its own for each drive. */
async function login(daemon: Daemon, drive: number): Promise<Host> {
  const session = await InitiatorSession.login(realEnv().net, daemon.portal, {
    target: daemon.targetName,
    isid: Buffer.from([0x80, 0, 0, 1, 0, drive]),
    keys: { InitialR2T: 'No', ImmediateData: 'Yes', MaxRecvDataSegmentLength: '262144' },
  });
  const host = new Host(session);
  // What a new nexus is told first is told here, so that no command of a burst comes behind the others for it.
  if (drive > 0) await host.isReady(drive);
  return host;
}

/** Loads a cartridge into each drive; who writes there has it to himself. */
async function loadAll(
  daemon: Daemon,
  random: SimRandom,
  trace: (what: string) => void,
): Promise<Workload[]> {
  const robot = await login(daemon, 0);
  const slots = await robot.elements(0, 2);
  const bays = (await robot.elements(0, 4)).slice(0, drives);
  const places = new Map(
    slots.flatMap(({ address, barcode }) => (barcode === undefined ? [] : [[barcode, address]])),
  );
  const barcodes = [...places.keys()].slice(0, bays.length);
  for (const [index, { address }] of bays.entries()) {
    const barcode = barcodes[index] ?? '';
    await robot.move(0, places.get(barcode) ?? 0, address);
    places.set(barcode, address);
  }
  const inventory = new InventoryModel(Object.fromEntries(places));
  const tapes = new Map([...places.keys()].map((barcode) => [barcode, new TapeModel(barcode)]));
  return await Promise.all(
    bays.map(async ({ address }, index) => {
      const layout = { changerLun: 0, bays: [{ lun: index + 1, element: address }], slots: [] };
      const host = await login(daemon, index + 1);
      return new Workload({ random: random.fork(), layout, tapes, inventory, host, trace, steps: STREAMING });
    }),
  );
}

interface Progress {
  readonly id: number;
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  readonly report?: Readonly<Record<string, unknown>>;
}
/** What came of it. Throws when it failed. */
async function carryOut(client: AdminClient, work: string): Promise<Progress> {
  await client.call(`group.${work}`, { wait: true });
  for (;;) {
    const { progress } = (await client.call('group.show', {})).result as { progress: Progress };
    if (progress.state === 'done') return progress;
    if (progress.state !== 'running') throw new Error(`${work}: ${JSON.stringify(progress)}`);
    await realEnv().clock.sleep(5);
  }
}
/** One work after another until the daemon is gone. */
async function keepUp(
  daemon: Daemon,
  first: number,
  tell: (work: string, state: 'begun' | 'done') => void,
): Promise<void> {
  const client = new AdminClient(realEnv(), daemon.home);
  for (let turn = first; ; turn++) {
    const work = works[turn % works.length] ?? 'collect';
    tell(work, 'begun');
    try {
      await carryOut(client, work);
    } catch (error) {
      if (daemon.isGone) return;
      throw error;
    }
    tell(work, 'done');
  }
}

test.serial(
  `kill -9 under four streaming drives, ${rounds} times: every synchronised record is there`,
  async (t) => {
    t.timeout(240_000);
    const random = new SimRandom(20_251_122);
    const home = await tempFolder(t);
    let writes = 0;
    let daemon = await startDaemon(t, home, ['--store', 'dedup']);
    const workloads = await loadAll(daemon, random, (what) => (writes += what.startsWith('write') ? 1 : 0));
    const finished = new Map<string, number>();
    const interrupted = new Map<string, number>();
    const count = (of: Map<string, number>, work: string): unknown => of.set(work, (of.get(work) ?? 0) + 1);
    for (let round = 0; round < rounds; round++) {
      let running = '';
      const upkeep = keepUp(daemon, round, (work, state) => {
        running = work;
        if (state === 'done') count(finished, work);
      });
      const ends = workloads.map(async (one) => await one.work(1_000_000).catch((error: unknown) => error));
      await realEnv().clock.sleep(50 + random.integer(lifeMsMax));
      await daemon.end('SIGKILL');
      for (const end of await Promise.all(ends)) if (!(end instanceof LinkLost)) throw end;
      await upkeep;
      count(interrupted, running);
      const started = performance.now();
      daemon = await startDaemon(t, home);
      t.true(performance.now() - started < restartMsMax);
      await Promise.all(
        workloads.map(async (one, index) => {
          one.host = await login(daemon, index + 1);
          await one.lookAgain('crash');
        }),
      );
    }
    for (const work of works)
      t.true(
        (finished.get(work) ?? 0) + (interrupted.get(work) ?? 0) >= 5,
        `${work}: ${finished.get(work)} times`,
      );
    t.true(interrupted.size >= 2, 'it was killed in the middle of different works');
    t.true(writes > 4 * rounds, `${writes} bursts were written`);
    const { report } = await carryOut(new AdminClient(realEnv(), home), 'scrub');
    t.is(report?.['damagedContainers'], 0);
    t.is(await daemon.end(), 0);
  },
);
