/** Settings by name, and bytes that devices keep across restarts (saved mode pages, APTPL registrations). */
import type { Connection } from './table.js';

export class Settings {
  readonly #connection: Connection;
  constructor(connection: Connection) {
    this.#connection = connection;
  }
  async get(key: string): Promise<string | undefined> {
    const rows = await this.#connection.all<{ value: string }>('SELECT value FROM settings WHERE key = ?', [
      key,
    ]);
    return rows[0]?.value;
  }
  async all(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#connection.all<{ key: string; value: string }>(
      'SELECT key, value FROM settings ORDER BY key',
    );
    return new Map(rows.map(({ key, value }) => [key, value]));
  }
  async set(key: string, value: string): Promise<void> {
    await this.#connection.run('INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)', [key, value]);
  }
  async remove(key: string): Promise<void> {
    await this.#connection.run('DELETE FROM settings WHERE key = ?', [key]);
  }
}

/** Has the shape of the Persistence face of src/scsi. */
export interface DevicePersistence {
  load(key: string): Promise<Buffer | undefined>;
  save(key: string, value: Buffer): Promise<void>;
}

export class PersistedBytes {
  readonly #connection: Connection;
  constructor(connection: Connection) {
    this.#connection = connection;
  }
  /** What the device of that id (a library's or a drive's) keeps. */
  of(deviceId: string): DevicePersistence {
    return {
      load: async (key) => {
        const rows = await this.#connection.all<{ value: Buffer }>(
          'SELECT value FROM persistence WHERE device_id = ? AND key = ?',
          [deviceId, key],
        );
        return rows[0]?.value;
      },
      save: async (key, value) => {
        await this.#connection.run(
          'INSERT OR REPLACE INTO persistence (device_id, key, value) VALUES (?, ?, ?)',
          [deviceId, key, value],
        );
      },
    };
  }
  async forget(deviceId: string): Promise<void> {
    await this.#connection.run('DELETE FROM persistence WHERE device_id = ?', [deviceId]);
  }
}
