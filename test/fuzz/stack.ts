/**
 * The real stack in this process: catalog, store, library, units, iSCSI server. Files are in memory, the network is pairs of
 * links, time stands still. What it logs as an error is a fault: nothing that a peer sends is one.
 */
import { AdminService, Installation, makeFirstLibrary, NdmpSite, Network } from '#admin';
import { Catalog } from '#catalog';
import type { Env, Link, Logger, Net } from '#env';
import { realEnv } from '#env';
import { IscsiServer } from '#iscsi';
import type { TargetDevice } from '#scsi';
import { slabBlockBytes } from '#limits';
import { SlabPool } from '#wire';
import { wire } from '../../src/daemon/wiring.js';
import { HandClock } from '../support/iscsi-target.js';
import { type Cut, linkPair } from '../support/link-pair.js';
import { NdmpStandIn } from '../support/ndmp-stand-in.js';
import { SimDisk } from '../support/sim-disk.js';
import { SimRandom } from '../sim/sim-random.js';

const poolBlocks = 64;
const tapeBytes = 4 * 1024 * 1024;
/** Where there are tapes in drives. */
const TAPES: Readonly<Record<string, string>> = { FZ0001L8: 'drive0', GD0001L8: 'drive3' };

export interface Stack {
  readonly env: Env;
  readonly installation: Installation;
  readonly device: TargetDevice;
  readonly targetName: string;
  readonly server: IscsiServer;
  readonly pool: SlabPool;
  readonly clock: HandClock;
  /** Errors that were logged. */
  readonly complaints: string[];
  /** The initiator's end of a new connection; bytes reach the target in pieces as `cut` says. */
  connect(cut?: Cut): Link;
  /** All gather memory is back. */
  readonly isAtRest: boolean;
  /** An operator puts the tapes back and threads them. */
  loadTapes(): Promise<void>;
  close(): Promise<void>;
}

function stackEnv(
  seed: number,
  clock: HandClock,
  complaints: string[],
  listening: (accept: (link: Link) => void) => void,
): Env {
  return {
    ...realEnv(),
    clock: {
      wallMs: () => clock.wallMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, fire) => clock.after(delayMs, fire),
      sleep: async () => await settle(1), // long work that lets others run
    },
    random: new SimRandom(seed),
    disk: new SimDisk({ dice: new SimRandom(seed) }).begin(),
    databases: { open: async () => await realEnv().databases.open(':memory:') },
    log: complaining(complaints),
    net: listenOnly(listening),
  };
}
export async function realStack(
  seed: number,
  tapes = TAPES,
  store: 'plain' | 'dedup' = 'plain',
): Promise<Stack> {
  const complaints: string[] = [];
  const clock = new HandClock();
  let accept: (link: Link) => void = () => undefined;
  const env = stackEnv(seed, clock, complaints, (handler) => (accept = handler));
  const catalog = await Catalog.open(env, '/catalog');
  const { factory, groups } = await wire({ env, catalog, home: '/home', store });
  const pool = new SlabPool({ blockBytes: slabBlockBytes, blocksMax: poolBlocks });
  const server = new IscsiServer({ env, pool });
  const installation = await Installation.open({ env, catalog, factory, groups, server });
  await makeFirstLibrary(installation);
  await server.addPortal({ address: { host: '127.0.0.1', port: 3260 }, groupTag: 1 });
  const site = await NdmpSite.open(installation, '/', NdmpStandIn.make);
  const service = new AdminService(installation, new Network(installation), site, { home: '/', pid: 1 });
  // Small, so that a WRITE FILEMARKS of chance soon meets the end of the tape.
  for (const barcode of Object.keys(tapes))
    await service.perform('tape.create', { barcode, size: tapeBytes });
  const drives = installation.libraries.flatMap((library) => [...library.drives.values()]);
  const loadTapes = async (): Promise<void> => {
    for (const [barcode, to] of Object.entries(tapes)) {
      const drive = drives.find(({ row }) => to === `drive${row.index}`)?.drive;
      if (drive?.cartridge?.barcode !== barcode) await service.perform('tape.move', { barcode, to });
      if (drive?.state === 'unloaded') await drive.load();
    }
  };
  await loadTapes();
  const [target] = installation.targets;
  if (target === undefined) throw new Error('There is no target');
  return {
    env,
    installation,
    device: target.device,
    targetName: target.row.name,
    server,
    pool,
    clock,
    complaints,
    loadTapes,
    connect(cut) {
      const { near, far } = linkPair(cut);
      accept(far);
      return near;
    },
    get isAtRest() {
      return pool.freeBytes === poolBlocks * pool.blockBytes;
    },
    async close() {
      const closing = server.close(10);
      clock.pass(10);
      await closing;
      await installation.close();
      await groups.close();
      await catalog.close();
    },
  };
}

function complaining(complaints: string[]): Logger {
  const log: Logger = {
    facility: () => log,
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (message, facts) => complaints.push(`${message} ${JSON.stringify(facts)}`),
  };
  return log;
}
function listenOnly(listening: (accept: (link: Link) => void) => void): Net {
  const refuse = async (): Promise<never> => await Promise.reject(new Error('Not here'));
  return {
    listen: async (address, accept) => {
      listening(accept);
      return await Promise.resolve({ address, close: async () => await Promise.resolve() });
    },
    listenTls: refuse,
    listenPath: refuse,
    connect: refuse,
    connectPath: refuse,
  };
}

/** Lets everything run that can run now. */
export async function settle(turns = 2): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
