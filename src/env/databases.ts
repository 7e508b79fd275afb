/** SQLite through the sqlite3 package; the only place that imports it. Whoever opens a database here is its only user. */
import { chmod } from 'node:fs/promises';
import type sqlite3 from 'sqlite3';
import { StoreError } from '../errors.js';
import type { Database, Databases, SqlValue } from './env.js';

class SqliteDatabase implements Database {
  readonly #handle: sqlite3.Database;
  readonly #path: string;
  constructor(handle: sqlite3.Database, path: string) {
    this.#handle = handle;
    this.#path = path;
  }
  async #call<T>(start: (done: (error: Error | null, result?: T) => void) => void): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      start((cause, result) => {
        if (cause === null) resolve(result as T);
        else reject(new StoreError('io', `Database: ${cause.message}`, { path: this.#path }, { cause }));
      });
    });
  }
  async run(sql: string, parameters: readonly SqlValue[] = []): Promise<void> {
    await this.#call((done) => this.#handle.run(sql, parameters, (error: Error | null) => done(error)));
  }
  async all<Row>(sql: string, parameters: readonly SqlValue[] = []): Promise<Row[]> {
    return await this.#call<Row[]>((done) => this.#handle.all(sql, parameters, done));
  }
  async script(sql: string): Promise<void> {
    await this.#call((done) => this.#handle.exec(sql, (error: Error | null) => done(error)));
  }
  async close(): Promise<void> {
    await this.#call((done) => this.#handle.close((error) => done(error)));
  }
}

export const realDatabases: Databases = {
  async open(path) {
    // Native code, needed by the daemon alone: loaded late, so that every other command starts fast.
    const { default: sqlite } = await import('sqlite3');
    const handle = await new Promise<sqlite3.Database>((resolve, reject) => {
      const opened: sqlite3.Database = new sqlite.Database(path, (cause) => {
        if (cause === null) resolve(opened);
        else reject(new StoreError('io', `Opening the database ${path} failed`, { path }, { cause }));
      });
    });
    // Queries of one handle would otherwise run in any order on pool threads.
    handle.serialize();
    if (path !== ':memory:') await chmod(path, 0o600);
    return new SqliteDatabase(handle, path);
  },
};
