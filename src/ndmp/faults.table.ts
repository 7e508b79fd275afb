/** What the machine room and SCSI refuse or fail at, as errors of NDMP. A missing code does not compile. */
import { StoreError, type StoreErrorCode } from '#errors';
import { CheckCondition, ReservationConflict, type SenseKey } from '#scsi';
import { DriveError, type DriveErrorCode } from '#vtl';
import { NdmpError, type NdmpErrorName } from './errors.table.js';

/** `full` and `volume-overflow` are told as the end of the medium first, by TapeEnd: these are for who goes on. */
export const DRIVE_FAULTS: Readonly<Record<DriveErrorCode, NdmpErrorName>> = {
  'not-loaded': 'no-tape-loaded',
  cleaning: 'no-tape-loaded',
  refused: 'no-tape-loaded',
  empty: 'no-tape-loaded',
  'write-protected': 'write-protect',
  'read-only-generation': 'write-protect',
  'worm-violation': 'write-protect',
  'append-only-violation': 'write-protect',
  'volume-overflow': 'io',
  full: 'io',
  'record-too-large': 'illegal-args',
  eod: 'eom',
  damaged: 'io',
  'key-missing': 'io',
  'key-wrong': 'io',
  'not-encrypted': 'io',
  'raw-not-allowed': 'io',
  'not-raw': 'io',
  'no-such-partition': 'illegal-args',
  'not-possible': 'io',
  prevented: 'permission',
  occupied: 'io',
  io: 'io',
};

export const STORE_FAULTS: Readonly<Record<StoreErrorCode, NdmpErrorName>> = {
  corrupt: 'io',
  full: 'io',
  missing: 'io',
  io: 'io',
  broken: 'io',
  locked: 'device-busy',
  unavailable: 'no-tape-loaded',
};

/** What a unit says when it is asked whether it is ready, writable, or has the right keys. */
export const SENSE_FAULTS: Readonly<Record<SenseKey, NdmpErrorName>> = {
  'no-sense': 'io',
  'recovered-error': 'io',
  'not-ready': 'no-tape-loaded',
  'medium-error': 'no-tape-loaded',
  'hardware-error': 'io',
  'illegal-request': 'io',
  'unit-attention': 'io',
  'data-protect': 'write-protect',
  'blank-check': 'eom',
  'vendor-specific': 'io',
  'copy-aborted': 'io',
  'aborted-command': 'io',
  'volume-overflow': 'io',
  miscompare: 'io',
  completed: 'io',
};

/** The NdmpError that `cause` is for a DMA; anything that is none of the expected is a bug and stays what it is. */
export function ndmpFault(cause: unknown): unknown {
  if (cause instanceof DriveError) return faultOf(DRIVE_FAULTS[cause.code], cause);
  if (cause instanceof StoreError) return faultOf(STORE_FAULTS[cause.code], cause);
  if (cause instanceof CheckCondition) return faultOf(SENSE_FAULTS[cause.sense.key], cause);
  if (cause instanceof ReservationConflict) return faultOf('device-busy', cause);
  return cause;
}
const faultOf = (name: NdmpErrorName, cause: Error): NdmpError => new NdmpError(name, cause.message);
