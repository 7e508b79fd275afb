/**
 * IscsiServer: targets, portals, sessions: the face of this layer. It decides which session a login makes, joins or
 * replaces (RFC 7143 6.3), and how sessions end.
 *
 * Invariants: an initiator port has one session per target and portal group; TSIHs are unique and not 0.
 */
import { RefusedError } from '#errors';
import type { Clock, Env, Link, Logger, Random } from '#env';
import {
  connectionsMax,
  discoverySessionsMax,
  loginsPendingMax,
  sessionsMax,
  sessionsOfTargetMax,
  targetNameBytesMax,
} from '#limits';
import type { SlabPool } from '#wire';
import type { DiscoveryPolicy } from './access-policy.js';
import { Connection, type ConnectionHost } from './connection.js';
import type { LoggedIn } from './login.js';
import { LOGIN_STATUS, type LoginStatus } from './pdu.table.js';
import { Portal, type PortalSpec, type PortalView } from './portal.js';
import { Session, type SessionCounters } from './session.js';
import { TargetNode, targetPortOf, type TargetSpec } from './target-node.js';

export interface SessionView {
  readonly id: number;
  readonly type: 'normal' | 'discovery';
  readonly initiatorName: string;
  readonly initiatorAlias: string;
  readonly initiatorAddress: string;
  /** CHAP user that has proved itself; undefined without authentication. */
  readonly user: string | undefined;
  readonly targetName: string | undefined;
  /** Hexadecimal. */
  readonly isid: string;
  readonly tsih: number;
  readonly groupTag: number;
  readonly openedAtMs: number;
  readonly connections: readonly { readonly cid: number; readonly remote: string; readonly local: string }[];
  /** Negotiated keys by their RFC names. */
  readonly keys: Readonly<Record<string, string | number | boolean>>;
  readonly outstandingCommands: number;
  readonly counters: Readonly<SessionCounters>;
}

export interface IscsiServerOptions {
  readonly env: Pick<Env, 'clock' | 'random' | 'net' | 'log'>;
  /** Memory in which commands gather their data. */
  readonly pool: SlabPool;
  /** Who may discover; by default everybody, who then sees what the targets' own policies admit. */
  readonly discovery?: DiscoveryPolicy;
}

/** iSCSI names: iqn., eui. or naa., no blanks, in small letters, in which logins are compared; 223 bytes (RFC 7143 4.2.7). */
const nameForm =
  /^(iqn\.\d{4}-(0[1-9]|1[0-2])\.[^\s\p{Cc}\p{Lu},]+|eui\.[0-9a-f]{16}|naa\.([0-9a-f]{16}){1,2})$/u;

export class IscsiServer implements ConnectionHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly pool: SlabPool;
  readonly log: Logger;
  readonly discovery: DiscoveryPolicy | undefined;
  readonly #env: IscsiServerOptions['env'];
  readonly #targets = new Map<string, TargetNode>();
  readonly #portals = new Map<number, Portal>();
  readonly #connections = new Set<Connection>();
  readonly #sessions = new Map<number, Session>();
  #lastPortal = 0;
  #lastSession = 0;
  #lastTsih = 0;
  #closing = false;
  #emptied: (() => void)[] = [];

  constructor({ env, pool, discovery }: IscsiServerOptions) {
    this.#env = env;
    this.clock = env.clock;
    this.random = env.random;
    this.log = env.log;
    this.pool = pool;
    this.discovery = discovery;
  }

  // --- targets ----------------------------------------------------------------------------------------------------------

  /** Throws RefusedError for a name that is not one or is taken. */
  addTarget(spec: TargetSpec): void {
    if (!nameForm.test(spec.name) || Buffer.byteLength(spec.name) > targetNameBytesMax) {
      throw new RefusedError(
        'usage',
        `"${spec.name}" is not an iSCSI name: use the form iqn.2026-01.org.example:name, in lower case`,
      );
    }
    if (this.#targets.has(spec.name))
      throw new RefusedError('conflict', `There is a target ${spec.name} already`);
    this.#targets.set(spec.name, new TargetNode(spec));
    this.#tellPorts();
  }
  /** Its sessions are told and ended first. */
  async removeTarget(name: string): Promise<void> {
    const target = this.#targets.get(name);
    if (target === undefined) return;
    this.#targets.delete(name);
    await Promise.all(this.#sessionsOf(target).map(async (session) => await this.#drop(session)));
  }
  target(name: string): TargetNode | undefined {
    return this.#targets.get(name);
  }
  targets(): readonly TargetNode[] {
    return [...this.#targets.values()];
  }

  // --- portals ----------------------------------------------------------------------------------------------------------

  async addPortal(spec: PortalSpec): Promise<PortalView> {
    this.#lastPortal += 1;
    const portal = await Portal.open(this.#lastPortal, spec, this.#env.net, (link) =>
      this.#accept(link, spec.groupTag),
    );
    this.#portals.set(portal.id, portal);
    this.#tellPorts();
    return portal.view;
  }
  /** Stops listening; connections that came through it stay. */
  async removePortal(id: number): Promise<void> {
    const portal = this.#portals.get(id);
    this.#portals.delete(id);
    this.#tellPorts();
    await portal?.close();
  }
  /** Each portal group is a SCSI target port of each target (4.4). */
  #tellPorts(): void {
    const groups = new Set([...this.#portals.values()].map((portal) => portal.groupTag));
    for (const { name, device } of this.#targets.values()) {
      device.setPorts([...groups].toSorted((a, b) => a - b).map((groupTag) => targetPortOf(name, groupTag)));
    }
  }
  portals(): PortalView[] {
    return [...this.#portals.values()].map((portal) => portal.view);
  }

  #accept(link: Link, groupTag: number): void {
    if (this.#closing || this.#connections.size >= connectionsMax) {
      this.log.warn('Connection refused: too many', { connections: this.#connections.size });
      link.destroy();
      return;
    }
    const pending = [...this.#connections].filter((connection) => connection.isInLogin);
    if (pending.length >= loginsPendingMax) oldestOfBusiestHost(pending)?.drop('too many logins at once');
    const connection = new Connection(this, link, groupTag);
    this.#connections.add(connection);
    connection.start();
  }
  closed(connection: Connection): void {
    this.#connections.delete(connection);
    this.#maybeEmptied();
  }

  // --- sessions ---------------------------------------------------------------------------------------------------------

  sessions(): SessionView[] {
    return [...this.#sessions.values()].map((session) => this.#view(session));
  }
  #view(session: Session): SessionView {
    const connections = this.#connectionsOf(session).map(({ cid, remote, local }) => ({
      cid,
      remote,
      local,
    }));
    return {
      id: session.id,
      type: session.isDiscovery ? 'discovery' : 'normal',
      initiatorName: session.initiatorName,
      initiatorAlias: session.keys.InitiatorAlias,
      initiatorAddress: session.initiatorAddress,
      user: session.user,
      targetName: session.target?.name,
      isid: session.isid.toString('hex'),
      tsih: session.tsih,
      groupTag: session.groupTag,
      openedAtMs: session.openedAtMs,
      connections,
      keys: { ...session.keys },
      outstandingCommands: session.tasks.size,
      counters: { ...session.counters },
    };
  }
  /** Tells the initiator and ends the session. False when there is none. */
  async dropSession(id: number): Promise<boolean> {
    const session = this.#sessions.get(id);
    if (session === undefined) return false;
    await this.#drop(session);
    return true;
  }
  async #drop(session: Session): Promise<void> {
    const connections = this.#connectionsOf(session);
    for (const connection of connections) connection.announceDrop();
    for (const connection of connections) connection.finish();
    await session.close();
  }
  #connectionsOf(session: Session): Connection[] {
    return [...this.#connections].filter((connection) => connection.session === session);
  }
  #sessionsOf(target: TargetNode): Session[] {
    return [...this.#sessions.values()].filter((session) => session.target === target);
  }
  coldReset(target: TargetNode): void {
    for (const session of this.#sessionsOf(target)) {
      for (const connection of this.#connectionsOf(session)) {
        connection.finish();
        connection.background('cold reset', async () => await session.close());
      }
    }
  }

  #find(target: TargetNode, groupTag: number, initiatorName: string, isid: Buffer): Session | undefined {
    return this.#sessionsOf(target).find(
      (one) => one.groupTag === groupTag && one.initiatorName === initiatorName && one.isid.equals(isid),
    );
  }
  session(
    target: TargetNode,
    groupTag: number,
    initiatorName: string,
    isid: Buffer,
    tsih: number,
  ): Session | undefined {
    const session = this.#find(target, groupTag, initiatorName, isid);
    return session?.tsih === tsih && !session.isClosing ? session : undefined;
  }

  async establish(
    connection: Connection,
    login: LoggedIn<TargetNode, Session>,
  ): Promise<Session | LoginStatus> {
    if (this.#closing) return LOGIN_STATUS.serviceUnavailable;
    const { target } = login;
    if (login.session !== undefined) {
      if (login.session.isClosing) return LOGIN_STATUS.sessionDoesNotExist;
      login.session.join(connection);
      return login.session;
    }
    if (target !== undefined) {
      // 6.3.5: the same initiator port again: its old session ends first, whatever state it is in.
      const find = (): Session | undefined =>
        this.#find(target, connection.groupTag, login.initiatorName, login.isid);
      for (let old = find(); old !== undefined; old = find()) await old.close();
      if (this.#targets.get(target.name) !== target) return LOGIN_STATUS.targetRemoved;
      if (this.#sessionsOf(target).length >= sessionsOfTargetMax) return LOGIN_STATUS.outOfResources;
    }
    if (target === undefined) await this.#makeRoomForDiscovery();
    if (this.#sessions.size >= sessionsMax) return LOGIN_STATUS.outOfResources;
    const session = this.#make(connection, login);
    session.join(connection);
    return session;
  }
  async #makeRoomForDiscovery(): Promise<void> {
    const open = [...this.#sessions.values()].filter((session) => session.isDiscovery);
    const [oldest] = open;
    if (oldest !== undefined && open.length >= discoverySessionsMax) await this.#drop(oldest);
  }
  #make(connection: Connection, login: LoggedIn<TargetNode, Session>): Session {
    this.#lastSession += 1;
    const session = new Session({
      id: this.#lastSession,
      tsih: this.#freeTsih(),
      isid: login.isid,
      groupTag: connection.groupTag,
      initiatorName: login.initiatorName,
      initiatorAddress: connection.remoteHost,
      user: login.user,
      target: login.target,
      keys: login.keys,
      cmdSN: login.cmdSN,
      pool: this.pool,
      openedAtMs: this.clock.wallMs(),
      log: this.log.facility('iscsi', { session: this.#lastSession }),
      ended: (one) => this.#ended(one),
    });
    this.#sessions.set(session.id, session);
    return session;
  }
  #freeTsih(): number {
    const used = new Set([...this.#sessions.values()].map((session) => session.tsih));
    do this.#lastTsih = (this.#lastTsih % 0xffff) + 1;
    while (used.has(this.#lastTsih)); // sessionsMax is far below 65535
    return this.#lastTsih;
  }
  #ended(session: Session): void {
    this.#sessions.delete(session.id);
    this.#maybeEmptied();
  }

  // --- end --------------------------------------------------------------------------------------------------------------

  /** Asks all initiators to log out, waits up to `graceMs` for them, then closes everything. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#portals.keys()].map(async (id) => await this.removePortal(id)));
    for (const connection of this.#connections) {
      if (connection.isLoggedIn) connection.requestLogout(Math.ceil(graceMs / 1000));
      else connection.drop('shutdown');
    }
    await this.#waitUntilEmpty(graceMs);
    await Promise.all([...this.#sessions.values()].map(async (session) => await this.#drop(session)));
    for (const connection of this.#connections) connection.drop('shutdown');
  }
  async #waitUntilEmpty(graceMs: number): Promise<void> {
    if (this.#connections.size === 0 && this.#sessions.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.clock.after(graceMs, resolve);
      this.#emptied.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }
  #maybeEmptied(): void {
    if (this.#connections.size > 0 || this.#sessions.size > 0) return;
    const emptied = this.#emptied;
    this.#emptied = [];
    for (const resolve of emptied) resolve();
  }
}

/** Whoever opens many sockets and does not log in pays for it, and not those who come from elsewhere. */
function oldestOfBusiestHost(connections: readonly Connection[]): Connection | undefined {
  const counts = new Map<string, number>();
  for (const { remoteHost } of connections) counts.set(remoteHost, (counts.get(remoteHost) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return connections.find(({ remoteHost }) => counts.get(remoteHost) === most);
}
