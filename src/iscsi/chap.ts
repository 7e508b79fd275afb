/**
 * CHAP one way and mutual (RFC 7143 12.1.3, RFC 1994), target side. Everything here fails closed: whatever is not exactly
 * as it must be ends the login with an authentication failure.
 *
 * Invariants: A1 a challenge is random, as long as the digest, used once and only on its own connection. A2 a length is
 * checked before a value is decoded. A3 digests are compared in constant time. A4 the challenge that an initiator sends
 * us is never our own, and the secret of one direction is never that of the other. A5 no secret is shorter than 12 bytes.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Random } from '#env';
import { ProtocolError } from '#errors';
import { chapChallengeBytesMax, chapSecretBytesMin, keyLargeValueBytesMax } from '#limits';
import { parseNumber, type Pair } from './text.js';

/** CHAP algorithms by their IANA numbers. */
export const CHAP_ALGORITHMS = {
  5: { name: 'MD5', hash: 'md5', bytes: 16 },
  6: { name: 'SHA1', hash: 'sha1', bytes: 20 },
  7: { name: 'SHA-256', hash: 'sha256', bytes: 32 },
  8: { name: 'SHA3-256', hash: 'sha3-256', bytes: 32 },
} as const;
type Algorithm = (typeof CHAP_ALGORITHMS)[keyof typeof CHAP_ALGORITHMS];

export interface ChapCredentials {
  /** The secret that the user proves to know; undefined for a user we do not know. */
  secretOf(user: string): Buffer | undefined;
  /** Who we are, should the initiator ask. */
  readonly mutual?: { readonly user: string; readonly secret: Buffer };
}

/** Response of RFC 1994 4.1: identifier, secret and challenge hashed in this order. */
export function chapResponse(hash: string, identifier: number, secret: Buffer, challenge: Buffer): Buffer {
  return createHash(hash)
    .update(Buffer.from([identifier]))
    .update(secret)
    .update(challenge)
    .digest();
}

const refuse = (why: string): ProtocolError => new ProtocolError('authentication', `CHAP: ${why}`);

export class Chap {
  readonly #random: Random;
  readonly #credentials: ChapCredentials;
  #state: 'algorithm' | 'response' | 'passed' | 'failed' = 'algorithm';
  #algorithm: Algorithm = CHAP_ALGORITHMS[5];
  #identifier = 0;
  #challenge: Buffer = Buffer.alloc(0);
  #user = '';

  constructor(random: Random, credentials: ChapCredentials) {
    this.#random = random;
    this.#credentials = credentials;
  }

  get passed(): boolean {
    return this.#state === 'passed';
  }
  /** The user who has proved to be it. */
  get user(): string | undefined {
    return this.passed ? this.#user : undefined;
  }

  /** The next step with the CHAP keys of one request. Throws ProtocolError 'authentication'; then it never passes. */
  answer(keys: ReadonlyMap<string, string>): Pair[] {
    const state = this.#state;
    this.#state = 'failed';
    if (state === 'algorithm') return this.#choose(keys);
    if (state === 'response') return this.#check(keys);
    throw refuse('no message is expected now');
  }

  #choose(keys: ReadonlyMap<string, string>): Pair[] {
    const offered = (keys.get('CHAP_A') ?? '').split(',').map(parseNumber);
    if (keys.size !== 1) throw refuse('CHAP_A alone comes first');
    const number = offered.find((one) => one !== undefined && Object.hasOwn(CHAP_ALGORITHMS, one));
    if (number === undefined) throw refuse('none of the algorithms is supported');
    this.#algorithm = CHAP_ALGORITHMS[number as keyof typeof CHAP_ALGORITHMS]; // found among its keys
    this.#identifier = this.#random.integer(256);
    this.#challenge = this.#random.bytes(this.#algorithm.bytes);
    this.#state = 'response';
    return [
      { key: 'CHAP_A', value: String(number) },
      { key: 'CHAP_I', value: String(this.#identifier) },
      { key: 'CHAP_C', value: `0x${this.#challenge.toString('hex')}` },
    ];
  }

  #check(keys: ReadonlyMap<string, string>): Pair[] {
    const user = keys.get('CHAP_N');
    const response = keys.get('CHAP_R');
    if (user === undefined || response === undefined) throw refuse('CHAP_N and CHAP_R are due');
    for (const key of keys.keys()) {
      if (!['CHAP_N', 'CHAP_R', 'CHAP_I', 'CHAP_C'].includes(key)) throw refuse(`${key} is not due`);
    }
    const { hash, bytes } = this.#algorithm;
    const given = parseBinary(response, bytes);
    if (given?.length !== bytes) throw refuse('the response has a wrong length');
    const secret = this.#credentials.secretOf(user);
    // An unknown user costs the same time as a wrong secret.
    const expected = chapResponse(
      hash,
      this.#identifier,
      secret ?? this.#random.bytes(bytes),
      this.#challenge,
    );
    const matches = timingSafeEqual(given, expected);
    if (secret === undefined || !matches) throw refuse('user or secret is wrong');
    if (secret.length < chapSecretBytesMin) throw refuse('the secret of this user is too short to be used');
    const answers = this.#prove(keys, secret);
    this.#user = user;
    this.#state = 'passed';
    return answers;
  }

  /** Mutual authentication, if the initiator asks for it. */
  #prove(keys: ReadonlyMap<string, string>, theirSecret: Buffer): Pair[] {
    const identifierText = keys.get('CHAP_I');
    const challengeText = keys.get('CHAP_C');
    if (identifierText === undefined && challengeText === undefined) return [];
    const { mutual } = this.#credentials;
    if (mutual === undefined) throw refuse('we have no secret to prove who we are');
    const identifier = parseNumber(identifierText ?? '');
    const challenge = parseBinary(challengeText ?? '', chapChallengeBytesMax);
    if (identifier === undefined || identifier > 255) throw refuse('CHAP_I is not a byte');
    if (challenge === undefined || challenge.length === 0) throw refuse('CHAP_C is not a challenge');
    if (challenge.equals(this.#challenge)) throw refuse('our own challenge came back');
    if (mutual.secret.length < chapSecretBytesMin) throw refuse('our secret is too short to be used');
    if (secretsEqual(mutual.secret, theirSecret)) throw refuse('both directions have the same secret');
    const response = chapResponse(this.#algorithm.hash, identifier, mutual.secret, challenge);
    return [
      { key: 'CHAP_N', value: mutual.user },
      { key: 'CHAP_R', value: `0x${response.toString('hex')}` },
    ];
  }
}

const secretsEqual = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

/** A binary value (RFC 7143 6.1): 0x and hexadecimal, or 0b and base64. Undefined when malformed or beyond `bytesMax`. */
export function parseBinary(value: string, bytesMax: number): Buffer | undefined {
  if (value.length > keyLargeValueBytesMax) return undefined;
  const digits = value.slice(2);
  if (/^0[xX]/.test(value)) {
    if (digits.length === 0 || digits.length > bytesMax * 2 || !/^[0-9a-fA-F]+$/.test(digits))
      return undefined;
    return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  }
  if (!/^0[bB]/.test(value)) return undefined;
  if (digits.length === 0 || digits.length > Math.ceil(bytesMax / 3) * 4) return undefined;
  if (digits.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(digits)) return undefined;
  const bytes = Buffer.from(digits, 'base64');
  return bytes.length <= bytesMax ? bytes : undefined;
}
