/**
 * FingerprintCipher: what becomes of a fingerprint before anybody keeps it. With encryption it is permuted under a key of the group
 * (AES-256 on each half): chunks are found by it as before, and nobody without the key can ask whether a known one is stored.
 */
import { strict as assert } from 'node:assert';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { fingerprintBytes } from './container.format.js';

export interface FingerprintCipher {
  /** Fingerprints from … to of the memory, in place. Many at once cost least. */
  permute(digests: Buffer, from: number, to: number): void;
  /** Back to what SHA-256 gave, likewise: for who compares with that. */
  restore(digests: Buffer, from: number, to: number): void;
}
export const plainFingerprints: FingerprintCipher = {
  permute: () => undefined,
  restore: () => undefined,
};

/** For whoever holds the key: a function, so that a worker can have one too. */
export function fingerprintCipher(key: Buffer): FingerprintCipher {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  const decipher = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  return {
    permute(digests, from, to) {
      assert((to - from) % fingerprintBytes === 0);
      cipher.update(digests.subarray(from, to)).copy(digests, from);
    },
    restore(digests, from, to) {
      assert((to - from) % fingerprintBytes === 0);
      decipher.update(digests.subarray(from, to)).copy(digests, from);
    },
  };
}
