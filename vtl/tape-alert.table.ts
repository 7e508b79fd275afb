/** TapeAlert flags (SSC-5 annex, log page 2Eh) that events of this machine raise. */
export const TAPE_ALERT = {
  /** Uncorrectable error of the medium. */
  media: 0x04,
  readFailure: 0x05,
  writeFailure: 0x06,
  /** Writing was tried on a write-protected medium. */
  writeProtect: 0x09,
  /** Unloading was tried while removal is prevented. */
  noRemoval: 0x0a,
  cleaningMedia: 0x0b,
  unsupportedFormat: 0x0c,
  mamFailure: 0x0f,
  /** Writing was tried on a generation that the drive only reads. */
  readOnlyFormat: 0x11,
  directoryCorrupted: 0x12,
  cleanNow: 0x14,
  cleanPeriodic: 0x15,
  expiredCleaning: 0x16,
  invalidCleaning: 0x17,
  hardware: 0x1f,
  loadingFailure: 0x37,
  unloadFailure: 0x38,
  wormIntegrity: 0x3b,
  wormOverwrite: 0x3c,
} as const;
export type TapeAlertName = keyof typeof TAPE_ALERT;

/** Flag 1 is bit 63. */
export const tapeAlertBits = (names: Iterable<TapeAlertName>): bigint =>
  [...names].reduce((bits, name) => bits | (1n << BigInt(64 - TAPE_ALERT[name])), 0n);
