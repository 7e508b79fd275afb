/**
 * GroupWork: what is done to a storage group at length: collecting, optimizing, scrubbing. One thing at a time; it runs in the
 * daemon whether somebody waits for it or not, and what came of the last one is kept until the next.
 */
import type { Env, Logger } from '#env';
import { CanceledError, RefusedError, TapesiloError } from '#errors';
import { failureOf } from './faults.table.js';
import type { Failure } from './protocol.js';

export type WorkKind = 'optimize' | 'collect' | 'scrub' | 'verify';
/** What came of it, for a person and for a program. */
export interface WorkReport {
  readonly summary: string;
  /** It is done, but not all is well. */
  readonly warning?: string;
  readonly [fact: string]: unknown;
}
export interface WorkControls {
  readonly signal: AbortSignal;
  /** In whatever the work counts. */
  readonly progress: (done: number, total: number) => void;
}
export interface WorkView {
  /** Counts up while the daemon runs. */
  readonly id: number;
  readonly group: string;
  readonly work: WorkKind;
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  /** Of the whole, while it runs and can tell. */
  readonly percent?: number;
  readonly seconds: number;
  readonly report?: WorkReport;
  readonly error?: Failure;
}

const doing: Readonly<Record<WorkKind, string>> = {
  optimize: 'being optimized',
  collect: 'being collected',
  scrub: 'being scrubbed',
  verify: 'in use: a cartridge of it is being verified',
};

export class GroupWork {
  readonly #env: Pick<Env, 'clock'>;
  readonly #log: Logger;
  #id = 0;
  #view: Omit<WorkView, 'group' | 'seconds'> | undefined;
  #startedMs = 0;
  #endedMs: number | undefined;
  #abort: AbortController | undefined;
  #running: Promise<void> | undefined;

  constructor(env: Pick<Env, 'clock'>, log: Logger) {
    this.#env = env;
    this.#log = log;
  }

  /** What is done, or was done last. */
  view(group: string): WorkView | undefined {
    if (this.#view === undefined) return undefined;
    const endMs = this.#endedMs ?? this.#env.clock.monotonicMs();
    return { ...this.#view, group, seconds: Math.round((endMs - this.#startedMs) / 100) / 10 };
  }
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** RefusedError 'conflict' while something else is done. */
  start(group: string, work: WorkKind, run: (controls: WorkControls) => Promise<WorkReport>): void {
    if (this.#running !== undefined && this.#view !== undefined) {
      const way = `see \`tapesilo group show ${group}\`, or stop it with \`tapesilo group stop ${group}\``;
      throw new RefusedError('conflict', `Storage group ${group} is ${doing[this.#view.work]}: ${way}`);
    }
    this.#id += 1;
    this.#startedMs = this.#env.clock.monotonicMs();
    this.#endedMs = undefined;
    const abort = new AbortController();
    this.#abort = abort;
    const begun = { id: this.#id, work };
    this.#view = { ...begun, state: 'running' };
    const progress = (done: number, total: number): void => {
      if (total > 0) this.#view = { ...begun, state: 'running', percent: Math.floor((100 * done) / total) };
    };
    const end = (rest: Pick<WorkView, 'state' | 'report' | 'error'>): void => {
      this.#view = { ...begun, ...rest };
    };
    this.#running = run({ signal: abort.signal, progress })
      .then(
        (report) => end({ state: 'done', report }),
        (error: unknown) => {
          if (!(error instanceof TapesiloError)) throw error;
          end({ state: error instanceof CanceledError ? 'stopped' : 'failed', error: failureOf(error) });
          if (!(error instanceof CanceledError))
            this.#log.error(`${work} failed: ${error.message}`, { group });
        },
      )
      .finally(() => {
        this.#endedMs = this.#env.clock.monotonicMs();
        this.#running = undefined;
      });
  }
  /** Resolves when nothing is done any more. */
  async stop(): Promise<void> {
    this.#abort?.abort();
    await this.#running;
  }
}
