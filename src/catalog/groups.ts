/** Storage groups: where the volumes of cartridges are. What is in them is theirs to say (src/store). */
import type { Columns, Connection, RowOf } from './table.js';
import { boolean, found, integer, optional, table, text } from './table.js';

export type StoreKind = 'plain' | 'dedup';
export type GroupDensity = 'adaptive' | 'fast' | 'dense' | 'none';
export type KeyKind = 'passphrase' | 'file' | 'command';

const columns = {
  id: text('id'),
  name: text('name'),
  kind: text<StoreKind>('kind'),
  folder: text('folder'),
  storeId: optional(text('store_id')),
  made: boolean('made'),
  isDefault: boolean('is_default'),
  quotaBytes: optional(integer('quota_bytes')),
  density: text<GroupDensity>('density'),
  keyKind: optional(text<KeyKind>('key_kind')),
  keyPlace: optional(text('key_place')),
  createdMs: integer('created_ms'),
} as const satisfies Columns;

/**
 * `folder` is absolute, or within the home. `storeId` is what the store in it calls itself; no other is taken for it. Not
 * `made`: its store may not be there yet. `keyKind`: it is encrypted, and where its key comes from, `keyPlace` being the file
 * or the command; never a secret.
 */
export type GroupRow = RowOf<typeof columns>;

const groups = table('storage_groups', columns);

export class StorageGroups {
  readonly #connection: Connection;
  constructor(connection: Connection) {
    this.#connection = connection;
  }
  /** In the order in which they were made. */
  async list(): Promise<GroupRow[]> {
    return await groups.all(this.#connection, 'ORDER BY created_ms, name');
  }
  async find(id: string): Promise<GroupRow | undefined> {
    return await groups.first(this.#connection, 'WHERE id = ?', [id]);
  }
  async get(id: string): Promise<GroupRow> {
    return found(await this.find(id), 'storage group', id);
  }
  async create(row: GroupRow): Promise<void> {
    await groups.insert(this.#connection, row);
  }
  async set(id: string, changes: Partial<Omit<GroupRow, 'id' | 'isDefault'>>): Promise<void> {
    await groups.update(this.#connection, changes, 'id = ?', [id]);
  }
  /** There is one default at a time; within a transaction. */
  async makeDefault(id: string): Promise<void> {
    await groups.update(this.#connection, { isDefault: false }, 'is_default = ?', [1]);
    await groups.update(this.#connection, { isDefault: true }, 'id = ?', [id]);
  }
  /** Fails while a cartridge is in it. */
  async remove(id: string): Promise<void> {
    await groups.remove(this.#connection, 'id = ?', [id]);
  }
}
