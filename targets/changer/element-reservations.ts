/**
 * ElementReservations: RESERVE ELEMENT and RELEASE ELEMENT (SMC-2 6.11 to 6.15): ranges of element addresses that one nexus
 * keeps for itself under identifications of its choice. They go with the nexus and with a reset.
 */

export interface ReservedRange {
  readonly first: number;
  /** Address after the last. */
  readonly end: number;
}

export class ElementReservations {
  /** By nexus, then by reservation identification. */
  readonly #ranges = new Map<string, Map<number, readonly ReservedRange[]>>();

  /** False when another nexus has one of them; then nothing changes. A known identification is superseded. */
  reserve(nexusId: string, identification: number, ranges: readonly ReservedRange[]): boolean {
    if (ranges.some((range) => this.#taken(nexusId, range))) return false;
    const own = this.#ranges.get(nexusId) ?? new Map<number, readonly ReservedRange[]>();
    this.#ranges.set(nexusId, own.set(identification, ranges));
    return true;
  }
  /** No error when there is none. */
  release(nexusId: string, identification: number): void {
    this.#ranges.get(nexusId)?.delete(identification);
  }
  releaseAll(nexusId: string): void {
    this.#ranges.delete(nexusId);
  }
  clear(): void {
    this.#ranges.clear();
  }
  /** Another nexus has reserved the element. */
  blocks(nexusId: string, address: number): boolean {
    return this.#taken(nexusId, { first: address, end: address + 1 });
  }
  /** Another nexus has reserved any. */
  blocksUnit(nexusId: string): boolean {
    return [...this.#ranges].some(([id, own]) => id !== nexusId && own.size > 0);
  }

  #taken(nexusId: string, range: ReservedRange): boolean {
    return [...this.#ranges].some(
      ([id, own]) =>
        id !== nexusId &&
        [...own.values()].flat().some((other) => other.first < range.end && range.first < other.end),
    );
  }
}
