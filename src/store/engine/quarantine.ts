/**
 * Quarantine: chunks that cannot be read. Reading them is 'corrupt', everything else goes on; nothing new is deduplicated against them,
 * so the same content is stored again when it comes again, and the damaged place is healed from there.
 *
 * The facts are in the journal (GroupState.damaged), not found again by the next scrub: a backup written between a restart and that
 * scrub would refer to bytes that are known to be lost. There are few of them, so that costs nothing.
 */
import type { StoreError } from '../../errors.js';
import { type Directory, fingerprintBytes } from './container.format.js';
import type { Fact, Lost } from './facts.js';
import type { GroupState } from './group-state.js';

/** Where a sound copy of a lost chunk lies. */
export interface Copy {
  readonly container: number;
  readonly ordinal: number;
}
export interface QuarantineHost {
  readonly state: GroupState;
  /** Facts that hold in memory and wait for the next batch. */
  readonly owed: Fact[];
  readonly containers: { forget(id: number): void };
}
const blank = Buffer.alloc(fingerprintBytes);

export class Quarantine {
  readonly #host: QuarantineHost;
  /** Fingerprints of lost chunks, as far as they are known, to where they are missed. */
  readonly #missed = new Map<string, Copy[]>();
  /** What came again, by container. */
  readonly #found = new Map<number, Map<number, Copy>>();

  constructor(host: QuarantineHost) {
    this.#host = host;
  }
  get #lost(): ReadonlyMap<number, Lost> {
    return this.#host.state.damaged;
  }
  /** Containers with damage, and what is lost of them. */
  get all(): ReadonlyMap<number, Lost> {
    return this.#lost;
  }
  has(container: number, ordinal: number): boolean {
    const lost = this.#lost.get(container);
    return lost !== undefined && (lost === 'all' || lost.includes(ordinal));
  }
  /** From now on what is lost of the container is this; nothing: it is sound. Journaled with the next batch. */
  set(container: number, lost: Lost): void {
    const before = this.#lost.get(container);
    if (isSame(before ?? [], lost) || !this.#host.state.containers.has(container)) return;
    const fact: Fact = { kind: 'damaged', container, lost };
    this.#host.state.apply(fact);
    this.#host.owed.push(fact);
    this.#host.containers.forget(container); // its fingerprints may not be found any more
    if (lost.length === 0) this.#found.delete(container);
  }
  /** These too. */
  add(container: number, ordinals: readonly number[]): void {
    const before = this.#lost.get(container) ?? [];
    if (before === 'all' || ordinals.length === 0) return;
    this.set(
      container,
      [...new Set([...before, ...ordinals])].toSorted((a, b) => a - b),
    );
  }

  /** Takes the fingerprints of lost chunks out of a directory that others will look into, and remembers them. */
  hide(directory: Directory): void {
    const lost = this.#lost.get(directory.id);
    const { fingerprints } = directory;
    if (lost === undefined || lost === 'all' || fingerprints === undefined) return;
    directory.fingerprints = Buffer.from(fingerprints);
    for (const ordinal of lost) {
      const at = directory.indexOf(ordinal) * fingerprintBytes;
      if (at < 0) continue;
      this.#miss(fingerprints.toString('latin1', at, at + fingerprintBytes), directory.id, ordinal);
      blank.copy(directory.fingerprints, at);
    }
  }
  #miss(fingerprint: string, container: number, ordinal: number): void {
    const places = this.#missed.get(fingerprint) ?? [];
    if (places.some((place) => place.container === container && place.ordinal === ordinal)) return;
    this.#missed.set(fingerprint, [...places, { container, ordinal }]);
  }
  /** Chunks that are stored now: whether one of them is missed somewhere. */
  offer({ id, count, ordinals, fingerprints }: Directory): void {
    if (this.#lost.size === 0 || this.#missed.size === 0 || fingerprints === undefined) return;
    for (let index = 0; index < count; index++) {
      const at = index * fingerprintBytes;
      const fingerprint = fingerprints.toString('latin1', at, at + fingerprintBytes);
      for (const place of this.#missed.get(fingerprint) ?? []) {
        if (place.container === id || !this.has(place.container, place.ordinal)) continue;
        const copies = this.#found.get(place.container) ?? new Map<number, Copy>();
        this.#found.set(
          place.container,
          copies.set(place.ordinal, { container: id, ordinal: ordinals[index] ?? 0 }),
        );
      }
    }
  }
  /** Containers of which something came again. */
  get healable(): readonly number[] {
    return [...this.#found.keys()].filter((container) => this.#lost.has(container));
  }
  copyOf(container: number, ordinal: number): Copy | undefined {
    return this.#found.get(container)?.get(ordinal);
  }
  /** Healing was tried with what came. */
  tried(container: number): void {
    this.#found.delete(container);
  }

  /** What a reader met. If it is true of where the container lies now, the region is set apart at once. */
  noticed({ code, facts }: StoreError, directory: Directory | undefined): void {
    const { region, pack, offset } = facts;
    if (code !== 'corrupt' || typeof region !== 'number' || directory === undefined) return;
    const { place } = directory;
    if (!directory.stale && place.pack === pack && place.offset === offset)
      this.add(directory.id, ordinalsOf(directory, region));
  }
}
/** Chunks of a region. */
export function ordinalsOf({ regionOf, ordinals }: Directory, region: number): number[] {
  const found: number[] = [];
  for (let index = regionOf.indexOf(region); index >= 0 && regionOf[index] === region; index++) {
    found.push(ordinals[index] ?? 0);
  }
  return found;
}
const isSame = (a: Lost, b: Lost): boolean =>
  a === 'all' || b === 'all' ? a === b : a.length === b.length && a.every((one, index) => one === b[index]);
