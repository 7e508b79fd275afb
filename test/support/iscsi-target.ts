/** An iSCSI target around a FakeDisk, with everything that a test may want to turn. */
import { strict as assert } from 'node:assert';
import { type Env, realEnv, type Timer } from '#env';
import { type AccessPolicy, IscsiServer, type IscsiServerOptions, type PortalView } from '#iscsi';
import { TargetDevice } from '#scsi';
import { SlabPool } from '#wire';
import type { ExecutionContext } from 'ava';
import { FakeDisk } from './fake-disk.js';
import { Initiator, type LoginOptions } from './initiator.js';

export const targetName = 'iqn.2026-01.test:disk';
export const openAccess: AccessPolicy = { admits: () => true, chap: () => undefined, sees: () => true };

/** A clock that stands still until it is told to go on. Only for tests without a network of their own timing. */
export class HandClock {
  #nowMs = 1_700_000_000_000;
  #timers: { atMs: number; fire: () => void }[] = [];
  wallMs(): number {
    return this.#nowMs;
  }
  monotonicMs(): number {
    return this.#nowMs;
  }
  after(delayMs: number, fire: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, fire };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((one) => one !== timer)) };
  }
  async sleep(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => this.after(delayMs, resolve));
  }
  get pending(): number {
    return this.#timers.length;
  }
  /** Lets time pass, firing what is due in order. */
  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const due = this.#timers.filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== due);
      this.#nowMs = due.atMs;
      due.fire();
    }
    this.#nowMs = untilMs;
  }
}

export interface IscsiTarget {
  readonly server: IscsiServer;
  readonly pool: SlabPool;
  readonly disk: FakeDisk;
  readonly device: TargetDevice;
  readonly portal: PortalView;
  readonly clock: HandClock;
  readonly env: Env;
  /** A connection, not logged in. */
  readonly connect: () => Promise<Initiator>;
  /** A session with the disk's target. */
  readonly login: (options?: LoginOptions) => Promise<Initiator>;
}
export interface IscsiTargetOptions {
  readonly access?: Partial<AccessPolicy>;
  readonly discovery?: IscsiServerOptions['discovery'];
  readonly blocksMax?: number;
  readonly diskBlocks?: number;
  readonly alias?: string;
}

/** Listens on a free port of 127.0.0.1; all of it ends with the test, which fails if memory has not come back. */
export async function iscsiTarget(
  t: ExecutionContext,
  options: IscsiTargetOptions = {},
): Promise<IscsiTarget> {
  const clock = new HandClock();
  const env: Env = { ...realEnv(process.env['ISCSI_LOG'] as 'debug' | undefined), clock };
  const blocksMax = options.blocksMax ?? 64;
  const pool = new SlabPool({ blockBytes: 256 * 1024, blocksMax });
  const discovery = options.discovery === undefined ? {} : { discovery: options.discovery };
  const server = new IscsiServer({ env, pool, ...discovery });
  const device = new TargetDevice(env.log);
  const disk = new FakeDisk(options.diskBlocks ?? 8192, env);
  device.plug(0, disk);
  const access = { ...openAccess, ...options.access };
  server.addTarget({ name: targetName, alias: options.alias ?? '', device, access });
  const portal = await server.addPortal({ address: { host: '127.0.0.1', port: 0 }, groupTag: 1 });
  const initiators: Initiator[] = [];
  const connect = async (): Promise<Initiator> => {
    const initiator = await Initiator.connect(env.net, portal.address);
    initiators.push(initiator);
    return initiator;
  };
  t.teardown(async () => {
    disk.go();
    for (const initiator of initiators) initiator.close();
    const closing = server.close(1000);
    clock.pass(1000);
    await closing;
    assert.equal(pool.freeBytes, blocksMax * pool.blockBytes, 'all gather memory came back');
    assert.equal(disk.slabsHeld, 0, 'all data-in was released');
    assert.equal(clock.pending, 0, 'no timer is left');
  });
  return {
    server,
    pool,
    disk,
    device,
    portal,
    clock,
    env,
    connect,
    login: async (login = {}) => {
      const initiator = await connect();
      await initiator.login({ target: targetName, ...login });
      return initiator;
    },
  };
}
