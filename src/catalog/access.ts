/** Who may log in: CHAP accounts and initiator lists. Secrets are kept as they are: CHAP needs them (the file is 0600). */
import type { Columns, Connection, RowOf } from './table.js';
import { blob, integer, json, optional, table, text } from './table.js';
import { nextId } from './targets.js';

const accountColumns = {
  id: integer('id'),
  targetId: optional(text('target_id')),
  direction: text<'initiator' | 'target'>('direction'),
  user: text('user'),
  secret: blob('secret'),
} as const satisfies Columns;
/** No target: for discovery sessions. Direction: who proves itself with it; `target` is the mutual half. */
export type ChapAccountRow = RowOf<typeof accountColumns>;

const initiatorColumns = {
  id: integer('id'),
  targetId: text('target_id'),
  name: optional(text('name')),
  address: optional(text('address')),
  luns: optional(json<readonly number[]>('luns')),
} as const satisfies Columns;
/** Admits an exact iSCSI name, an address or CIDR range, or their pair; `luns` limits what it sees, all when absent. */
export type InitiatorRow = RowOf<typeof initiatorColumns>;

const accounts = table('chap_accounts', accountColumns);
const initiators = table('initiators', initiatorColumns);

export class Access {
  readonly #connection: Connection;
  constructor(connection: Connection) {
    this.#connection = connection;
  }
  /** Of one target, or of discovery when undefined. */
  async accounts(targetId: string | undefined): Promise<ChapAccountRow[]> {
    return await accounts.all(this.#connection, 'WHERE target_id IS ? ORDER BY id', [targetId ?? null]);
  }
  async addAccount(row: Omit<ChapAccountRow, 'id'>): Promise<number> {
    const id = await nextId(this.#connection, 'chap_accounts');
    await accounts.insert(this.#connection, { ...row, id });
    return id;
  }
  async setSecret(id: number, secret: Buffer): Promise<void> {
    await accounts.update(this.#connection, { secret }, 'id = ?', [id]);
  }
  async removeAccount(id: number): Promise<void> {
    await accounts.remove(this.#connection, 'id = ?', [id]);
  }

  async initiators(targetId: string): Promise<InitiatorRow[]> {
    return await initiators.all(this.#connection, 'WHERE target_id = ? ORDER BY id', [targetId]);
  }
  async addInitiator(row: Omit<InitiatorRow, 'id'>): Promise<number> {
    const id = await nextId(this.#connection, 'initiators');
    await initiators.insert(this.#connection, { ...row, id });
    return id;
  }
  async setInitiator(id: number, changes: Partial<Omit<InitiatorRow, 'id' | 'targetId'>>): Promise<void> {
    await initiators.update(this.#connection, changes, 'id = ?', [id]);
  }
  async removeInitiator(id: number): Promise<void> {
    await initiators.remove(this.#connection, 'id = ?', [id]);
  }
}
