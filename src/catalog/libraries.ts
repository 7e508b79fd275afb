/** Libraries and their elements. */
import type { Connection } from './table.js';
import { found, integer, optional, type RowOf, table, text, type Columns } from './table.js';

export type ElementKind = 'robot' | 'slot' | 'mail' | 'drive';

const columns = {
  id: text('id'),
  name: text('name'),
  personality: text('personality'),
  vendor: optional(text('vendor')),
  product: optional(text('product')),
  revision: optional(text('revision')),
  serial: text('serial'),
  naa: text('naa'),
  createdMs: integer('created_ms'),
} as const satisfies Columns;

/** `vendor`, `product` and `revision` override the personality's. `naa`: 16 hexadecimal digits. */
export type LibraryRow = RowOf<typeof columns>;
export type ElementCounts = Readonly<Record<ElementKind, number>>;

const libraries = table('libraries', columns);

export class Libraries {
  readonly #connection: Connection;
  constructor(connection: Connection) {
    this.#connection = connection;
  }
  async list(): Promise<LibraryRow[]> {
    return await libraries.all(this.#connection, 'ORDER BY created_ms, name');
  }
  async find(id: string): Promise<LibraryRow | undefined> {
    return await libraries.first(this.#connection, 'WHERE id = ?', [id]);
  }
  async findByName(name: string): Promise<LibraryRow | undefined> {
    return await libraries.first(this.#connection, 'WHERE name = ?', [name]);
  }
  async get(id: string): Promise<LibraryRow> {
    return found(await this.find(id), 'library', id);
  }
  /** Elements are added apart: `addElements`. */
  async create(row: LibraryRow): Promise<void> {
    await libraries.insert(this.#connection, row);
  }
  async set(id: string, changes: Partial<Omit<LibraryRow, 'id'>>): Promise<void> {
    await libraries.update(this.#connection, changes, 'id = ?', [id]);
  }
  /** Fails while it has drives or cartridges; its elements go with it. */
  async remove(id: string): Promise<void> {
    await libraries.remove(this.#connection, 'id = ?', [id]);
  }

  async counts(id: string): Promise<ElementCounts> {
    const rows = await this.#connection.all<{ kind: ElementKind; count: number }>(
      'SELECT kind, count(*) AS count FROM elements WHERE library_id = ? GROUP BY kind',
      [id],
    );
    const of = (kind: ElementKind): number => rows.find((row) => row.kind === kind)?.count ?? 0;
    return { robot: of('robot'), slot: of('slot'), mail: of('mail'), drive: of('drive') };
  }
  /** Adds `count` elements of a kind, the first with index `from`, which is the present count. */
  async addElements(id: string, kind: ElementKind, from: number, count: number): Promise<void> {
    await this.#connection.run(
      `WITH RECURSIVE new (idx) AS (SELECT ?3 WHERE ?4 > 0 UNION ALL SELECT idx + 1 FROM new WHERE idx + 1 < ?3 + ?4)
       INSERT INTO elements (library_id, kind, idx) SELECT ?1, ?2, idx FROM new`,
      [id, kind, from, count],
    );
  }
  /** Removes the elements of a kind from index `from` up. Fails when one holds a cartridge or a drive. */
  async removeElements(id: string, kind: ElementKind, from: number): Promise<void> {
    await this.#connection.run('DELETE FROM elements WHERE library_id = ? AND kind = ? AND idx >= ?', [
      id,
      kind,
      from,
    ]);
  }
}
