/**
 * From a secret to the key that wraps the keys of a group: a passphrase through scrypt, random bytes through HKDF. How is stored
 * with the wrapped keys, so that it can be made dearer later.
 */
import { hkdfSync, scrypt } from 'node:crypto';
import type { ByteReader, ByteWriter } from './bytes.js';
import { keyBytes } from './sealing.js';

export type Derivation =
  | { readonly kind: 'hkdf'; readonly salt: Buffer }
  /** N = 2 to the power of `cost`; the memory is 128 · N · `blocks` bytes. */
  | {
      readonly kind: 'scrypt';
      readonly salt: Buffer;
      readonly cost: number;
      readonly blocks: number;
      readonly lanes: number;
    };
const CODE = { hkdf: 1, scrypt: 2 } as const;
const derivationSaltBytes = 32;
/** 128 MiB and a third of a second. */
export const passphraseCost = 17;
/** A superblock is believed only after the key is made: a gigabyte is all that it can make us spend. */
const limits = { cost: 20, blocks: 8, lanes: 4 };
const info = 'tapesilo key-encryption key';

/** `cost`: of a passphrase. */
export function newDerivation(
  isRandom: boolean,
  random: (bytes: number) => Buffer,
  cost: number,
): Derivation {
  const salt = random(derivationSaltBytes);
  return isRandom ? { kind: 'hkdf', salt } : { kind: 'scrypt', salt, cost, blocks: 8, lanes: 1 };
}
export async function deriveKey(derivation: Derivation, secret: Buffer): Promise<Buffer> {
  if (derivation.kind === 'hkdf')
    return Buffer.from(hkdfSync('sha256', secret, derivation.salt, info, keyBytes));
  const { salt, cost, blocks, lanes } = derivation;
  const N = 2 ** cost;
  const options = { N, r: blocks, p: lanes, maxmem: 2 * 128 * N * blocks };
  return await new Promise((resolve, reject) => {
    scrypt(secret, salt, keyBytes, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
/** A key of the group for one purpose. */
export const purposeKey = (master: Buffer, group: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', master, group, `tapesilo ${purpose}`, keyBytes));

/** Always as long. */
export function encodeDerivation(to: ByteWriter, derivation: Derivation): void {
  to.u8(CODE[derivation.kind]);
  if (derivation.kind === 'hkdf') to.u8(0).u8(0).u8(0);
  else to.u8(derivation.cost).u8(derivation.blocks).u8(derivation.lanes);
  to.raw(derivation.salt);
}
export function decodeDerivation(from: ByteReader): Derivation {
  const code = from.u8();
  const [cost, blocks, lanes] = [from.u8(), from.u8(), from.u8()];
  const salt = Buffer.from(from.raw(derivationSaltBytes));
  if (code === CODE.hkdf) return { kind: 'hkdf', salt };
  const isBearable =
    cost > 0 &&
    cost <= limits.cost &&
    blocks > 0 &&
    blocks <= limits.blocks &&
    lanes > 0 &&
    lanes <= limits.lanes;
  if (code !== CODE.scrypt || !isBearable) throw from.corrupt('wants a key made in a way that is not known');
  return { kind: 'scrypt', salt, cost, blocks, lanes };
}
