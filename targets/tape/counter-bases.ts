/** Where the counters of log pages begin: LOG SELECT with PCR = 1 makes them begin here and now (SPC-5 6.7). */
export class CounterBases {
  readonly #bases = new Map<string, number>();

  /** What has been counted since the last reset of that parameter. */
  since(key: string, total: number): number {
    return Math.max(0, total - (this.#bases.get(key) ?? 0));
  }
  reset(key: string, total: number): void {
    this.#bases.set(key, total);
  }
}
