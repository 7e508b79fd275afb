/**
 * TagSearches: what SEND VOLUME TAG found, until REQUEST VOLUME ELEMENT ADDRESS has fetched it (SMC-3 6.14). One search for
 * each nexus, so that two programs do not take each other's results.
 */

interface Search {
  readonly sendActionCode: number;
  /** Element addresses not reported yet, ascending. */
  readonly found: readonly number[];
}

export class TagSearches {
  readonly #byNexus = new Map<string, Search>();

  start(nexusId: string, search: Search): void {
    this.#byNexus.set(nexusId, search);
  }
  of(nexusId: string): Search | undefined {
    return this.#byNexus.get(nexusId);
  }
  /** What was reported is not reported again: only higher addresses remain. */
  reported(nexusId: string, last: number): void {
    const search = this.#byNexus.get(nexusId);
    if (search === undefined) return;
    this.#byNexus.set(nexusId, { ...search, found: search.found.filter((address) => address > last) });
  }
  forget(nexusId: string): void {
    this.#byNexus.delete(nexusId);
  }
  clear(): void {
    this.#byNexus.clear();
  }
}
