/** Targets, their LUNs, and the portals through which they are reached. */
import type { Columns, Connection, RowOf } from './table.js';
import { boolean, found, integer, optional, table, text } from './table.js';

const targetColumns = {
  id: text('id'),
  name: text('name'),
  alias: text('alias'),
  redirectAddress: optional(text('redirect_address')),
  redirectPermanent: boolean('redirect_permanent'),
  createdMs: integer('created_ms'),
} as const satisfies Columns;
/** `name` is the iSCSI name. `redirectAddress`: "host:port" that initiators are sent to instead. */
export type TargetRow = RowOf<typeof targetColumns>;

const lunColumns = {
  targetId: text('target_id'),
  lun: integer('lun'),
  libraryId: optional(text('library_id')),
  driveId: optional(text('drive_id')),
} as const satisfies Columns;
/** Exactly one is given: the changer of a library, or a drive. */
export type LunRow = RowOf<typeof lunColumns>;

const portalColumns = {
  id: integer('id'),
  host: text('host'),
  port: integer('port'),
  groupTag: integer('group_tag'),
  announceHost: optional(text('announce_host')),
  announcePort: optional(integer('announce_port')),
} as const satisfies Columns;
export type PortalRow = RowOf<typeof portalColumns>;

const targets = table('targets', targetColumns);
const luns = table('luns', lunColumns);
const portals = table('portals', portalColumns);

export class Targets {
  readonly #connection: Connection;
  constructor(connection: Connection) {
    this.#connection = connection;
  }
  async list(): Promise<TargetRow[]> {
    return await targets.all(this.#connection, 'ORDER BY created_ms, name');
  }
  async find(id: string): Promise<TargetRow | undefined> {
    return await targets.first(this.#connection, 'WHERE id = ?', [id]);
  }
  async findByName(name: string): Promise<TargetRow | undefined> {
    return await targets.first(this.#connection, 'WHERE name = ?', [name]);
  }
  async get(id: string): Promise<TargetRow> {
    return found(await this.find(id), 'target', id);
  }
  async create(row: TargetRow): Promise<void> {
    await targets.insert(this.#connection, row);
  }
  async set(id: string, changes: Partial<Omit<TargetRow, 'id'>>): Promise<void> {
    await targets.update(this.#connection, changes, 'id = ?', [id]);
  }
  /** With its LUNs, accounts and initiators. */
  async remove(id: string): Promise<void> {
    await targets.remove(this.#connection, 'id = ?', [id]);
  }

  async luns(targetId: string): Promise<LunRow[]> {
    return await luns.all(this.#connection, 'WHERE target_id = ? ORDER BY lun', [targetId]);
  }
  async addLun(row: LunRow): Promise<void> {
    await luns.insert(this.#connection, row);
  }
  async removeLun(targetId: string, lun: number): Promise<void> {
    await luns.remove(this.#connection, 'target_id = ? AND lun = ?', [targetId, lun]);
  }
}

export class Portals {
  readonly #connection: Connection;
  constructor(connection: Connection) {
    this.#connection = connection;
  }
  async list(): Promise<PortalRow[]> {
    return await portals.all(this.#connection, 'ORDER BY id');
  }
  /** Returns the id. */
  async create(row: Omit<PortalRow, 'id'>): Promise<number> {
    const id = await nextId(this.#connection, 'portals');
    await portals.insert(this.#connection, { ...row, id });
    return id;
  }
  async set(id: number, changes: Partial<Omit<PortalRow, 'id'>>): Promise<void> {
    await portals.update(this.#connection, changes, 'id = ?', [id]);
  }
  async remove(id: number): Promise<void> {
    await portals.remove(this.#connection, 'id = ?', [id]);
  }
}

/** One more than the largest in use. The catalog has one user, whose statements run one by one, so it is still free. */
export async function nextId(
  connection: Connection,
  name: 'portals' | 'chap_accounts' | 'initiators',
): Promise<number> {
  const [row] = await connection.all<{ next: number }>(`SELECT ifnull(max(id), 0) + 1 AS next FROM ${name}`);
  return row?.next ?? 1;
}
