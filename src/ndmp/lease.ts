/**
 * Lease: the unit is ours as RESERVE(6) by an initiator makes it that one's (SPC-2 5.5): hosts on iSCSI get RESERVATION
 * CONFLICT, and where one of them has reserved or registered, there is no lease.
 *
 * Invariant N9: every way in which a session ends or a device is closed gives the lease back, at once.
 */
import { encodeTransportId, type LogicalUnit, type Nexus } from '#scsi';
import { NdmpError } from './errors.table.js';
import { ndmpFault } from './faults.table.js';

/**
 * All NDMP sessions are one initiator port, as they are on a filer with one adapter: a registration that one of them leaves
 * at a changer is the next one's. They are different nexuses all the same.
 */
const initiatorName = 'iqn.2026-11.org.tapesilo:ndmp';
const initiatorPort = `${initiatorName},i,0x000000000000`;

/** The nexus of an NDMP session. */
export const nexusOfSession = (session: number): Nexus => ({
  id: `ndmp ${session}`,
  initiatorName,
  initiatorPort,
  transportId: encodeTransportId(initiatorPort),
  targetPort: `${initiatorName},t,0x0001`,
  relativeTargetPort: 1,
});

/** The nexus reaches the unit, and is told of nothing that was before. */
export function attach(unit: LogicalUnit, nexus: Nexus): void {
  unit.attach(nexus);
  while (unit.attentions.take(nexus.id) !== undefined);
}

export class Lease {
  readonly #unit: LogicalUnit;
  readonly #nexus: Nexus;
  #ended = false;

  private constructor(unit: LogicalUnit, nexus: Nexus) {
    this.#unit = unit;
    this.#nexus = nexus;
  }
  /** Throws NdmpError 'device-busy'. */
  static async take(unit: LogicalUnit, nexus: Nexus): Promise<Lease> {
    attach(unit, nexus);
    const lease = new Lease(unit, nexus);
    try {
      await lease.#reserve();
    } catch (error) {
      await lease.end();
      throw ndmpFault(error);
    }
    return lease;
  }
  async #reserve(): Promise<void> {
    await this.#unit.reservations.reserve(this.#nexus);
    // It may have waited for others, and the session have ended.
    if (!this.#ended) return;
    this.#unit.reservations.nexusLost(this.#nexus);
    throw new NdmpError('io', 'The tape has been closed');
  }

  /**
   * A reset by a host has ended the reservation; or a host has preempted the persistent one of this initiator port that stood
   * for it (SPC-5 5.14.3).
   */
  get isLost(): boolean {
    return !this.#unit.reservations.holds(this.#nexus);
  }
  /** Takes it again. Throws NdmpError 'device-busy' when a host was faster. */
  async renew(): Promise<void> {
    try {
      await this.#reserve();
    } catch (error) {
      throw ndmpFault(error);
    }
  }
  /** Others may have the unit from this moment; resolves when no command of the nexus is under way. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#unit.reservations.nexusLost(this.#nexus);
    await this.#unit.detach(this.#nexus);
  }
}
