/**
 * Barrier: the commits of a volume, one after another in the order of the calls; those that have not begun become one. And the rule of
 * truncation (S9): it waits for no commit, and is committed before the next append.
 */
import { strict as assert } from 'node:assert';

interface Pending<T> {
  state: T;
  truncations: number;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** `T`: what the volume is at the call of a commit. */
export class Barrier<T> {
  readonly #carryOut: (state: T) => Promise<void>;
  #pending: Pending<T> | undefined;
  #running: Promise<void> | undefined;
  #carrying = false;
  #truncations = 0;
  #truncationsCommitted = 0;

  constructor(carryOut: (state: T) => Promise<void>) {
    this.#carryOut = carryOut;
  }
  commit(state: T): Promise<void> {
    // One that has not begun covers this one too: its state is ours, and all of it is as new as ours.
    this.#pending ??= newPending(state);
    this.#pending.state = state;
    this.#pending.truncations = this.#truncations;
    const { done } = this.#pending;
    this.#running ??= this.#run();
    return done;
  }
  async #run(): Promise<void> {
    for (let next = this.#pending; next !== undefined; next = this.#pending) {
      this.#pending = undefined;
      this.#carrying = true;
      let tell = next.resolve;
      const { state, truncations, reject } = next;
      try {
        await this.#carryOut(state);
        this.#truncationsCommitted = truncations;
      } catch (error) {
        tell = (): void => reject(error);
      }
      this.#carrying = false; // before anybody hears of it: they may cut something off at once
      tell();
    }
    this.#running = undefined;
  }

  /** Before an append. */
  checkAppend(): void {
    assert(
      this.#truncations === this.#truncationsCommitted,
      'a truncation is committed before the next append',
    );
  }
  /** Something is being cut off. */
  truncated(): void {
    assert(
      !this.#carrying && this.#pending === undefined,
      'nothing is cut off while a commit of it is under way',
    );
    this.#truncations += 1;
  }
  /** Resolves when no commit is under way. */
  async ended(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }
}

function newPending<T>(state: T): Pending<T> {
  let resolve = (): void => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const done = new Promise<void>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  return { state, truncations: 0, done, resolve, reject };
}
