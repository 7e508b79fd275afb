/**
 * NdmpSession: what one connection has: its version and user, one tape, one SCSI device, one mover, one data service.
 *
 * Invariant N3: when the connection is gone, for whatever reason, everything that the session had is free at once.
 */
import type { Address, Env, Logger } from '#env';
import type { Nexus } from '#scsi';
import type { SlabPool } from '#wire';
import { ConnectService } from './connect-service.js';
import { DataConnector } from './data-connection.js';
import { DataService } from './data-service.js';
import type { NdmpDevices, OpenDevices } from './devices.js';
import { Extensions } from './extensions.js';
import { nexusOfSession } from './lease.js';
import type { PostName, PostOf } from './messages.js';
import type { Lingering } from './lingering.js';
import { Mover } from './mover.js';
import { moverNotices } from './mover-handlers.js';
import { ScsiService } from './scsi-service.js';
import type { NdmpServerOptions } from './server-options.js';
import { TapeService } from './tape-service.js';
import type { NdmpVersion } from './xdr.js';

/** What a service of a session gets. */
export interface SessionContext {
  readonly id: number;
  readonly env: Env;
  readonly log: Logger;
  /** As agreed; before, the one that was offered. */
  readonly version: NdmpVersion;
  readonly peer: Address;
  readonly local: Address;
  /** Of this session at the units that it has open. */
  readonly nexus: Nexus;
  readonly devices: NdmpDevices;
  readonly openDevices: OpenDevices;
  readonly pool: SlabPool;
  readonly tape: TapeService;
  /**
   * Says something unasked: NOTIFY, LOG, FH. Goes out in order, behind the reply of the request that is being handled, if there
   * is one. What the spoken version does not have is not sent.
   */
  post<K extends PostName>(name: K, body: PostOf<K>): void;
  /** Undefined while more may be posted; else resolves when it may. Whoever posts without end waits for it. */
  readonly postRoom: Promise<void> | undefined;
}

/** What a session needs of its connection. */
export interface SessionWire {
  readonly peer: Address;
  readonly local: Address;
  readonly isPrivate: boolean;
  readonly postRoom: Promise<void> | undefined;
  post<K extends PostName>(name: K, body: PostOf<K>): void;
  authorized(): void;
  /** Ends the connection when the reply is out. */
  refuse(reason: string): void;
}

/** What all sessions of a server have together. */
export interface SharedBySessions {
  readonly openDevices: OpenDevices;
  readonly lingering: Lingering;
}

export class NdmpSession implements SessionContext {
  readonly id: number;
  readonly options: NdmpServerOptions;
  readonly env: Env;
  readonly log: Logger;
  readonly pool: SlabPool;
  readonly nexus: Nexus;
  readonly devices: NdmpDevices;
  readonly openDevices: OpenDevices;
  readonly openedAtMs: number;
  readonly connect: ConnectService;
  readonly tape: TapeService;
  readonly scsi: ScsiService;
  /** Of the image streams of mover and data service. */
  readonly connector: DataConnector;
  readonly mover: Mover;
  readonly data: DataService;
  readonly #wire: SessionWire;

  constructor(id: number, options: NdmpServerOptions, shared: SharedBySessions, wire: SessionWire) {
    const { env } = options;
    this.id = id;
    this.options = options;
    this.env = env;
    this.log = env.log.facility('ndmp', { session: id, peer: wire.peer.host });
    this.pool = options.pool;
    this.nexus = nexusOfSession(id);
    this.devices = options.devices;
    this.openDevices = shared.openDevices;
    this.openedAtMs = env.clock.wallMs();
    this.#wire = wire;
    this.connect = new ConnectService({
      log: this.log,
      random: env.random,
      access: options.access,
      arrival: { peer: wire.peer, isPrivate: wire.isPrivate },
      refuse: (reason) => wire.refuse(reason),
      authorized: () => wire.authorized(),
    });
    this.tape = new TapeService(this);
    this.scsi = new ScsiService(this);
    const { policy, streamHosts: hosts, streamPorts: ports } = options;
    this.connector = new DataConnector({
      env,
      log: this.log,
      policy,
      session: this,
      hosts,
      ports,
      lingering: shared.lingering,
    });
    this.data = new DataService({
      env,
      log: this.log,
      version: () => this.version,
      extensions: new Extensions(),
      options: options.data,
      mover: () => this.mover,
      connector: this.connector,
      posts: this,
    });
    this.mover = new Mover({
      env,
      log: this.log,
      pool: this.pool,
      tape: this.tape,
      connector: this.connector,
      data: this.data,
      notices: moverNotices(this),
      version: () => this.version,
      allowsIpv6: () => this.data.extensions.hasConnectionAddresses,
    });
  }
  get version(): NdmpVersion {
    return this.connect.version;
  }
  get peer(): Address {
    return this.#wire.peer;
  }
  get local(): Address {
    return this.#wire.local;
  }
  get moverIsActive(): boolean {
    return this.mover.isActive;
  }
  get moverState(): string {
    return this.mover.state;
  }
  post<K extends PostName>(name: K, body: PostOf<K>): void {
    this.#wire.post(name, body);
  }
  get postRoom(): Promise<void> | undefined {
    return this.#wire.postRoom;
  }

  /** The connection is gone. N3: whatever one part does, the others let go of what they have. */
  end(): void {
    for (const part of [this.data, this.mover, this.connector, this.tape, this.scsi]) {
      try {
        part.end();
      } catch (error) {
        this.log.error('A part of a session did not end', { error: String((error as Error).stack) });
      }
    }
  }
}
