/**
 * An NDMP server in this process: a network in memory, a clock in the test's hand, one drive and one changer (a unit whose
 * commands end when the test says so). All of it ends with the test, which fails if anything is still held.
 */
import { strict as assert } from 'node:assert';
import type { ExecutionContext } from 'ava';
import { type Env, realEnv } from '#env';
import {
  addressPolicy,
  type DataOptions,
  type NdmpAccess,
  type NdmpDevice,
  NdmpServer,
  type NdmpVersion,
} from '#ndmp';
import { BusyUnit } from './busy-unit.js';
import { HandClock } from './iscsi-target.js';
import type { Cut } from './link-pair.js';
import { MemoryNet } from './memory-net.js';
import { NdmpClient } from './ndmp-client.js';
import { MemoryPersistence } from './scsi.js';
import { type BenchOptions, TapeBench } from './tape-bench.js';

export const driveName = 'library0/drive0';
export const changerName = 'library0/changer';
export const ndmpUser = 'dma';
export const ndmpSecret = 'a secret of a DMA';

export interface NdmpBenchOptions {
  readonly cartridge?: BenchOptions['cartridge'];
  readonly access?: Partial<NdmpAccess>;
  /** Where clients come from. */
  readonly from?: string;
  readonly cut?: Cut;
  /** What DATA may back up; without it there is no data service. */
  readonly data?: DataOptions;
}

/** Giving others a turn takes no time. */
class BenchClock extends HandClock {
  override async sleep(delayMs: number): Promise<void> {
    if (delayMs === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    else await super.sleep(delayMs);
  }
}

export class NdmpBench {
  readonly clock: HandClock;
  readonly env: Env;
  readonly tape: TapeBench;
  readonly changer: BusyUnit;
  readonly server: NdmpServer;
  readonly port: number;
  readonly #clients: NdmpClient[] = [];

  private constructor(env: Env, tape: TapeBench, server: NdmpServer, changer: BusyUnit, port: number) {
    this.env = env;
    this.clock = env.clock as HandClock; // `make` put it there
    this.tape = tape;
    this.server = server;
    this.changer = changer;
    this.port = port;
  }
  static async make(t: ExecutionContext, options: NdmpBenchOptions = {}): Promise<NdmpBench> {
    const clock = new BenchClock();
    const net = new MemoryNet(options.from ?? '192.0.2.7', options.cut);
    const env: Env = { ...realEnv(process.env['NDMP_LOG'] as 'debug' | undefined), clock, net };
    const { cartridge } = options;
    const tape = await TapeBench.make(cartridge === undefined ? { env } : { env, cartridge });
    const changer = new BusyUnit(new MemoryPersistence(), env);
    const devices: readonly NdmpDevice[] = [
      { kind: 'changer', name: changerName, model: 'TAPESILO PLAIN', serial: 'TS0001', unit: changer },
      {
        kind: 'tape',
        name: driveName,
        model: 'IBM ULT3580-TD8',
        serial: 'TS00000001',
        drive: tape.drive,
        unit: tape.unit,
        prepare: (nexus) => tape.unit.useEncryption(nexus),
      },
    ];
    const secret = Buffer.from(ndmpSecret);
    const server = new NdmpServer({
      env,
      pool: tape.pool,
      devices: {
        list: () => devices,
        find: (name) => devices.find((one) => one.name === name || one.serial === name),
      },
      access: {
        secretOf: (user) => (user === ndmpUser ? secret : undefined),
        versionMax: 4,
        allows: (type, { isPrivate }) => type === 'md5' || (type === 'text' && isPrivate),
        ...options.access,
      },
      identity: {
        hostName: 'silo.example',
        osType: 'Linux',
        osVersion: '6.1',
        hostId: '0a0b0c0d',
        vendor: 'Tapesilo',
        product: 'tapesilo',
        revision: '1',
      },
      policy: addressPolicy(),
      ...(options.data === undefined ? {} : { data: options.data }),
    });
    const { address } = await server.addPortal({ address: { host: '192.0.2.1', port: 10_000 } });
    const bench = new NdmpBench(env, tape, server, changer, address.port);
    t.teardown(async () => await bench.#end());
    return bench;
  }
  async #end(): Promise<void> {
    for (const client of this.#clients) client.close();
    const closing = this.server.close(1000);
    this.clock.pass(1000);
    await closing;
    await this.tape.drive.close();
    assert.equal(this.tape.unit.reservations.reservedBy, undefined, 'no lease is left');
    assert.deepEqual(this.server.sessions(), []);
    const { pool } = this.tape;
    assert.equal(pool.freeBytes, pool.blocksMax * pool.blockBytes, 'all memory came back');
  }

  /** A connection that has not said anything. */
  async connect(version: NdmpVersion = 4): Promise<NdmpClient> {
    const client = await NdmpClient.connect(this.env.net, { host: '192.0.2.1', port: this.port }, version);
    this.#clients.push(client);
    return client;
  }
  async login(version: NdmpVersion = 4): Promise<NdmpClient> {
    const client = await this.connect(version);
    await client.login({ user: ndmpUser, secret: ndmpSecret });
    return client;
  }
  /** Logged in, with the drive open. */
  async opened(
    version: NdmpVersion = 4,
    mode: 'read' | 'read-write' | 'raw' = 'read-write',
  ): Promise<NdmpClient> {
    const client = await this.login(version);
    await client.must('tapeOpen', { device: driveName, mode });
    return client;
  }
}

/** Lets everything that is ready to run do so. */
export async function breathe(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
