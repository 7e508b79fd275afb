/** What a drive refuses or fails at. Translated to sense data in targets/tape/faults.table.ts only. */
import { TapesiloError } from '#errors';

export type DriveErrorCode =
  /** No cartridge, or one that is not threaded. */
  | 'not-loaded'
  /** A cleaning cartridge is at work. */
  | 'cleaning'
  /** The medium cannot be used in this drive; facts.refusal says why. */
  | 'refused'
  /** Write protect switch. */
  | 'write-protected'
  /** An older generation that this drive only reads. */
  | 'read-only-generation'
  /** Overwriting, erasing or formatting a WORM medium. */
  | 'worm-violation'
  /** Overwriting in append-only mode without ALLOW OVERWRITE. */
  | 'append-only-violation'
  /** The record or filemark does not fit before the end of the partition: nothing of it was written. */
  | 'volume-overflow'
  /** The group has no space: nothing was written; the same call may succeed later. */
  | 'full'
  | 'record-too-large'
  /** LOCATE beyond the end of data; the drive stands there. */
  | 'eod'
  /** The stored object does not verify. facts.position is its object number; the drive stands behind it. */
  | 'damaged'
  /** The record is encrypted and no key is set for reading. */
  | 'key-missing'
  /** The record is encrypted with another key. */
  | 'key-wrong'
  /** Decryption demanded, and the record is not encrypted. */
  | 'not-encrypted'
  /** Encrypted by other means than this drive's, or raw reading not allowed for it. */
  | 'raw-not-allowed'
  /** External encryption: what is written is not a stored encrypted record. */
  | 'not-raw'
  | 'no-such-partition'
  /** Only at the beginning of the medium, or not on this medium. */
  | 'not-possible'
  /** Removal is prevented. */
  | 'prevented'
  /** The robot's side: something is, or nothing is, in the bay. */
  | 'occupied'
  | 'empty'
  /** The store failed. What was not synchronized is lost; unload and load to go on. */
  | 'io';

/**
 * `facts.position` is an object number and `facts.partition` its partition where the error has a place; a deferred error
 * carries those of the first lost object.
 */
export class DriveError extends TapesiloError<DriveErrorCode> {}
