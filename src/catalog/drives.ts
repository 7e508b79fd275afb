/** Drives: what sits in the drive elements. */
import type { Columns, Connection, RowOf } from './table.js';
import { found, integer, optional, table, text } from './table.js';

const columns = {
  id: text('id'),
  libraryId: text('library_id'),
  index: integer('idx'),
  personality: text('personality'),
  vendor: optional(text('vendor')),
  product: optional(text('product')),
  revision: optional(text('revision')),
  serial: text('serial'),
  naa: text('naa'),
  createdMs: integer('created_ms'),
} as const satisfies Columns;

/** `index` is the drive element's, from 0. `vendor`, `product` and `revision` override the personality's. */
export type DriveRow = RowOf<typeof columns>;

const drives = table('drives', columns);

export class Drives {
  readonly #connection: Connection;
  constructor(connection: Connection) {
    this.#connection = connection;
  }
  /** In element order. */
  async list(libraryId: string): Promise<DriveRow[]> {
    return await drives.all(this.#connection, 'WHERE library_id = ? ORDER BY idx', [libraryId]);
  }
  async find(id: string): Promise<DriveRow | undefined> {
    return await drives.first(this.#connection, 'WHERE id = ?', [id]);
  }
  async get(id: string): Promise<DriveRow> {
    return found(await this.find(id), 'drive', id);
  }
  /** The element must be there and have no drive. */
  async create(row: DriveRow): Promise<void> {
    await drives.insert(this.#connection, row);
  }
  async set(id: string, changes: Partial<Omit<DriveRow, 'id' | 'libraryId' | 'index'>>): Promise<void> {
    await drives.update(this.#connection, changes, 'id = ?', [id]);
  }
  async remove(id: string): Promise<void> {
    await drives.remove(this.#connection, 'id = ?', [id]);
  }
}
