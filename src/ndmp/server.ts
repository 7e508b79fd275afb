/**
 * NdmpServer: portals, connections with their sessions, and the end of both: the face of this layer.
 *
 * A session is a connection (spec4 2.2): there is nothing to resume, so whoever loses it begins again, and what it had is free.
 */
import { oldestOfBusiest } from './crowd.js';
import type { Address, Link, Listener, TlsIdentity, TlsListener } from '#env';
import { ndmpSessionsMax, ndmpStrangersMax } from '#limits';
import { Connection, type ConnectionHost, turnAway } from './connection.js';
import { OpenDevices } from './devices.js';
import { Lingering } from './lingering.js';
import { MessageMemory } from './message-memory.js';
import type { NdmpPortalView, NdmpServerOptions, NdmpSessionView } from './server-options.js';

export interface NdmpPortalSpec {
  /** Port 0 is any free one. */
  readonly address: Address;
  /** The whole connection in TLS. */
  readonly tls?: TlsIdentity;
}
interface Portal {
  readonly view: NdmpPortalView;
  readonly listener: Listener | TlsListener;
}

export class NdmpServer implements ConnectionHost {
  readonly options: NdmpServerOptions;
  readonly openDevices = new OpenDevices();
  readonly lingering = new Lingering();
  readonly messageMemory = new MessageMemory();
  readonly #portals = new Map<number, Portal>();
  readonly #connections = new Map<number, Connection>();
  #lastPortal = 0;
  #lastSession = 0;
  #closing = false;
  #emptied: (() => void)[] = [];

  constructor(options: NdmpServerOptions) {
    this.options = options;
  }

  // --- portals --------------------------------------------------------------------------------------------------------------

  /** Rejects with StoreError 'io' when it cannot listen there. */
  async addPortal({ address, tls }: NdmpPortalSpec): Promise<NdmpPortalView> {
    const { net } = this.options.env;
    const accept = (link: Link): void => this.#accept(link, tls !== undefined);
    const listener = await (tls === undefined
      ? net.listen(address, accept)
      : net.listenTls(address, tls, accept));
    this.#lastPortal += 1;
    const view = { id: this.#lastPortal, address: listener.address, tls: tls !== undefined };
    this.#portals.set(view.id, { view, listener });
    return view;
  }
  /** Another certificate, for connections from now on. */
  renewTls(id: number, identity: TlsIdentity): void {
    const listener = this.#portals.get(id)?.listener;
    if (listener !== undefined && 'use' in listener) listener.use(identity);
  }
  /** Stops listening; connections that came through it stay. */
  async removePortal(id: number): Promise<void> {
    const portal = this.#portals.get(id);
    this.#portals.delete(id);
    await portal?.listener.close();
  }
  portals(): NdmpPortalView[] {
    return [...this.#portals.values()].map(({ view }) => view);
  }

  #accept(link: Link, tls: boolean): void {
    const { log } = this.options.env;
    if (this.#closing || this.#connections.size >= ndmpSessionsMax) {
      log.warn('NDMP connection refused: too many', { connections: this.#connections.size });
      turnAway(link, this.options, 'too many connections, or the server is stopping');
      return;
    }
    const strangers = [...this.#connections.values()].filter(({ isStranger }) => isStranger);
    if (strangers.length >= ndmpStrangersMax)
      oldestOfBusiest(strangers)?.drop('too many who do not authenticate');
    this.#lastSession += 1;
    const connection = new Connection(this.#lastSession, this, link, tls);
    this.#connections.set(connection.id, connection);
    connection.start();
  }
  closed(connection: Connection): void {
    this.#connections.delete(connection.id);
    this.#maybeEmptied();
  }

  // --- sessions -------------------------------------------------------------------------------------------------------------

  /** Oldest first; those that have ended are none, though the peer is still being told. */
  sessions(): NdmpSessionView[] {
    return [...this.#connections.values()]
      .filter(({ hasEnded }) => !hasEnded)
      .map((connection) => viewOf(connection));
  }
  /** Tells the client and ends the session; its devices are free when it returns. False when there is none. */
  dropSession(id: number): boolean {
    const connection = this.#connections.get(id);
    connection?.shutdown('dropped by an operator');
    return connection !== undefined;
  }

  // --- end ------------------------------------------------------------------------------------------------------------------

  /** Tells all clients, waits up to `graceMs` for them to go, then closes everything. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#portals.keys()].map(async (id) => await this.removePortal(id)));
    for (const connection of this.#connections.values()) connection.shutdown('the server is stopping');
    await this.#waitUntilEmpty(graceMs);
    for (const connection of this.#connections.values()) connection.drop('shutdown');
  }
  async #waitUntilEmpty(graceMs: number): Promise<void> {
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.options.env.clock.after(graceMs, resolve);
      this.#emptied.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }
  #maybeEmptied(): void {
    if (this.#connections.size > 0) return;
    const emptied = this.#emptied;
    this.#emptied = [];
    for (const resolve of emptied) resolve();
  }
}

function viewOf({ id, peer, local, tls, session, requests, bytesIn, bytesOut }: Connection): NdmpSessionView {
  const { connect, tape, scsi, openedAtMs, version } = session;
  return {
    id,
    peer,
    local,
    tls,
    openedAtMs,
    version,
    user: connect.user,
    authorized: connect.isAuthorized,
    tape: tape.open?.device.name,
    tapeMode: tape.open?.mode,
    scsi: scsi.open?.name,
    mover: session.mover.view,
    data: session.data.view,
    requests,
    bytesIn,
    bytesOut,
  };
}
