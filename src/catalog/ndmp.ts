/**
 * NDMP: users, roots of the DATA service, networks that image streams may reach, and portals. Secrets are kept as they are:
 * the MD5 challenge needs them (the file is 0600).
 */
import type { Columns, Connection, RowOf } from './table.js';
import { blob, boolean, integer, table, text } from './table.js';

const userColumns = {
  name: text('name'),
  secret: blob('secret'),
  enabled: boolean('enabled'),
  createdMs: integer('created_ms'),
} as const satisfies Columns;
export type NdmpUserRow = RowOf<typeof userColumns>;

const rootColumns = {
  name: text('name'),
  path: text('path'),
  readOnly: boolean('read_only'),
  createdMs: integer('created_ms'),
} as const satisfies Columns;
/** `path` is absolute. */
export type NdmpRootRow = RowOf<typeof rootColumns>;

const networkColumns = {
  network: text('network'),
  createdMs: integer('created_ms'),
} as const satisfies Columns;
/** An address or a network as CIDR. */
export type NdmpNetworkRow = RowOf<typeof networkColumns>;

const portalColumns = {
  host: text('host'),
  port: integer('port'),
  tls: boolean('tls'),
} as const satisfies Columns;
export type NdmpPortalRow = RowOf<typeof portalColumns>;

const users = table('ndmp_users', userColumns);
const roots = table('ndmp_roots', rootColumns);
const networks = table('ndmp_networks', networkColumns);
const portals = table('ndmp_portals', portalColumns);

export class Ndmp {
  readonly #connection: Connection;
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async users(): Promise<NdmpUserRow[]> {
    return await users.all(this.#connection, 'ORDER BY name');
  }
  async addUser(row: NdmpUserRow): Promise<void> {
    await users.insert(this.#connection, row);
  }
  async setUser(name: string, changes: Partial<Pick<NdmpUserRow, 'secret' | 'enabled'>>): Promise<void> {
    await users.update(this.#connection, changes, 'name = ?', [name]);
  }
  async removeUser(name: string): Promise<void> {
    await users.remove(this.#connection, 'name = ?', [name]);
  }

  async roots(): Promise<NdmpRootRow[]> {
    return await roots.all(this.#connection, 'ORDER BY path');
  }
  async addRoot(row: NdmpRootRow): Promise<void> {
    await roots.insert(this.#connection, row);
  }
  async setRoot(name: string, changes: Partial<Pick<NdmpRootRow, 'readOnly'>>): Promise<void> {
    await roots.update(this.#connection, changes, 'name = ?', [name]);
  }
  async removeRoot(name: string): Promise<void> {
    await roots.remove(this.#connection, 'name = ?', [name]);
  }

  async networks(): Promise<NdmpNetworkRow[]> {
    return await networks.all(this.#connection, 'ORDER BY created_ms, network');
  }
  async addNetwork(row: NdmpNetworkRow): Promise<void> {
    await networks.insert(this.#connection, row);
  }
  async removeNetwork(network: string): Promise<void> {
    await networks.remove(this.#connection, 'network = ?', [network]);
  }

  async portals(): Promise<NdmpPortalRow[]> {
    return await portals.all(this.#connection, 'ORDER BY tls, host, port');
  }
  async addPortal(row: NdmpPortalRow): Promise<void> {
    await portals.insert(this.#connection, row);
  }
  async removePortal({ host, port }: Pick<NdmpPortalRow, 'host' | 'port'>): Promise<void> {
    await portals.remove(this.#connection, 'host = ? AND port = ?', [host, port]);
  }
}
