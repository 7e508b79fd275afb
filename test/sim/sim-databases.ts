/**
 * Databases of a simulated machine: real SQLite in memory, which a crash keeps as it was at the last commit. Calls take
 * simulated time; whether one happened is open until its answer comes.
 */
import { type Database, type Databases, realEnv, type SqlValue } from '#env';
import type { Life, Scheduler } from './sim-clock.js';

export class SimDatabaseWorld {
  readonly #scheduler: Scheduler;
  readonly #open = new Map<string, Database>();
  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  databasesOf(life: Life): Databases {
    return { open: async (path) => await this.#openFor(life, path) };
  }
  /** The process died: what it had not committed is gone. */
  async crash(): Promise<void> {
    // With no transaction open, ROLLBACK is refused, and that is all right.
    await this.#scheduler.outside(async () => {
      for (const database of this.#open.values()) await database.run('ROLLBACK').catch(() => undefined);
    });
  }
  async close(): Promise<void> {
    for (const database of this.#open.values()) await database.close();
    this.#open.clear();
  }

  async #openFor(life: Life, path: string): Promise<Database> {
    const before = this.#open.get(path);
    const real =
      before ?? (await this.#scheduler.outside(async () => await realEnv().databases.open(':memory:')));
    this.#open.set(path, real);
    const call = async <T>(work: () => Promise<T>): Promise<T> => await this.#call(life, work);
    return {
      run: async (sql: string, parameters?: readonly SqlValue[]) =>
        await call(async () => await real.run(sql, parameters)),
      all: async <Row>(sql: string, parameters?: readonly SqlValue[]) =>
        await call(async () => await real.all<Row>(sql, parameters)),
      script: async (sql) => await call(async () => await real.script(sql)),
      close: async () => await Promise.resolve(), // the file stays
    };
  }
  async #call<T>(life: Life, work: () => Promise<T>): Promise<T> {
    const { random } = this.#scheduler;
    // Calls of one connection happen in their order, so the delay is after the work, where nobody else sees it.
    const result = await this.#scheduler.outside(work).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    await this.#scheduler.delay(life, 0.01, random.chance(0.05) ? 5 : 0.1);
    if ('error' in result) throw result.error;
    return result.value;
  }
}
