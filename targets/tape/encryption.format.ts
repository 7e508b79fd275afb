/** Pages of tape data encryption, security protocol 20h (SSC-4 8.5.2 and 8.5.3). */
import { bits, flag, record, u16, u32, u64, u8 } from '#wire';

export const PAGE = {
  inSupport: 0x0000,
  outSupport: 0x0001,
  capabilities: 0x0010,
  keyFormats: 0x0011,
  managementCapabilities: 0x0012,
  status: 0x0020,
  nextBlock: 0x0021,
  random: 0x0030,
} as const;
export const SET_DATA_ENCRYPTION = 0x0010;

/** The one algorithm: AES-256-GCM with a tag of 16 bytes. */
export const algorithm = { index: 1, code: 0x0001_0014, keyBytes: 32 } as const;
export const keyDataBytesMax = { unauthenticated: 32, authenticated: 12, metadata: 64 } as const;

export const pageHeader = record(4, { page: u16(0), length: u16(2) });

/** Page 0010h: what is before the algorithm descriptors, and one of them. */
export const capabilitiesHead = record(20, {
  externalControlCapable: bits(4, 3, 2),
  configurationPrevented: bits(4, 1, 0),
});
export const algorithmDescriptor = record(24, {
  index: u8(0),
  length: u16(2),
  formatModeValid: flag(4, 7),
  supplementalKeys: flag(4, 6),
  messageAuthentication: flag(4, 5),
  distinguishesEncrypted: flag(4, 4),
  decrypt: bits(4, 3, 2),
  encrypt: bits(4, 1, 0),
  algorithmValidForPosition: bits(5, 7, 6),
  nonce: bits(5, 5, 4),
  keyDataFormat: flag(5, 3),
  volumeContainsEncrypted: flag(5, 2),
  unauthenticatedFixed: flag(5, 1),
  authenticatedFixed: flag(5, 0),
  unauthenticatedBytesMax: u16(6),
  authenticatedBytesMax: u16(8),
  keyBytes: u16(10),
  decryptionKeyData: bits(12, 7, 6),
  externalMode: bits(12, 5, 4),
  rawMode: bits(12, 3, 1),
  externalRaw: flag(12, 0),
  encryptedKeysMax: bits(13, 3, 0),
  supplementalKeysMax: u16(14),
  encryptedKeyBytesMax: u16(16),
  code: u32(20),
});

export const managementCapabilities = record(16, {
  lock: flag(4, 0),
  clearOnDemount: flag(5, 2),
  clearOnPreempt: flag(5, 1),
  clearOnReservationLoss: flag(5, 0),
  allNexuses: flag(7, 2),
  local: flag(7, 1),
  public: flag(7, 0),
});

export const statusHead = record(24, {
  nexusScope: bits(4, 7, 5),
  keyScope: bits(4, 2, 0),
  encryptionMode: u8(5),
  decryptionMode: u8(6),
  algorithmIndex: u8(7),
  keyInstance: u32(8),
  parametersControl: bits(12, 6, 4),
  volumeContainsEncrypted: flag(12, 3),
  checkExternal: bits(12, 2, 1),
  rawDisabled: flag(12, 0),
  keyDataFormat: u8(13),
  supplementalKeys: u16(14),
});

export const nextBlockHead = record(16, {
  object: u64(4),
  compressionStatus: bits(12, 7, 4),
  encryptionStatus: bits(12, 3, 0),
  algorithmIndex: u8(13),
  externalMode: flag(14, 1),
  rawDisabled: flag(14, 0),
  keyDataFormat: u8(15),
});
/** ENCRYPTION STATUS of page 0021h. */
export const BLOCK_STATUS = { notALogicalBlock: 2, plain: 3, readable: 5, otherKey: 6 } as const;

/** SECURITY PROTOCOL OUT page 0010h up to the key. */
export const setEncryptionHead = record(20, {
  page: u16(0),
  length: u16(2),
  scope: bits(4, 7, 5),
  lock: flag(4, 0),
  checkExternal: bits(5, 7, 6),
  rawControl: bits(5, 5, 4),
  supplementalKey: flag(5, 3),
  clearOnDemount: flag(5, 2),
  clearOnPreempt: flag(5, 1),
  clearOnReservationLoss: flag(5, 0),
  encryptionMode: u8(6),
  decryptionMode: u8(7),
  algorithmIndex: u8(8),
  keyFormat: u8(9),
  keyDataFormat: u8(10),
  keyLength: u16(18),
});

export const SCOPE = { public: 0, local: 1, all: 2 } as const;
export const keyDataHeader = record(4, { type: u8(0), authenticated: bits(1, 2, 0), length: u16(2) });
export const KEY_DATA = { unauthenticated: 0, authenticated: 1, nonce: 2, metadata: 3 } as const;
