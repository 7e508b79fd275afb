/**
 * ElementReservations: RESERVE ELEMENT and RELEASE ELEMENT (SMC-2 6.11 to 6.15): ranges of element addresses that one nexus
 * keeps for itself under identifications of its choice. They go with the nexus and with a reset.
 */
import { elementRangesMax } from '#limits';

export interface ReservedRange {
  readonly first: number;
  /** Address after the last. */
  readonly end: number;
}

export class ElementReservations {
  /** By nexus, then by reservation identification. */
  readonly #ranges = new Map<string, Map<number, readonly ReservedRange[]>>();

  /**
   * Nothing changes when another nexus has one of them, or when the nexus would have more than we keep. A known
   * identification is superseded.
   */
  reserve(
    nexusId: string,
    identification: number,
    ranges: readonly ReservedRange[],
  ): 'reserved' | 'taken' | 'too-many' {
    if (ranges.some((range) => this.#taken(nexusId, range))) return 'taken';
    const own = new Map(this.#ranges.get(nexusId)).set(identification, ranges);
    if ([...own.values()].flat().length > elementRangesMax) return 'too-many';
    this.#ranges.set(nexusId, own);
    return 'reserved';
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
  get any(): boolean {
    return [...this.#ranges.values()].some((own) => own.size > 0);
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
