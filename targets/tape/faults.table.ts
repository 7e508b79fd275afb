/** What the machine room refuses or fails at, as sense data. A missing code does not compile. */
import type { StoreErrorCode } from '#errors';
import { type Sense, SENSE } from '#scsi';
import type { DriveErrorCode, MamErrorCode, Refusal } from '#vtl';

export const DRIVE_FAULTS: Readonly<Record<DriveErrorCode, Sense>> = {
  'not-loaded': SENSE.mediumNotPresent,
  cleaning: SENSE.cleaningCartridgeInstalled,
  refused: SENSE.incompatibleMediumInstalled,
  'write-protected': SENSE.writeProtected,
  'read-only-generation': SENSE.cannotWriteIncompatibleFormat,
  'worm-violation': SENSE.wormOverwriteAttempted,
  'append-only-violation': SENSE.wormOverwriteAttempted,
  'volume-overflow': SENSE.volumeOverflow,
  full: SENSE.volumeOverflow, // the group has no room: to the host the volume is at its end (issue 2, section 5)
  'record-too-large': SENSE.invalidFieldInCdb,
  eod: SENSE.endOfData,
  damaged: SENSE.unrecoveredReadError,
  'key-missing': SENSE.unableToDecryptData,
  'key-wrong': SENSE.incorrectDataEncryptionKey,
  'not-encrypted': SENSE.unencryptedDataEncountered,
  'raw-not-allowed': SENSE.encryptedBlockNotRawReadEnabled,
  'not-raw': SENSE.incorrectEncryptionParameters,
  'no-such-partition': SENSE.invalidFieldInCdb,
  'not-possible': SENSE.positionPastBeginningOfMedium,
  prevented: SENSE.mediumRemovalPrevented,
  occupied: SENSE.notReadyCauseNotReportable,
  empty: SENSE.mediumNotPresent,
  io: SENSE.internalTargetFailure,
};

export const STORE_FAULTS: Readonly<Record<StoreErrorCode, Sense>> = {
  corrupt: SENSE.unrecoveredReadError,
  full: SENSE.volumeOverflow,
  missing: SENSE.unrecoveredReadError,
  io: SENSE.internalTargetFailure,
  broken: SENSE.internalTargetFailure,
  locked: SENSE.internalTargetFailure,
  unavailable: SENSE.notReadyCauseNotReportable,
};

/** Why a medium is not used, as TEST UNIT READY tells it. */
export const REFUSALS: Readonly<Record<Refusal, Sense>> = {
  incompatible: SENSE.incompatibleMediumInstalled,
  unsupported: SENSE.cannotReadUnknownFormat,
  'expired-cleaning': SENSE.cleaningFailure,
  damaged: SENSE.cannotReadUnknownFormat,
  unavailable: SENSE.notReadyCauseNotReportable,
  'in-use': SENSE.notReadyCauseNotReportable,
};

/** WRITE ATTRIBUTE (SPC-5 6.49). */
export const MAM_FAULTS: Readonly<Record<MamErrorCode, Sense>> = {
  'no-such-partition': SENSE.invalidFieldInCdb,
  unsupported: SENSE.invalidFieldInParameterList,
  'read-only': SENSE.invalidFieldInParameterList,
  format: SENSE.invalidFieldInParameterList,
  length: SENSE.invalidFieldInParameterList,
  'no-space': SENSE.auxiliaryMemoryOutOfSpace,
};
