/**
 * Login: the machine of one connection's login phase (RFC 7143 6.3, 11.12, 11.13, 12), from the first Login Request to
 * full feature or refusal. Pure: it takes requests and gives answers; Connection sends them.
 *
 * Invariants: no stage is left by anything but a transition that both sides agreed to; security is left only when what
 * the access policy asks for has been proved (fails closed); keys, rounds and bytes are limited.
 */
import { ProtocolError } from '#errors';
import type { Random } from '#env';
import { loginKeysMax, loginRoundsMax, targetNameBytesMax, textSegmentBytesMax } from '#limits';
import type { AccessPolicy, DiscoveryPolicy } from './access-policy.js';
import { Chap } from './chap.js';
import { KEYS, keysOfNextConnection, type KeyValues } from './keys.table.js';
import { LOGIN_STATUS, STAGE, type FieldsOf, type LoginStatus } from './pdu.table.js';
import { formatText, Negotiator, parseText, TextSequence, type Pair } from './text.js';

export type LoginRequest = FieldsOf<'loginRequest'>;

/** A target as a login sees it. */
export interface LoginTarget {
  readonly name: string;
  readonly alias: string;
  readonly access: AccessPolicy;
}
/** A session that a login wants to join. */
export interface LoginSession {
  readonly keys: KeyValues;
  hasConnection(cid: number): boolean;
  readonly connectionCount: number;
}
export interface LoginHost<Target extends LoginTarget, Session extends LoginSession> {
  readonly random: Random;
  readonly remoteHost: string;
  readonly groupTag: number;
  readonly discovery: DiscoveryPolicy | undefined;
  target(name: string): Target | undefined;
  /** The session of this initiator port at this target's portal group with this TSIH. */
  sessionOf(target: Target, initiatorName: string, isid: Buffer, tsih: number): Session | undefined;
}

/** What has been agreed when full feature begins. */
export interface LoggedIn<Target extends LoginTarget, Session extends LoginSession> {
  readonly initiatorName: string;
  /** Undefined: a discovery session. */
  readonly target: Target | undefined;
  /** The session to join, undefined for a new one. */
  readonly session: Session | undefined;
  readonly isid: Buffer;
  readonly cid: number;
  readonly cmdSN: number;
  readonly keys: KeyValues;
  /** Who has proved to be whom by CHAP. */
  readonly user: string | undefined;
}

export interface LoginAnswer<Target extends LoginTarget, Session extends LoginSession> {
  readonly status: LoginStatus;
  readonly transit: boolean;
  readonly continues: boolean;
  readonly currentStage: number;
  readonly nextStage: number;
  readonly text: Buffer;
  /** With the last answer of a login that succeeds. */
  readonly done?: LoggedIn<Target, Session>;
}

class LoginFailure extends ProtocolError {
  readonly status: LoginStatus;
  readonly text: readonly Pair[];
  constructor(status: LoginStatus, message: string, text: readonly Pair[] = []) {
    super('login', message);
    this.status = status;
    this.text = text;
  }
}

export class Login<Target extends LoginTarget, Session extends LoginSession> {
  readonly #host: LoginHost<Target, Session>;
  readonly #sequence = new TextSequence();
  #first: LoginRequest | undefined;
  #isid: Buffer = Buffer.alloc(6);
  #stage: number = STAGE.security;
  #rounds = 0;
  #keyCount = 0;
  #negotiator = new Negotiator(true);
  #initiatorName = '';
  #target: Target | undefined;
  #session: Session | undefined;
  #identified = false;
  #chap: Chap | undefined;
  /** What the policy asks for has been proved, or it asks for nothing. */
  #authentic = false;
  #authMethodSeen = false;
  #declared = false;
  /** Text of ours that did not fit into one answer. */
  #unsent: Buffer = Buffer.alloc(0);
  /** Why a login was refused, for the log. */
  refusal: string | undefined;

  constructor(host: LoginHost<Target, Session>) {
    this.#host = host;
  }

  get initiatorName(): string {
    return this.#initiatorName;
  }
  /** The session that is being joined. */
  get session(): Session | undefined {
    return this.#session;
  }
  get targetName(): string {
    return this.#target?.name ?? '';
  }

  /** The answer to one request. Never throws for what a peer sent; a status other than success ends the connection. */
  answer(request: LoginRequest, data: Buffer): LoginAnswer<Target, Session> {
    try {
      return this.#step(request, data);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.refusal = error.message;
      return {
        status: statusOf(error),
        transit: false,
        continues: false,
        currentStage: this.#stage,
        nextStage: 0,
        text: error instanceof LoginFailure ? formatText(error.text) : Buffer.alloc(0),
      };
    }
  }

  #step(request: LoginRequest, data: Buffer): LoginAnswer<Target, Session> {
    this.#rounds += 1;
    if (this.#rounds > loginRoundsMax) throw new LoginFailure(LOGIN_STATUS.initiatorError, 'Too many rounds');
    if (this.#first === undefined) this.#begin(request);
    else this.#checkSame(this.#first, request);
    this.#checkTransition(request);
    this.#sequence.add(data);
    if (request.continues) return this.#reply(request, Buffer.alloc(0), false);
    if (this.#unsent.length > 0) return this.#sendRest(request);
    const pairs = parseText(this.#sequence.take());
    this.#keyCount += pairs.length;
    if (this.#keyCount > loginKeysMax) throw new LoginFailure(LOGIN_STATUS.initiatorError, 'Too many keys');
    const answers = this.#answerTo(pairs);
    return this.#reply(request, formatText(answers), request.transit && this.#mayLeave());
  }

  // --- header ---------------------------------------------------------------------------------------------------------

  #begin(request: LoginRequest): void {
    this.#first = request;
    this.#isid = Buffer.from(request.isid);
    this.#stage = request.currentStage;
    if (request.versionMin > 0)
      throw new LoginFailure(LOGIN_STATUS.unsupportedVersion, 'Only version 0 is spoken');
    if (this.#stage !== STAGE.security && this.#stage !== STAGE.operational) {
      throw new LoginFailure(
        LOGIN_STATUS.initiatorError,
        'A login begins with security or operational negotiation',
      );
    }
  }
  /** 11.12: the fields that name the login stay the same in all its requests. */
  #checkSame(first: LoginRequest, request: LoginRequest): void {
    const same =
      this.#isid.equals(request.isid) &&
      first.tsih === request.tsih &&
      first.cid === request.cid &&
      first.initiatorTaskTag === request.initiatorTaskTag &&
      request.currentStage === this.#stage;
    if (!same) throw new LoginFailure(LOGIN_STATUS.initiatorError, 'The login changed its identity or stage');
    if (request.versionMin > 0)
      throw new LoginFailure(LOGIN_STATUS.unsupportedVersion, 'Only version 0 is spoken');
  }
  #checkTransition({ transit, continues, nextStage }: LoginRequest): void {
    if (!transit) return;
    if (continues)
      throw new LoginFailure(LOGIN_STATUS.initiatorError, 'A stage cannot end in the middle of a text');
    const allowed =
      nextStage > this.#stage && (nextStage === STAGE.operational || nextStage === STAGE.fullFeature);
    if (!allowed) throw new LoginFailure(LOGIN_STATUS.initiatorError, 'There is no such stage transition');
  }

  // --- text -----------------------------------------------------------------------------------------------------------

  #answerTo(pairs: readonly Pair[]): Pair[] {
    const declarations = this.#identified ? [] : this.#identify(pairs);
    if (this.#stage === STAGE.security) return [...this.#secure(pairs), ...declarations];
    if (!this.#authentic) throw authenticationFailure('Authentication is required and was not begun');
    const answers = this.#negotiator.answer(pairs, 'operational');
    if (!this.#declared) {
      this.#declared = true;
      const { ours } = KEYS.MaxRecvDataSegmentLength;
      declarations.push({ key: 'MaxRecvDataSegmentLength', value: String(ours) });
    }
    return [...answers, ...declarations];
  }

  /** Who logs in where: the keys of the first request (6.3). Gives what we declare of ourselves. */
  #identify(pairs: readonly Pair[]): Pair[] {
    const value = (key: string): string | undefined => pairs.find((pair) => pair.key === key)?.value;
    const name = value('InitiatorName');
    if (name === undefined || name === '') {
      throw new LoginFailure(LOGIN_STATUS.missingParameter, 'InitiatorName is missing');
    }
    const lower = name.toLowerCase(); // RFC 3722: names are compared without case; and some get longer by it
    if (Buffer.byteLength(lower) > targetNameBytesMax) {
      throw new LoginFailure(LOGIN_STATUS.initiatorError, 'InitiatorName is too long');
    }
    if (/[\s\p{Cc}]/u.test(lower)) {
      throw new LoginFailure(LOGIN_STATUS.initiatorError, 'InitiatorName has blanks or control characters');
    }
    this.#initiatorName = lower;
    this.#identified = true;
    const type = value('SessionType') ?? KEYS.SessionType.default;
    if (type === 'Discovery') {
      this.#identifyDiscovery();
      return [];
    }
    if (type !== 'Normal')
      throw new LoginFailure(LOGIN_STATUS.sessionTypeNotSupported, 'Unknown SessionType');
    return this.#identifyTarget(value('TargetName'));
  }
  #identifyDiscovery(): void {
    const policy = this.#host.discovery;
    if (this.#first?.tsih !== 0) {
      throw new LoginFailure(LOGIN_STATUS.sessionDoesNotExist, 'A discovery session has one connection');
    }
    this.#admit(policy);
    this.#negotiator.values.SessionType = 'Discovery';
    // Nothing but SendTargets is left to a discovery session.
    this.#requireAuthentication(policy);
  }
  #identifyTarget(name: string | undefined): Pair[] {
    if (name === undefined || name === '')
      throw new LoginFailure(LOGIN_STATUS.missingParameter, 'TargetName is missing');
    const target = this.#host.target(name.toLowerCase());
    if (target === undefined)
      throw new LoginFailure(LOGIN_STATUS.notFound, 'There is no target of this name');
    this.#target = target;
    this.#admit(target.access);
    const elsewhere = target.access.redirect?.();
    if (elsewhere !== undefined) {
      const { targetMovedPermanently, targetMovedTemporarily } = LOGIN_STATUS;
      const status = elsewhere.permanent ? targetMovedPermanently : targetMovedTemporarily;
      throw new LoginFailure(status, 'Redirected', [{ key: 'TargetAddress', value: elsewhere.address }]);
    }
    this.#joinSession(target);
    this.#requireAuthentication(target.access);
    const declarations = [{ key: 'TargetPortalGroupTag', value: String(this.#host.groupTag) }];
    if (target.alias !== '') declarations.push({ key: 'TargetAlias', value: target.alias });
    return declarations;
  }
  #admit(policy: DiscoveryPolicy | undefined): void {
    const initiator = { name: this.#initiatorName, address: this.#host.remoteHost };
    if (policy?.admits(initiator) === false) {
      throw new LoginFailure(
        LOGIN_STATUS.authorizationFailure,
        'The access list does not admit this initiator',
      );
    }
  }
  #requireAuthentication(policy: DiscoveryPolicy | undefined): void {
    const credentials = policy?.chap(this.#initiatorName);
    if (credentials === undefined) this.#authentic = true;
    else this.#chap = new Chap(this.#host.random, credentials);
  }
  /** TSIH and CID of a login (6.3.1): a new session, or a connection of one that exists. */
  #joinSession(target: Target): void {
    const { tsih = 0, cid = 0 } = this.#first ?? {};
    if (tsih === 0) return;
    const session = this.#host.sessionOf(target, this.#initiatorName, this.#isid, tsih);
    if (session === undefined) {
      throw new LoginFailure(LOGIN_STATUS.sessionDoesNotExist, 'There is no session with this ISID and TSIH');
    }
    if (!session.hasConnection(cid) && session.connectionCount >= session.keys.MaxConnections) {
      throw new LoginFailure(LOGIN_STATUS.tooManyConnections, 'The session has all its connections');
    }
    this.#session = session;
    this.#negotiator = new Negotiator(false, keysOfNextConnection(session.keys));
  }

  // --- security ---------------------------------------------------------------------------------------------------------

  #secure(pairs: readonly Pair[]): Pair[] {
    const chapKeys = new Map<string, string>();
    const others: Pair[] = [];
    const answers: Pair[] = [];
    for (const pair of pairs) {
      if (pair.key === 'AuthMethod') answers.push(this.#chooseMethod(pair.value));
      else if (!pair.key.startsWith('CHAP_')) others.push(pair);
      else if (chapKeys.has(pair.key)) throw authenticationFailure(`${pair.key} was sent twice`);
      else chapKeys.set(pair.key, pair.value);
    }
    answers.push(...this.#negotiator.answer(others, 'security'));
    if (chapKeys.size === 0) return answers;
    if (this.#chap === undefined || !this.#authMethodSeen)
      throw authenticationFailure('CHAP was not agreed on');
    answers.push(...this.#chap.answer(chapKeys));
    this.#authentic = this.#chap.passed;
    return answers;
  }
  #chooseMethod(offer: string): Pair {
    if (this.#authMethodSeen)
      throw new LoginFailure(LOGIN_STATUS.initiatorError, 'AuthMethod was sent twice');
    this.#authMethodSeen = true;
    const wanted = this.#chap === undefined ? 'None' : 'CHAP';
    if (!offer.split(',').includes(wanted)) {
      throw authenticationFailure(`The initiator does not offer the authentication method ${wanted}`);
    }
    return { key: 'AuthMethod', value: wanted };
  }
  /** Whether the stage may be left now. While CHAP is under way the answer is just "not yet". */
  #mayLeave(): boolean {
    if (this.#authentic) return true;
    if (!this.#authMethodSeen) throw authenticationFailure('Authentication is required and was not begun');
    return false;
  }

  // --- answers ----------------------------------------------------------------------------------------------------------

  #sendRest(request: LoginRequest): LoginAnswer<Target, Session> {
    if (this.#sequence.take().length > 0) {
      throw new LoginFailure(LOGIN_STATUS.initiatorError, 'Text was sent in the middle of ours');
    }
    const rest = this.#unsent;
    this.#unsent = Buffer.alloc(0);
    return this.#reply(request, rest, request.transit && this.#mayLeave());
  }
  #reply(request: LoginRequest, text: Buffer, mayTransit: boolean): LoginAnswer<Target, Session> {
    const continues = text.length > textSegmentBytesMax;
    if (continues) this.#unsent = text.subarray(textSegmentBytesMax);
    const transit = mayTransit && !continues;
    const currentStage = this.#stage;
    const nextStage = transit ? request.nextStage : 0;
    if (transit) this.#stage = nextStage;
    const common = {
      status: LOGIN_STATUS.success,
      transit,
      continues,
      currentStage,
      nextStage,
      text: text.subarray(0, textSegmentBytesMax),
    };
    return nextStage === STAGE.fullFeature ? { ...common, done: this.#done(request) } : common;
  }
  #done(request: LoginRequest): LoggedIn<Target, Session> {
    return {
      initiatorName: this.#initiatorName,
      target: this.#target,
      session: this.#session,
      isid: this.#isid,
      cid: request.cid,
      cmdSN: request.cmdSN,
      keys: this.#negotiator.values,
      user: this.#chap?.user,
    };
  }
}

const authenticationFailure = (why: string): LoginFailure =>
  new LoginFailure(LOGIN_STATUS.authenticationFailure, why);

function statusOf(error: ProtocolError): LoginStatus {
  if (error instanceof LoginFailure) return error.status;
  return error.code === 'authentication' ? LOGIN_STATUS.authenticationFailure : LOGIN_STATUS.initiatorError;
}
