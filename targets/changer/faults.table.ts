/** What the machine room says, as sense data. A code without a row does not compile. */
import { CheckCondition, type Sense, SENSE } from '#scsi';
import { LibraryError, type LibraryErrorCode } from '#vtl';

export const libraryFaults: Readonly<Record<LibraryErrorCode, Sense>> = {
  'no-such-element': SENSE.invalidElementAddress,
  'source-empty': SENSE.mediumSourceElementEmpty,
  'destination-full': SENSE.mediumDestinationElementFull,
  'removal-prevented': SENSE.mediumRemovalPrevented,
  'drive-missing': SENSE.dataTransferDeviceRemoved,
  'door-open': SENSE.mediumMagazineNotAccessible,
  'drive-failed': SENSE.mediaLoadOrEjectFailed,
  // SMC-3 6.17: to assert a tag that is there, or replace one that is not, is an error in the action code.
  'tag-exists': SENSE.invalidFieldInCdb,
  'tag-missing': SENSE.invalidFieldInCdb,
  'memory-unreadable': SENSE.auxiliaryMemoryReadError,
  'not-recorded': SENSE.internalTargetFailure,
};

/** Runs what the library does; its refusals become sense data. */
export async function faulted<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LibraryError)
      throw new CheckCondition(libraryFaults[error.code], {}, { cause: error });
    throw error;
  }
}
