/** DriveError, MamError and StoreError become CheckCondition here, with what the command knows of the residue. */
import { StoreError } from '#errors';
import { CheckCondition, invalidParameter, SENSE, type Sense, type SenseExtras } from '#scsi';
import { DriveError, type DriveErrorCode, MamError, type Refusal } from '#vtl';
import { DRIVE_FAULTS, MAM_FAULTS, REFUSALS, STORE_FAULTS } from './faults.table.js';

/**
 * What to throw in place of `error`. `residue` is what the command has not done, in its own units; it becomes INFORMATION
 * where the standard has it there.
 */
export function translated(error: unknown, residue?: number): unknown {
  if (error instanceof DriveError) return driveFault(error, residue);
  if (error instanceof MamError) return mamFault(error);
  if (error instanceof StoreError) {
    return new CheckCondition(STORE_FAULTS[error.code], information(residue), { cause: error });
  }
  return error;
}

function driveFault(error: DriveError, residue: number | undefined): CheckCondition {
  const sense = refusalOf(error) ?? DRIVE_FAULTS[error.code];
  return new CheckCondition(sense, extrasOf(error, residue), { cause: error });
}
function refusalOf(error: DriveError): Sense | undefined {
  const { refusal } = error.facts;
  return error.code === 'refused' && typeof refusal === 'string' ? REFUSALS[refusal as Refusal] : undefined;
}
/** INFORMATION tells the residue of these, of the others nothing. */
const toldWithResidue: ReadonlySet<DriveErrorCode> = new Set([
  'eod',
  'damaged',
  'key-missing',
  'key-wrong',
  'not-encrypted',
  'raw-not-allowed',
  'io',
] as const);

function extrasOf({ code, facts }: DriveError, residue: number | undefined): SenseExtras {
  if (code === 'volume-overflow' || code === 'full') {
    // The drive knows how many filemarks of a command it could not write; records it is told one by one.
    const ofFilemarks = typeof facts['residue'] === 'number' ? facts['residue'] : undefined;
    return { ...information(residue ?? ofFilemarks), eom: true };
  }
  return toldWithResidue.has(code) ? information(residue) : {};
}
const information = (residue: number | undefined): SenseExtras =>
  residue === undefined ? {} : { information: residue };

function mamFault(error: MamError): CheckCondition {
  const sense = MAM_FAULTS[error.code];
  if (sense !== SENSE.invalidFieldInParameterList) return new CheckCondition(sense, {}, { cause: error });
  return invalidParameter(4); // the list of attributes; which of them is in the log
}

/** A failure of what was acknowledged before: reported with the next command (SPC-5 4.4.6). */
export function deferredFault(error: DriveError): CheckCondition {
  const full = error.code === 'full' || error.code === 'volume-overflow';
  const sense = full ? SENSE.volumeOverflow : SENSE.writeError;
  return new CheckCondition(sense, full ? { deferred: true, eom: true } : { deferred: true }, {
    cause: error,
  });
}
