/**
 * The crypto header at the front of an encrypted record's stored bytes (big-endian), followed by as many bytes of
 * ciphertext as the record has. U-KAD, A-KAD and M-KAD are what hosts give with a key (SSC-5 8.5).
 *
 *   0 u8 version 1 · 1 u8 algorithm 1 (AES-256-GCM) · 2 u8 flags (bit 0: may be read raw) · 3 u8 zero
 *   4 u8 length of U-KAD · 5 u8 of A-KAD · 6 u8 of M-KAD · 7 u8 zero
 *   8 nonce, 12 bytes · 20 tag, 16 bytes · 36 U-KAD, A-KAD, M-KAD
 *
 * Authenticated: bytes 0 … 19 and the A-KAD.
 */
import { bytes, flag, record, u8 } from '#wire';

export const nonceBytes = 12;
export const tagBytes = 16;
export const unauthenticatedBytesMax = 32;
export const authenticatedBytesMax = 12;
export const metadataBytesMax = 64;
export const algorithmAesGcm = 1;

export const cryptoHeader = record(36, {
  version: u8(0),
  algorithm: u8(1),
  rawAllowed: flag(2, 0),
  unauthenticatedLength: u8(4),
  authenticatedLength: u8(5),
  metadataLength: u8(6),
  nonce: bytes(8, nonceBytes),
  tag: bytes(20, tagBytes),
});
/** Bytes of the header that GCM authenticates. */
export const authenticatedHeaderBytes = 20;
