/**
 * StepLoop: steps one after another, until one finds nothing to do or nothing may be done; what comes while it runs, perhaps behind
 * its last look, makes it look again.
 */
export interface Steps {
  mayGo(): boolean;
  /** Before the first step. */
  begin(): Promise<unknown> | undefined;
  /** False: wait for what comes. */
  step(): Promise<boolean>;
  /** Nothing is left to do for now. */
  idle?(): void;
  fail(error: unknown): Promise<void> | void;
  /** The loop does not run any more. */
  left?(): void;
}

export class StepLoop {
  /** Resolves when no step is under way. Never rejects. */
  settled: Promise<void> = Promise.resolve();
  readonly #steps: Steps;
  #isRunning = false;
  #again = false;

  constructor(steps: Steps) {
    this.#steps = steps;
  }
  get isRunning(): boolean {
    return this.#isRunning;
  }
  /** There may be something to do. */
  go(): void {
    if (!this.#steps.mayGo()) return;
    if (this.#isRunning) {
      this.#again = true;
      return;
    }
    this.#isRunning = true;
    this.settled = this.#run();
  }
  async #run(): Promise<void> {
    const steps = this.#steps;
    try {
      const begun = steps.begin();
      if (begun !== undefined) await begun;
      while (steps.mayGo() && ((await steps.step()) || this.#again)) this.#again = false;
      steps.idle?.();
    } catch (error) {
      await steps.fail(error);
    }
    this.#isRunning = false;
    steps.left?.();
  }
}
