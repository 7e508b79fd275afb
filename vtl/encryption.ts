/**
 * DriveEncryption: AES-256-GCM of records, as the host set it (SSC-5 4.2.22). Keys are in memory only.
 *
 * Nonce: 8 random bytes of each setting of a key, then a 32-bit counter; new random bytes when it runs over. After a crash
 * the random bytes are new, so a (key, nonce) pair never comes twice.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Env } from '#env';
import { strict as assert } from 'node:assert';
import type { Slab } from '#wire';
import { DriveError } from './drive-error.js';
import {
  algorithmAesGcm,
  authenticatedBytesMax,
  authenticatedHeaderBytes,
  cryptoHeader,
  metadataBytesMax,
  nonceBytes,
  unauthenticatedBytesMax,
} from './encryption.format.js';

export type EncryptionMode = 'disable' | 'external' | 'encrypt';
export type DecryptionMode = 'disable' | 'raw' | 'decrypt' | 'mixed';

/** Data given with a key and kept beside each record, readable without the key. */
export interface KeyData {
  /** U-KAD, up to 32 bytes. */
  readonly unauthenticated: Buffer;
  /** A-KAD, up to 12 bytes; part of what is authenticated. */
  readonly authenticated: Buffer;
  /** M-KAD, up to 64 bytes. */
  readonly metadata: Buffer;
}
export interface EncryptionSettings {
  readonly encryption: EncryptionMode;
  readonly decryption: DecryptionMode;
  /** 32 bytes; for encrypt, decrypt and mixed. */
  readonly key?: Buffer | undefined;
  readonly keyData: KeyData;
  /** Records written now may later be read raw (RDMC). */
  readonly rawAllowed: boolean;
  /** CKOD: forget all this when the medium goes. */
  readonly clearOnDemount: boolean;
}
const noKeyData: KeyData = {
  unauthenticated: Buffer.alloc(0),
  authenticated: Buffer.alloc(0),
  metadata: Buffer.alloc(0),
};
export const encryptionOff: EncryptionSettings = {
  encryption: 'disable',
  decryption: 'disable',
  keyData: noKeyData,
  rawAllowed: false,
  clearOnDemount: false,
};

/** What SECURITY PROTOCOL IN page 21h tells of the next object. */
export type BlockEncryption =
  | { readonly kind: 'none' | 'filemark' | 'plain' }
  | {
      readonly kind: 'encrypted';
      /** The key that is set decrypts it. */
      readonly readable: boolean;
      readonly rawAllowed: boolean;
      readonly keyData: KeyData;
    };

/** Bytes for the store in place of a record. */
export interface Sealed {
  readonly slices: readonly Uint8Array[];
  readonly storedBytes: number;
  readonly prefixBytes: number;
}

export class DriveEncryption {
  readonly #env: Env;
  readonly #changed: () => void;
  #settings = encryptionOff;
  #instance = 0;
  #nonce: Buffer;
  #nonceCount = 0;

  constructor(env: Env, changed: () => void) {
    this.#env = env;
    this.#changed = changed;
    this.#nonce = env.random.bytes(nonceBytes);
  }

  get settings(): EncryptionSettings {
    return this.#settings;
  }
  /** Key instance counter: grows with every change (page 20h). */
  get instance(): number {
    return this.#instance;
  }

  /** Takes a copy of the key. Modes that need one are asserted to have one of 32 bytes: the face checks what hosts send. */
  set(settings: EncryptionSettings): void {
    const needsKey =
      settings.encryption === 'encrypt' ||
      settings.decryption === 'decrypt' ||
      settings.decryption === 'mixed';
    assert(!needsKey || settings.key?.length === 32);
    assert(settings.keyData.unauthenticated.length <= unauthenticatedBytesMax);
    assert(settings.keyData.authenticated.length <= authenticatedBytesMax);
    assert(settings.keyData.metadata.length <= metadataBytesMax);
    this.#forget();
    this.#settings = {
      ...settings,
      key: needsKey && settings.key !== undefined ? Buffer.from(settings.key) : undefined,
    };
    this.#renew();
    this.#changed();
  }
  /** Forgets the key and turns everything off. */
  clear(): void {
    if (this.#settings === encryptionOff) return;
    this.#forget();
    this.#renew();
    this.#changed();
  }
  #forget(): void {
    this.#settings.key?.fill(0);
    this.#settings = encryptionOff;
  }
  #renew(): void {
    this.#instance = (this.#instance + 1) % 0x1_0000_0000;
    this.#nonce = this.#env.random.bytes(nonceBytes);
    this.#nonceCount = 0;
  }
  #nextNonce(): Buffer {
    if (this.#nonceCount === 0xffff_ffff) {
      this.#nonce = this.#env.random.bytes(nonceBytes);
      this.#nonceCount = 0;
    }
    this.#nonceCount += 1;
    this.#nonce.writeUInt32BE(this.#nonceCount, nonceBytes - 4);
    return this.#nonce;
  }

  /** For encryption mode 'encrypt'. */
  seal(record: Slab): Sealed {
    const { key, keyData, rawAllowed } = this.#settings;
    assert(key !== undefined);
    const nonce = this.#nextNonce();
    const fields = {
      version: 1,
      algorithm: algorithmAesGcm,
      rawAllowed,
      unauthenticatedLength: keyData.unauthenticated.length,
      authenticatedLength: keyData.authenticated.length,
      metadataLength: keyData.metadata.length,
      nonce,
    };
    const header = cryptoHeader.encode({ ...fields, tag: Buffer.alloc(16) });
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    cipher.setAAD(Buffer.concat([header.subarray(0, authenticatedHeaderBytes), keyData.authenticated]));
    const body = record.slices.map((slice) => cipher.update(slice));
    cipher.final();
    cipher.getAuthTag().copy(header, authenticatedHeaderBytes);
    const prefix = Buffer.concat([header, keyData.unauthenticated, keyData.authenticated, keyData.metadata]);
    return {
      slices: [prefix, ...body],
      storedBytes: prefix.length + record.length,
      prefixBytes: prefix.length,
    };
  }

  /**
   * For encryption mode 'external': what a raw read gave is stored as it came. Throws DriveError 'not-raw'.
   */
  sealExternal(record: Slab): Sealed {
    const prefixBytes = parsePrefix(firstBytes(record, prefixBytesMax))?.prefixBytes;
    if (prefixBytes === undefined || prefixBytes >= record.length) {
      throw new DriveError('not-raw', 'The record is not one that was read raw');
    }
    return { slices: record.slices, storedBytes: record.length, prefixBytes };
  }

  /** The record as the host gets it. Takes the slab over. Throws DriveError; then the slab is released. */
  open(stored: Slab, prefixBytes: number, encrypted: boolean): Slab {
    try {
      return this.#open(stored, prefixBytes, encrypted);
    } catch (error) {
      stored.release();
      throw error;
    }
  }
  #open(stored: Slab, prefixBytes: number, encrypted: boolean): Slab {
    const { decryption, key } = this.#settings;
    if (!encrypted) {
      if (decryption === 'decrypt' || decryption === 'raw') {
        throw new DriveError('not-encrypted', 'The record is not encrypted');
      }
      return stored;
    }
    const prefix = parsePrefix(firstBytes(stored, prefixBytes));
    if (prefix === undefined)
      throw new DriveError('raw-not-allowed', 'The crypto header is of a later release');
    if (decryption === 'raw') {
      if (!prefix.rawAllowed) throw new DriveError('raw-not-allowed', 'The record may not be read raw');
      return stored;
    }
    if (key === undefined) throw new DriveError('key-missing', 'The record is encrypted and no key is set');
    const plain = decrypt(stored, prefix, key);
    if (plain === undefined) throw new DriveError('key-wrong', 'The record is encrypted with another key');
    stored.release();
    return plain;
  }

  /** What is known of a stored record; the slab stays the caller's. */
  describe(stored: Slab, prefixBytes: number): BlockEncryption {
    const prefix = parsePrefix(firstBytes(stored, prefixBytes));
    if (prefix === undefined)
      return { kind: 'encrypted', readable: false, rawAllowed: false, keyData: noKeyData };
    const { key, decryption } = this.#settings;
    const decrypts =
      key !== undefined && decryption !== 'disable' && decrypt(stored, prefix, key) !== undefined;
    return { kind: 'encrypted', readable: decrypts, rawAllowed: prefix.rawAllowed, keyData: prefix.keyData };
  }
}

const prefixBytesMax =
  cryptoHeader.length + unauthenticatedBytesMax + authenticatedBytesMax + metadataBytesMax;

interface Prefix {
  readonly prefixBytes: number;
  readonly rawAllowed: boolean;
  readonly keyData: KeyData;
  readonly nonce: Buffer;
  readonly tag: Buffer;
  readonly authenticated: Buffer;
}
function parsePrefix(source: Buffer): Prefix | undefined {
  if (source.length < cryptoHeader.length) return undefined;
  const header = cryptoHeader.decode(source);
  if (header.version !== 1 || header.algorithm !== algorithmAesGcm) return undefined;
  const from = cryptoHeader.length;
  const afterU = from + header.unauthenticatedLength;
  const afterA = afterU + header.authenticatedLength;
  const afterM = afterA + header.metadataLength;
  if (source.length < afterM) return undefined;
  const authenticated = source.subarray(afterU, afterA);
  return {
    prefixBytes: afterM,
    rawAllowed: header.rawAllowed,
    keyData: {
      unauthenticated: source.subarray(from, afterU),
      authenticated,
      metadata: source.subarray(afterA, afterM),
    },
    nonce: Buffer.from(header.nonce),
    tag: Buffer.from(header.tag),
    authenticated: Buffer.concat([source.subarray(0, authenticatedHeaderBytes), authenticated]),
  };
}
/** A copy of the first bytes of a slab. */
function firstBytes(slab: Slab, length: number): Buffer {
  const target = Buffer.alloc(Math.min(length, slab.length));
  let filled = 0;
  for (const slice of slab.slices) {
    if (filled === target.length) break;
    filled += slice.copy(target, filled);
  }
  return target;
}

/** Undefined when it does not authenticate: the stored bytes are sound (their checksum was verified), so the key is another. */
function decrypt(stored: Slab, prefix: Prefix, key: Buffer): Slab | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, prefix.nonce);
  decipher.setAAD(prefix.authenticated);
  decipher.setAuthTag(prefix.tag);
  let skip = prefix.prefixBytes;
  const slices: Buffer[] = [];
  for (const slice of stored.slices) {
    const from = Math.min(skip, slice.length);
    skip -= from;
    if (from < slice.length) slices.push(decipher.update(slice.subarray(from)));
  }
  try {
    decipher.final();
  } catch (cause) {
    if (cause instanceof Error && /authenticate/.test(cause.message)) return undefined;
    throw cause;
  }
  return { length: stored.length - prefix.prefixBytes, slices, release: () => undefined };
}
