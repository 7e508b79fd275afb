/**
 * Fingerprints where they lie, at multiples of 32 bytes of buffers. Byte by byte: what Buffer has for it checks its arguments for
 * longer than it takes, and makes views.
 */
import { fingerprintBytes } from './container.format.js';

/** Fingerprint `index` of `fingerprints` is the one at `at` of `digests`. Those that differ do so in the first bytes. */
export function isAt(fingerprints: Buffer, index: number, digests: Buffer, at: number): boolean {
  const from = index * fingerprintBytes;
  for (let i = 0; i < fingerprintBytes; i++) if (fingerprints[from + i] !== digests[at + i]) return false;
  return true;
}
/** The one at `at` of `digests` becomes fingerprint `index` of `fingerprints`. */
export function putAt(fingerprints: Buffer, index: number, digests: Buffer, at: number): void {
  const from = index * fingerprintBytes;
  for (let i = 0; i < fingerprintBytes; i++) fingerprints[from + i] = digests[at + i] ?? 0;
}
