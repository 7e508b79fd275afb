/** Face of the machine room. */
export type {
  AlternateTag,
  ElementKind,
  ElementRef,
  ElementState,
  LibraryCartridge,
  LibraryDrive,
  LibraryErrorCode,
} from './element.js';
export { formatElement, LibraryError, sameElement } from './element.js';
export type { LibraryEvent } from './library-event.js';
export type { Cause, LibraryOptions, TapeLibrary } from './library.js';
export { Library } from './library.js';
export { Shelf } from './shelf.js';
export { barcodePattern, isBarcode, mediumOfBarcode, mediumOfSuffix, type MediumKind } from './barcode.js';
export {
  Cartridge,
  type CartridgeEvent,
  type CartridgeListener,
  type CartridgeOptions,
  cleaningUsesOfNew,
} from './cartridge.js';
export type { CartridgeReport } from './cartridge-check.js';
export { type DamagedObjects, inWords } from './damage.js';
export type { DriveOptions, DriveState, OverwriteAllowance } from './drive-core.js';
export {
  type DriveCounters,
  noDriveCounters,
  noTraffic,
  type Traffic,
  type VolumeStatistics,
} from './drive-counters.js';
export { DriveError, type DriveErrorCode } from './drive-error.js';
export type { DriveEvent } from './drive-events.js';
export { Drive, type PartitionView, type Writable } from './drive.js';
export {
  type BlockEncryption,
  type DecryptionMode,
  type DriveEncryption,
  type EncryptionMode,
  encryptionOff,
  type EncryptionSettings,
  type KeyData,
} from './encryption.js';
export {
  accessOf,
  COMPATIBILITY,
  MEDIA,
  mediaOf,
  type Medium,
  type MediumAccess,
  type MediumKey,
  mediumOf,
} from './media.table.js';
export { type Attribute, type AttributeChange, Mam, MamError, type MamErrorCode } from './mam.js';
export {
  type AttributeFormat,
  type AttributeOwner,
  type AttributeRow,
  attributeRow,
  ATTRIBUTES,
} from './mam.table.js';
export type { Destination, Position, SpaceResult, SpaceUnit, WriteResult } from './position.js';
export type { ReadResult, ReadReverseResult } from './reading.js';
export type { Refusal } from './refusal.js';
export { TAPE_ALERT, type TapeAlertName } from './tape-alert.table.js';
