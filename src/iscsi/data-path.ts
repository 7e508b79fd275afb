/** The connection that a command came on, and to which its data and its response are bound. */
import type { KeyValues } from './keys.table.js';
import type { Outbox } from './outbox.js';

export interface DataPath {
  readonly outbox: Outbox;
  readonly keys: KeyValues;
  /** Largest data segment that the initiator takes. */
  readonly segmentBytesMax: number;
  /**
   * Sends a PDU after writing lengths, status numbers and digests. `statSN`: taken, only shown, or not there at all.
   * Gives the StatSN.
   */
  emit(header: Buffer, statSN: 'take' | 'show' | 'none', length: number, slices: readonly Buffer[]): number;
}
