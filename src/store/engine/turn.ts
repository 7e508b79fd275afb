/** Turn: one after another, whatever became of the one before. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  async run<T>(act: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const mine = (async (): Promise<T> => {
      await before.catch(() => undefined); // whoever asked for it was told
      return await act();
    })();
    this.#last = mine.catch(() => undefined); // likewise
    return await mine;
  }
  /** Resolves when those that are waiting now have had theirs. */
  async ended(): Promise<void> {
    await this.#last;
  }
}
