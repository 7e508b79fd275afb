/**
 * Commits: the background commits of a drive: soon after enough bytes, or when writing has paused. One at a time. What
 * fails is handed to `failed`, except that a full group is tried again when the next pause comes.
 */
import type { Clock, Timer } from '#env';

const idleMs = 2_000;

export class Commits {
  readonly #clock: Clock;
  readonly #run: () => Promise<void>;
  #timer: Timer | undefined;
  #armedMs = 0;
  #lastMs = 0;
  #running: Promise<void> | undefined;
  /** There was writing during the run, which it may not cover. */
  #again = false;

  /** `run` commits and never rejects. */
  constructor(clock: Clock, run: () => Promise<void>) {
    this.#clock = clock;
    this.#run = run;
  }

  /** Commits when this has not been called again for 2 s. */
  arm(): void {
    this.#lastMs = this.#clock.monotonicMs();
    if (this.#running !== undefined) this.#again = true;
    if (this.#timer !== undefined || this.#running !== undefined) return;
    this.#armedMs = this.#lastMs;
    this.#timer = this.#clock.after(idleMs, () => this.#fire());
  }
  #fire(): void {
    this.#timer = undefined;
    if (this.#lastMs === this.#armedMs) {
      this.startSoon();
      return;
    }
    // Written to since: wait for the rest of a whole pause.
    const restMs = Math.max(1, this.#lastMs + idleMs - this.#clock.monotonicMs());
    this.#armedMs = this.#lastMs;
    this.#timer = this.#clock.after(restMs, () => this.#fire());
  }
  /** After a commit that failed for want of space. */
  retryLater(): void {
    this.disarm();
    this.#armedMs = this.#lastMs;
    this.#timer = this.#clock.after(idleMs, () => this.#fire());
  }
  disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
  /** Begins one, unless one is under way. */
  startSoon(): void {
    this.disarm();
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#again = false;
    const done = (): void => {
      this.#running = undefined;
      if (this.#again) this.arm();
    };
    this.#running = this.#run().finally(done);
  }
}
