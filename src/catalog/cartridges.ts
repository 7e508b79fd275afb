/** Cartridges and where they are. */
import type { ElementKind } from './libraries.js';
import type { Columns, Connection, RowOf } from './table.js';
import { boolean, found, integer, optional, table, text } from './table.js';

const columns = {
  id: text('id'),
  barcode: text('barcode'),
  medium: text('medium'),
  worm: boolean('worm'),
  writeProtected: boolean('protected'),
  cleaningUses: optional(integer('cleaning_uses')),
  sizeBytes: integer('size_bytes'),
  usedBytes: integer('used_bytes'),
  groupId: optional(text('group_id')),
  volumeId: text('volume_id'),
  createdMs: integer('created_ms'),
  libraryId: optional(text('library_id')),
  elementKind: optional(text<ElementKind>('element_kind')),
  elementIndex: optional(integer('element_index')),
  sourceKind: optional(text<ElementKind>('source_kind')),
  sourceIndex: optional(integer('source_index')),
  byOperator: boolean('by_operator'),
  alternateTag: optional(text('alternate_tag')),
  alternateSequence: optional(integer('alternate_sequence')),
} as const satisfies Columns;

/**
 * `medium` is the name of a row of the media table. `cleaningUses` is there for cleaning cartridges: uses that are left.
 * `usedBytes` is as of its last unload. `volumeId` names its volume in the storage group `groupId`, which all have but cleaning
 * cartridges. No library: the cartridge is on the shelf. The source is the element (of the same library) that it was moved
 * from last; `byOperator`: an operator put it where it is.
 * The alternate tag is a name that a host gave it, besides the barcode.
 */
export type CartridgeRow = RowOf<typeof columns>;

/** Where a cartridge is or goes. */
export interface Place {
  readonly libraryId: string;
  readonly kind: ElementKind;
  readonly index: number;
}
export interface Arrival {
  readonly source?: { readonly kind: ElementKind; readonly index: number } | undefined;
  readonly byOperator: boolean;
}

const cartridges = table('cartridges', columns);
const inElementOrder = 'ORDER BY element_kind, element_index, barcode';

export class Cartridges {
  readonly #connection: Connection;
  constructor(connection: Connection) {
    this.#connection = connection;
  }
  async list(): Promise<CartridgeRow[]> {
    return await cartridges.all(this.#connection, 'ORDER BY barcode');
  }
  async inLibrary(libraryId: string): Promise<CartridgeRow[]> {
    return await cartridges.all(this.#connection, `WHERE library_id = ? ${inElementOrder}`, [libraryId]);
  }
  async onShelf(): Promise<CartridgeRow[]> {
    return await cartridges.all(this.#connection, 'WHERE library_id IS NULL ORDER BY barcode');
  }
  async find(id: string): Promise<CartridgeRow | undefined> {
    return await cartridges.first(this.#connection, 'WHERE id = ?', [id]);
  }
  async findByBarcode(barcode: string): Promise<CartridgeRow | undefined> {
    return await cartridges.first(this.#connection, 'WHERE barcode = ?', [barcode]);
  }
  async get(id: string): Promise<CartridgeRow> {
    return found(await this.find(id), 'cartridge', id);
  }
  async create(row: CartridgeRow): Promise<void> {
    await cartridges.insert(this.#connection, row);
  }
  async set(
    id: string,
    changes: Partial<
      Pick<
        CartridgeRow,
        | 'barcode'
        | 'writeProtected'
        | 'cleaningUses'
        | 'sizeBytes'
        | 'usedBytes'
        | 'worm'
        | 'volumeId'
        | 'alternateTag'
        | 'alternateSequence'
      >
    >,
  ): Promise<void> {
    await cartridges.update(this.#connection, changes, 'id = ?', [id]);
  }
  async remove(id: string): Promise<void> {
    await cartridges.remove(this.#connection, 'id = ?', [id]);
  }

  /** Puts it into an element that is empty. */
  async place(id: string, to: Place, arrival: Arrival): Promise<void> {
    const changes = {
      libraryId: to.libraryId,
      elementKind: to.kind,
      elementIndex: to.index,
      sourceKind: arrival.source?.kind,
      sourceIndex: arrival.source?.index,
      byOperator: arrival.byOperator,
    };
    await cartridges.update(this.#connection, changes, 'id = ?', [id]);
  }
  /** Out of its element, for the rest of a transaction that places it again. */
  async lift(id: string): Promise<void> {
    const nowhere = { libraryId: undefined, elementKind: undefined, elementIndex: undefined };
    await cartridges.update(
      this.#connection,
      { ...nowhere, sourceKind: undefined, sourceIndex: undefined },
      'id = ?',
      [id],
    );
  }
  async shelve(id: string): Promise<void> {
    const changes = {
      libraryId: undefined,
      elementKind: undefined,
      elementIndex: undefined,
      sourceKind: undefined,
      sourceIndex: undefined,
      byOperator: false,
    };
    await cartridges.update(this.#connection, changes, 'id = ?', [id]);
  }
  async countOf(groupId: string): Promise<number> {
    const [row] = await this.#connection.all<{ count: number }>(
      'SELECT count(*) AS count FROM cartridges WHERE group_id = ?',
      [groupId],
    );
    return row?.count ?? 0;
  }

  /** Sources that name an element which is going away are forgotten. */
  async forgetSources(libraryId: string, kind: ElementKind, from: number): Promise<void> {
    await this.#connection.run(
      `UPDATE cartridges SET source_kind = NULL, source_index = NULL
       WHERE library_id = ? AND source_kind = ? AND source_index >= ?`,
      [libraryId, kind, from],
    );
  }
}
