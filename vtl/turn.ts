/** Turn: one holder at a time, in the order of asking. */
import { strict as assert } from 'node:assert';

export class Turn {
  #held = false;
  readonly #waiting: (() => void)[] = [];

  /** Takes the turn now, or returns the promise of it. `pass` it on exactly once. */
  take(): Promise<void> | undefined {
    if (!this.#held) {
      this.#held = true;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
  pass(): void {
    assert(this.#held, 'the turn is passed by its holder');
    const next = this.#waiting.shift();
    if (next === undefined) this.#held = false;
    else next();
  }
  async run<T>(body: () => Promise<T> | T): Promise<T> {
    const wait = this.take();
    if (wait !== undefined) await wait;
    try {
      return await body();
    } finally {
      this.pass();
    }
  }
}
