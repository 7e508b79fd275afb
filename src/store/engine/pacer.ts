/**
 * Pacer: long work in short pieces: between two of them it ends when it is told to, lets others have the thread when it has had it
 * for a while, and waits as long as whoever throttles it wants.
 */
import type { Clock } from '#env';
import { CanceledError } from '../../errors.js';
import type { PaceOptions } from '../store.js';

/** After so long without a pause others get the thread. */
const stretchMs = 5;

export class Pacer {
  readonly #clock: Clock;
  readonly #options: PaceOptions;
  readonly #what: string;
  #sinceMs: number;

  /** `what` is canceled, in words. */
  constructor(clock: Clock, options: PaceOptions, what: string) {
    this.#clock = clock;
    this.#options = options;
    this.#what = what;
    this.#sinceMs = clock.monotonicMs();
  }
  get canceled(): boolean {
    return this.#options.signal?.aborted === true;
  }
  check(): void {
    if (this.canceled) throw new CanceledError(`${this.#what} was canceled`);
  }
  /** Before a piece that costs hardly any disk. */
  breathe(): Promise<void> | undefined {
    this.check();
    return this.#clock.monotonicMs() - this.#sinceMs < stretchMs ? undefined : this.#pause();
  }
  async #pause(): Promise<void> {
    await this.#clock.sleep(0);
    this.#sinceMs = this.#clock.monotonicMs();
    this.check();
  }
  /** Before a piece for which so many bytes are read or written. */
  async step(bytes: number): Promise<void> {
    await this.breathe();
    if (this.#options.pace === undefined) return;
    await this.#options.pace(bytes);
    this.#sinceMs = this.#clock.monotonicMs();
    this.check();
  }
  progress(done: number, total: number): void {
    this.#options.progress?.(done, total);
  }
}
