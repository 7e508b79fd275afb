/**
 * ConnectService: which version is spoken, and who is there (spec4 3.1). Secrets are compared in constant time, and a user that
 * does not exist costs the same as a wrong secret.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Logger, Random } from '#env';
import { ndmpLoginAttemptsMax } from '#limits';
import { type AuthAttribute, type AuthData, challengeBytes } from './authentication.js';
import { NdmpError } from './errors.table.js';
import type { NdmpAccess, NdmpArrival } from './server-options.js';
import type { AuthType } from './types.js';
import type { NdmpVersion } from './xdr.js';

const versions: readonly NdmpVersion[] = [2, 3, 4];
const types = ['none', 'text', 'md5'] as const;

export interface ConnectSession {
  readonly log: Logger;
  readonly random: Random;
  readonly access: NdmpAccess;
  readonly arrival: NdmpArrival;
  /** Too many attempts: no more of them. */
  refuse(reason: string): void;
  authorized(): void;
}

const secretUsedBytes = 32;

/**
 * The answer to a challenge, as all implementations compute it: MD5 of 128 bytes, in which the secret's first 32 bytes stand
 * at the beginning and at the end, and the challenge ends `secret` bytes before the end.
 */
export function md5Digest(secret: Buffer, challenge: Buffer): Buffer {
  const used = secret.subarray(0, secretUsedBytes);
  const text = Buffer.alloc(2 * challengeBytes);
  used.copy(text, 0);
  challenge.copy(text, challengeBytes - used.length);
  used.copy(text, 2 * challengeBytes - used.length);
  return createHash('md5').update(text).digest();
}

export class ConnectService {
  readonly #session: ConnectSession;
  #version: NdmpVersion | undefined;
  #challenge: Buffer | undefined;
  #user: string | undefined;
  #isAuthorized = false;
  #failures = 0;

  constructor(session: ConnectSession) {
    this.#session = session;
  }
  get version(): NdmpVersion {
    return this.#version ?? this.#session.access.versionMax;
  }
  get isAuthorized(): boolean {
    return this.#isAuthorized;
  }
  /** Undefined without authentication. */
  get user(): string | undefined {
    return this.#user;
  }

  /** CONNECT_OPEN. The same version again changes nothing. */
  open(version: number): void {
    const { versionMax } = this.#session.access;
    const spoken = versions.find((one) => one === version && one <= versionMax);
    if (spoken === undefined || (this.#version !== undefined && this.#version !== spoken)) {
      throw new NdmpError('illegal-args', `Version ${version} is not spoken here`);
    }
    this.#version = spoken;
  }
  /** Whoever asks for anything else first has taken the version that was offered. */
  assumeOpen(): void {
    this.#version ??= this.#session.access.versionMax;
  }

  /** What a client may authenticate with, from where it is. */
  get types(): (typeof types)[number][] {
    const { access, arrival } = this.#session;
    return types.filter((type) => access.allows(type, arrival));
  }
  /** CONFIG_GET_AUTH_ATTR: for MD5 a challenge, each for one attempt. */
  attribute(type: AuthType): AuthAttribute {
    const known = this.types.find((one) => one === type);
    if (known === undefined)
      throw new NdmpError('illegal-args', 'This kind of authentication is not offered');
    if (known !== 'md5') return { type: known };
    const challenge = this.#session.random.bytes(challengeBytes);
    this.#challenge = challenge;
    return { type: known, challenge };
  }
  /** CONNECT_CLIENT_AUTH. Throws NdmpError 'not-authorized', and 'illegal-args' for what there is not. */
  authenticate(data: AuthData): void {
    if (data.type === 'unknown') throw new NdmpError('illegal-args', `No authentication is ${data.number}`);
    const passed = this.types.includes(data.type) && this.#passes(data);
    const user = 'authId' in data ? data.authId : undefined;
    if (!passed) this.#fail(user);
    this.#failures = 0;
    this.#user = user;
    this.#isAuthorized = true;
    this.#session.log.info('Authorized', { user, by: data.type });
    this.#session.authorized();
  }
  #passes(data: Exclude<AuthData, { readonly type: 'unknown' }>): boolean {
    if (data.type === 'none') return true;
    const known = this.#session.access.secretOf(data.authId);
    const secret = known ?? this.#session.random.bytes(secretUsedBytes);
    if (data.type === 'text') {
      return sameSecret(Buffer.from(data.authPassword, 'utf8'), secret) && known !== undefined;
    }
    const challenge = this.#challenge;
    this.#challenge = undefined;
    if (challenge === undefined) return false;
    return timingSafeEqual(data.authDigest, md5Digest(secret, challenge)) && known !== undefined;
  }
  #fail(user: string | undefined): never {
    this.#failures += 1;
    this.#session.log.warn('Authentication failed', { user, failures: this.#failures });
    if (this.#failures >= ndmpLoginAttemptsMax)
      this.#session.refuse('too many failed attempts to authenticate');
    throw new NdmpError('not-authorized', 'User or secret is wrong');
  }
}

/** Digests, so that neither length nor content shows in the time. */
function sameSecret(given: Buffer, secret: Buffer): boolean {
  const digest = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
  return timingSafeEqual(digest(given), digest(secret));
}
