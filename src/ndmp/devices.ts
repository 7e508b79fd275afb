/**
 * Devices that NDMP sessions may open, and which session has them open. The drive of an NDMP session is the drive of an iSCSI
 * session; only the names are NDMP's.
 *
 * Invariant N8: a device is open in one session at most.
 */
import type { LogicalUnit, Nexus } from '#scsi';
import type { Drive } from '#vtl';
import { NdmpError } from './errors.table.js';

interface Named {
  /** What a DMA opens: `library0/drive0`, `library0/changer`. */
  readonly name: string;
  /** Vendor and product, as DMAs show it. */
  readonly model: string;
  readonly serial: string;
  /** What EXECUTE_CDB reaches, and where reservations are. */
  readonly unit: LogicalUnit;
}
export interface TapeDevice extends Named {
  readonly kind: 'tape';
  readonly drive: Drive;
  /** Called before the nexus reads or writes: its encryption and the like. Throws CheckCondition. */
  prepare(nexus: Nexus): void;
}
export interface ChangerDevice extends Named {
  readonly kind: 'changer';
}
export type NdmpDevice = TapeDevice | ChangerDevice;

export interface NdmpDevices {
  /** As they are now, in the order in which a person would list them. */
  list(): readonly NdmpDevice[];
  /** By name or serial number. */
  find(name: string): NdmpDevice | undefined;
}

/** Which session has what open. By unit: an operator may change names and serial numbers. */
export class OpenDevices {
  readonly #sessions = new Map<LogicalUnit, number>();

  /** Throws NdmpError 'device-busy'. */
  claim({ name, unit }: NdmpDevice, session: number): void {
    if (this.#sessions.has(unit)) throw new NdmpError('device-busy', `${name} is open in another session`);
    this.#sessions.set(unit, session);
  }
  release({ unit }: NdmpDevice, session: number): void {
    if (this.#sessions.get(unit) === session) this.#sessions.delete(unit);
  }
}
