/**
 * A task: one CDB in flight, as a transport hands it to a logical unit (SAM-5 5.1). Data is pulled and pushed by the
 * handler in pieces, so nothing is allocated because a peer named a length (P3).
 */
import type { Slab } from '#wire';
import type { Nexus } from './nexus.js';

export type TaskAttribute = 'simple' | 'ordered' | 'head-of-queue' | 'aca';

export interface Task {
  readonly nexus: Nexus;
  /** The LUN as sent: eight bytes. */
  readonly lun: Buffer;
  /** Unique among the nexus's tasks. */
  readonly tag: number;
  readonly attribute: TaskAttribute;
  readonly cdb: Buffer;
  /** Bytes of data-out and data-in that the initiator has prepared for. */
  readonly expectedOut: number;
  readonly expectedIn: number;

  /**
   * The next `length` bytes of data-out, in order; fewer when the initiator has no more (the transport then reports an
   * overflow). The caller releases the slab. A promise when they are still to come. Throws, or rejects with, CanceledError after
   * `cancel`.
   */
  receive(length: number): Slab | Promise<Slab>;
  /**
   * The next bytes of data-in, in order; the transport releases the slab. Resolves when more may be sent. What exceeds
   * `expectedIn` is counted as overflow and dropped. Rejects with CanceledError after `cancel`.
   */
  send(data: Slab): Promise<void>;

  readonly canceled: boolean;
  /** Abort: pending and later `receive` and `send` reject. Idempotent. */
  cancel(): void;
}

/** SAM-5 5.3.1 */
export const STATUS = {
  good: 0x00,
  checkCondition: 0x02,
  busy: 0x08,
  reservationConflict: 0x18,
  taskSetFull: 0x28,
  acaActive: 0x30,
  taskAborted: 0x40,
} as const;

/** What a task ends with. `status` undefined: aborted, and the initiator gets no status (SAM-5 5.3.2, TAS = 0). */
export interface Outcome {
  readonly status: number | undefined;
  /** Sense bytes, present if and only if the status is CHECK CONDITION (P4). */
  readonly sense?: Buffer;
}
