/**
 * Catalog: what the silo has, in one SQLite database. The only layer with SQL.
 *
 * One connection, used by one caller at a time: a transaction keeps everyone else waiting, so nobody sees half of it.
 * Durable when a call resolves (WAL with synchronous=FULL). Errors are StoreError: 'io', with the constraint that refused
 * in the message and `cause`; 'missing' from `get`; 'broken' for a catalog that a newer release has written, and for every
 * call after a transaction that could neither be finished nor undone (S6): what follows would become part of it.
 */
import type { Database, Env } from '#env';
import { StoreError } from '../errors.js';
import { Access } from './access.js';
import { Cartridges } from './cartridges.js';
import { Drives } from './drives.js';
import { StorageGroups } from './groups.js';
import { Libraries } from './libraries.js';
import { migrations } from './migrations.js';
import { Ndmp } from './ndmp.js';
import { PersistedBytes, Settings } from './settings.js';
import type { Connection } from './table.js';
import { Portals, Targets } from './targets.js';

/** The table families, over one connection. */
export class Tables {
  readonly libraries: Libraries;
  readonly drives: Drives;
  readonly cartridges: Cartridges;
  readonly groups: StorageGroups;
  readonly targets: Targets;
  readonly portals: Portals;
  readonly access: Access;
  readonly ndmp: Ndmp;
  readonly persistence: PersistedBytes;
  readonly settings: Settings;

  constructor(connection: Connection) {
    this.libraries = new Libraries(connection);
    this.drives = new Drives(connection);
    this.cartridges = new Cartridges(connection);
    this.groups = new StorageGroups(connection);
    this.targets = new Targets(connection);
    this.portals = new Portals(connection);
    this.access = new Access(connection);
    this.ndmp = new Ndmp(connection);
    this.persistence = new PersistedBytes(connection);
    this.settings = new Settings(connection);
  }
}

/** One caller after another. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #stopped = false;

  /** Resolves when every turn that was asked for is over. */
  async ended(): Promise<void> {
    await this.#last;
  }
  /** Nobody gets a turn any more. */
  stop(): void {
    this.#stopped = true;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const turn = before.then(async () => {
      if (this.#stopped) throw new StoreError('broken', 'The catalog failed in the middle of a transaction');
      return await work();
    });
    this.#last = turn.catch(() => undefined); // whoever asked for the turn gets the error
    return await turn;
  }
}

export class Catalog extends Tables {
  readonly #database: Database;
  readonly #turns: Turns;

  private constructor(database: Database, turns: Turns) {
    super({
      run: async (sql, parameters) => await turns.take(async () => await database.run(sql, parameters)),
      all: async <Row>(sql: string, parameters?: Parameters<Database['all']>[1]) =>
        await turns.take(async () => await database.all<Row>(sql, parameters)),
    });
    this.#database = database;
    this.#turns = turns;
  }

  /** Opens or makes the database (":memory:" for one that is forgotten) and brings its schema up to date. */
  static async open(env: Pick<Env, 'databases'>, path: string): Promise<Catalog> {
    const database = await env.databases.open(path);
    try {
      await database.script(
        `PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;
         PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA wal_autocheckpoint = 1000;`,
      );
      await migrate(database);
    } catch (error) {
      await database.close();
      throw error;
    }
    return new Catalog(database, new Turns());
  }

  /**
   * Runs `work` as one transaction: all of it happens, durably, or nothing. Transactions run one after another. `work`
   * uses the tables that it is given, never the catalog's own: it would wait for itself. (Not asserted: what could tell,
   * AsyncLocalStorage, slows every promise of the process by a third.)
   */
  async transaction<T>(work: (tables: Tables) => Promise<T>): Promise<T> {
    return await this.#turns.take(async () => await this.#inTransaction(work));
  }
  async #inTransaction<T>(work: (tables: Tables) => Promise<T>): Promise<T> {
    await this.#database.run('BEGIN IMMEDIATE');
    try {
      const result = await work(new Tables(this.#database));
      await this.#database.run('COMMIT');
      return result;
    } catch (error) {
      await this.#undo();
      throw error;
    }
  }
  async #undo(): Promise<void> {
    try {
      await this.#database.run('ROLLBACK');
    } catch (error) {
      // Some failures (a full disk) have rolled back already, and then there is nothing to roll back.
      if (!String(error).includes('no transaction is active')) this.#turns.stop();
    }
  }

  /** Problems that SQLite finds in its file; none when it is sound. */
  async check(): Promise<string[]> {
    const problems = await this.#turns.take(async () => [
      ...(await this.#database.all<{ integrity_check: string }>('PRAGMA integrity_check')).map(
        (row) => row.integrity_check,
      ),
      ...(await this.#database.all<{ table: string; rowid: number }>('PRAGMA foreign_key_check')).map(
        (row) => `a row of ${row.table} refers to something that is not there`,
      ),
    ]);
    return problems.filter((problem) => problem !== 'ok');
  }
  /** Waits for what was asked before. */
  async close(): Promise<void> {
    await this.#turns.ended();
    await this.#database.close();
  }
}

async function migrate(database: Database): Promise<void> {
  const [row] = await database.all<{ user_version: number }>('PRAGMA user_version');
  const version = row?.user_version ?? 0;
  if (version > migrations.length) {
    throw new StoreError(
      'broken',
      `The catalog has schema ${version}; this release knows ${migrations.length}`,
      {
        version,
        known: migrations.length,
      },
    );
  }
  for (const [step, sql] of migrations.entries()) {
    if (step < version) continue;
    try {
      await database.script(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${step + 1}; COMMIT;`);
    } catch (error) {
      await database.run('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }
}
