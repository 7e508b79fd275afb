/**
 * Reservations of one logical unit: RESERVE and RELEASE (SPC-2 5.5), persistent reservations (SPC-5 5.14), and what either
 * refuses to others. The rule for a command comes from its row (`reservation`, `conflictsWithReserve`).
 *
 * Invariant P6: with APTPL, a change is durable before the command that made it ends with GOOD.
 */
import type { Command } from './command.js';
import type { Nexus } from './nexus.js';
import {
  decide,
  isHolder,
  isRegistrantsType,
  isWriteExclusive,
  noReservations,
  registrationOf,
  type Decision,
  type PortPair,
  type ReservationState,
  type ReserveOut,
} from './persistent-reservation.js';
import type { Persistence } from './persistence.js';
import { decodeReservations, encodeReservations } from './reservation-record.js';
import { ReservationConflict } from './sense.js';

const savedKey = 'persistent-reservations';

export const pairOf = (nexus: Nexus): PortPair => ({
  initiatorPort: nexus.initiatorPort.toLowerCase(),
  relativeTargetPort: nexus.relativeTargetPort,
});

export class Reservations {
  readonly #persistence: Persistence | undefined;
  readonly #partReserved: () => boolean;
  #state: ReservationState = noReservations;
  /** Id of the nexus that holds the unit by RESERVE(6) or (10). */
  #reserved: string | undefined;
  /** Resolves when the change of reservations in work has ended: one at a time, in order of arrival. */
  #turn: Promise<unknown> = Promise.resolve();

  /** `partReserved`: a part of the unit is reserved by RESERVE, which is kept elsewhere (elements of a changer). */
  constructor(persistence?: Persistence, partReserved = (): boolean => false) {
    this.#persistence = persistence;
    this.#partReserved = partReserved;
  }
  /** Power on: what was kept with APTPL is there again. Throws StoreError when it cannot be read. */
  async load(): Promise<void> {
    const saved = await this.#persistence?.load(savedKey);
    this.#state = saved === undefined ? noReservations : decodeReservations(saved);
  }
  get state(): ReservationState {
    return this.#state;
  }

  // --- what others may do -----------------------------------------------------------------------------------------

  /** RESERVATION CONFLICT for this command on this nexus? (SPC-5 5.14.1; SPC-2 table 10.) */
  conflicts(nexus: Nexus, row: Command, cdb: unknown): boolean {
    const rule = row.reservation(cdb);
    if (this.#reserved !== undefined && this.#reserved !== nexus.id) {
      if (rule !== 'allowed' || row.conflictsWithReserve === true) return true;
    }
    const { reservation } = this.#state;
    if (reservation === undefined || rule === 'allowed') return false;
    const pair = pairOf(nexus);
    if (isHolder(this.#state, pair)) return false;
    if (isRegistrantsType(reservation.type) && registrationOf(this.#state, pair) !== undefined) return false;
    return rule === 'conflict' || !isWriteExclusive(reservation.type);
  }

  // --- RESERVE and RELEASE (SPC-2 5.5.1, 7.16, 7.17, 7.21, 7.22) ----------------------------------------------------

  /** Waits for a registration that is being saved, which would be in its way. Throws ReservationConflict. */
  async reserve(nexus: Nexus): Promise<void> {
    await this.#inTurn(() => {
      if (this.#compatible(nexus)) return;
      this.checkReservable(nexus);
      this.#reserved = nexus.id;
    });
  }
  /** May the nexus reserve the unit, or a part of it as SMC-2 allows? Throws ReservationConflict. */
  checkReservable(nexus: Nexus): void {
    if (this.#state.registrations.length > 0) throw new ReservationConflict();
    if (this.#reserved !== undefined && this.#reserved !== nexus.id) throw new ReservationConflict();
  }
  /** From a nexus that holds nothing: no effect, and no error. Throws ReservationConflict. */
  release(nexus: Nexus): void {
    if (this.#compatible(nexus)) return;
    if (this.#state.registrations.length > 0) throw new ReservationConflict();
    if (this.#reserved === nexus.id) this.#reserved = undefined;
  }
  /** CRH (SPC-5 5.14.3): who is party to a persistent reservation may reserve and release; that changes nothing. */
  #compatible(nexus: Nexus): boolean {
    const { reservation } = this.#state;
    if (reservation === undefined) return false;
    const pair = pairOf(nexus);
    const registered = registrationOf(this.#state, pair) !== undefined;
    return isHolder(this.#state, pair) || (registered && isRegistrantsType(reservation.type));
  }
  /** Is the unit the nexus's: by RESERVE, or by a persistent reservation that stands for one? */
  holds(nexus: Nexus): boolean {
    return this.#reserved === nexus.id || this.#compatible(nexus);
  }
  /** The nexus id that holds the unit by RESERVE; undefined when none. */
  get reservedBy(): string | undefined {
    return this.#reserved;
  }
  /** A reset ends a RESERVE; persistent reservations stay (SPC-5 5.14.1). */
  reset(): void {
    this.#reserved = undefined;
  }
  nexusLost(nexus: Nexus): void {
    if (this.#reserved === nexus.id) this.#reserved = undefined;
  }

  // --- persistent reservations ----------------------------------------------------------------------------------------

  /** SPC-2 5.5.1: while the unit or a part is reserved by RESERVE, these two conflict for every nexus, the holder's too. */
  checkPersistentAllowed(): void {
    if (this.#reserved !== undefined || this.#partReserved()) throw new ReservationConflict();
  }

  /**
   * Does a PERSISTENT RESERVE OUT. The change is saved when APTPL demands it, then made; `made` is called in the same
   * instant, to establish unit attentions. Throws ReservationConflict or CheckCondition; then nothing has changed.
   */
  async perform(request: ReserveOut, made: (decision: Decision) => void): Promise<Decision> {
    return await this.#inTurn(async () => {
      this.checkPersistentAllowed();
      const decision = decide(this.#state, request);
      await this.#keep(decision.next);
      this.#state = decision.next;
      made(decision);
      return decision;
    });
  }
  async #inTurn<T>(change: () => T | Promise<T>): Promise<T> {
    const mine = this.#turn.then(change);
    this.#turn = mine.catch(() => undefined); // the next one does not care how this one ended
    return await mine;
  }
  async #keep(next: ReservationState): Promise<void> {
    if (next === this.#state || !(next.persists || this.#state.persists)) return;
    await this.#persistence?.save(savedKey, encodeReservations(next.persists ? next : noReservations));
  }
}
