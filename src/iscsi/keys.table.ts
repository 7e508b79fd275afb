/**
 * Login and text keys (RFC 7143 chapter 13 and 12.1), one row each: type, default, range, what we want, result function,
 * and where the key may be used. Negotiation, defaults and the key list of the README come from these rows.
 */
import { dataSegmentBytesMax, firstBurstBytesMax, outstandingR2TMax } from '#limits';

export type Stage = 'security' | 'operational' | 'full-feature';
export type Sender = 'initiator' | 'target' | 'both';

export interface KeyUse {
  readonly section: string;
  readonly by: Sender;
  readonly stages: readonly Stage[];
  /** Whose value it is: of all connections of the session, or of one. */
  readonly scope: 'session' | 'connection';
  /** LO: only in the login of a session's first connection. */
  readonly leadingOnly: boolean;
  /** Has no meaning in a discovery session; answered Irrelevant there. */
  readonly normalOnly: boolean;
}

/** The first of the initiator's values that we accept. */
export interface ListKey extends KeyUse {
  readonly type: 'list';
  readonly default: string;
  readonly accepts: readonly string[];
}
export interface BooleanKey extends KeyUse {
  readonly type: 'boolean';
  readonly default: boolean;
  readonly ours: boolean;
  readonly result: (theirs: boolean, ours: boolean) => boolean;
}
export interface NumberKey extends KeyUse {
  readonly type: 'number';
  readonly default: number;
  readonly range: readonly [number, number];
  readonly ours: number;
  readonly result: (theirs: number, ours: number) => number;
}
/** Each side states its own value; nobody answers. */
export interface DeclaredNumberKey extends KeyUse {
  readonly type: 'declared-number';
  readonly default: number;
  readonly range: readonly [number, number];
  readonly ours: number;
}
export interface DeclaredTextKey extends KeyUse {
  readonly type: 'declared-text';
  readonly default: string;
}
/** Taken away from the protocol, but still to be refused by name and not with NotUnderstood (13.25). */
export interface ObsoleteKey extends KeyUse {
  readonly type: 'obsolete';
  readonly default: string;
  readonly answer: 'No' | 'Reject';
}
/** Answered elsewhere: authentication, SendTargets. */
export interface SpecialKey extends KeyUse {
  readonly type: 'special';
  readonly default: string;
}
export type KeyRow =
  ListKey | BooleanKey | NumberKey | DeclaredNumberKey | DeclaredTextKey | ObsoleteKey | SpecialKey;

const or = (a: boolean, b: boolean): boolean => a || b;
const and = (a: boolean, b: boolean): boolean => a && b;
const smaller = (a: number, b: number): number => Math.min(a, b);
const larger = (a: number, b: number): number => Math.max(a, b);

const operational = ['operational'] as const;
const anyLogin = ['security', 'operational'] as const;
const always = ['security', 'operational', 'full-feature'] as const;

/** IO, connection scope. */
const ofConnection = (section: string) =>
  ({
    section,
    by: 'both',
    stages: operational,
    scope: 'connection',
    leadingOnly: false,
    normalOnly: false,
  }) as const;
/** LO, session scope. */
const ofSession = (section: string) =>
  ({
    section,
    by: 'both',
    stages: operational,
    scope: 'session',
    leadingOnly: true,
    normalOnly: false,
  }) as const;
/** LO, session scope, without meaning in a discovery session. */
const ofNormalSession = (section: string) => ({ ...ofSession(section), normalOnly: true }) as const;
const named = <const By extends Sender, const Stages extends readonly Stage[]>(
  section: string,
  by: By,
  stages: Stages,
) => ({ section, by, stages, scope: 'session', leadingOnly: false, normalOnly: false }) as const;

const segmentRange = [512, 0xff_ffff] as const;

const digests = ['CRC32C', 'None'] as const;

export const KEYS = {
  AuthMethod: { ...named('12.1', 'both', ['security']), type: 'special', default: 'None' },
  HeaderDigest: { ...ofConnection('13.1'), type: 'list', default: 'None', accepts: digests },
  DataDigest: { ...ofConnection('13.1'), type: 'list', default: 'None', accepts: digests },
  MaxConnections: {
    ...ofNormalSession('13.2'),
    type: 'number',
    default: 1,
    range: [1, 65535],
    ours: 1,
    result: smaller,
  },
  SendTargets: { ...named('13.3', 'initiator', ['full-feature']), type: 'special', default: '' },
  TargetName: { ...named('13.4', 'both', always), type: 'declared-text', default: '' },
  InitiatorName: { ...named('13.5', 'initiator', anyLogin), type: 'declared-text', default: '' },
  TargetAlias: { ...named('13.6', 'target', always), type: 'declared-text', default: '' },
  InitiatorAlias: { ...named('13.7', 'initiator', always), type: 'declared-text', default: '' },
  TargetAddress: { ...named('13.8', 'target', always), type: 'declared-text', default: '' },
  TargetPortalGroupTag: { ...named('13.9', 'target', anyLogin), type: 'declared-text', default: '' },
  InitialR2T: { ...ofNormalSession('13.10'), type: 'boolean', default: true, ours: false, result: or },
  ImmediateData: { ...ofNormalSession('13.11'), type: 'boolean', default: true, ours: true, result: and },
  MaxRecvDataSegmentLength: {
    ...ofConnection('13.12'),
    stages: ['operational', 'full-feature'],
    type: 'declared-number',
    default: 8192,
    range: segmentRange,
    ours: dataSegmentBytesMax,
  },
  MaxBurstLength: {
    ...ofNormalSession('13.13'),
    type: 'number',
    default: 262_144,
    range: segmentRange,
    ours: segmentRange[1], // R2T bursts are limited by the memory there is, not by a number of ours
    result: smaller,
  },
  FirstBurstLength: {
    ...ofNormalSession('13.14'),
    type: 'number',
    default: 65_536,
    range: segmentRange,
    ours: firstBurstBytesMax,
    result: smaller,
  },
  DefaultTime2Wait: {
    ...ofSession('13.15'),
    type: 'number',
    default: 2,
    range: [0, 3600],
    ours: 0, // we keep nothing back that would need time
    result: larger,
  },
  DefaultTime2Retain: {
    ...ofSession('13.16'),
    type: 'number',
    default: 20,
    range: [0, 3600],
    ours: 0, // recovery level 0 of one connection: the tasks end with it
    result: smaller,
  },
  MaxOutstandingR2T: {
    ...ofNormalSession('13.17'),
    type: 'number',
    default: 1,
    range: [1, 65535],
    ours: outstandingR2TMax,
    result: smaller,
  },
  DataPDUInOrder: { ...ofNormalSession('13.18'), type: 'boolean', default: true, ours: false, result: or },
  DataSequenceInOrder: {
    ...ofNormalSession('13.19'),
    type: 'boolean',
    default: true,
    ours: false,
    result: or,
  },
  ErrorRecoveryLevel: {
    ...ofSession('13.20'),
    type: 'number',
    default: 0,
    range: [0, 2],
    ours: 0,
    result: smaller,
  },
  SessionType: {
    ...named('13.21', 'initiator', anyLogin),
    leadingOnly: true,
    type: 'declared-text',
    default: 'Normal',
  },
  TaskReporting: {
    ...ofNormalSession('13.23'),
    type: 'list',
    default: 'RFC3720',
    // One connection delivers in order, which is all that ResponseFence asks. FastAbort needs an exchange of
    // Asynchronous Messages with every other session.
    accepts: ['ResponseFence', 'RFC3720'],
  },
  iSCSIProtocolLevel: {
    ...ofNormalSession('13.24'),
    type: 'number',
    default: 1,
    range: [0, 31],
    ours: 1,
    result: smaller,
  },
  IFMarker: { ...ofConnection('13.25'), type: 'obsolete', default: 'No', answer: 'No' },
  OFMarker: { ...ofConnection('13.25'), type: 'obsolete', default: 'No', answer: 'No' },
  IFMarkInt: { ...ofConnection('13.25'), type: 'obsolete', default: '', answer: 'Reject' },
  OFMarkInt: { ...ofConnection('13.25'), type: 'obsolete', default: '', answer: 'Reject' },
} as const satisfies Readonly<Record<string, KeyRow>>;

export type KeyName = keyof typeof KEYS;
type Widened<T> = T extends boolean ? boolean : T extends number ? number : string;
/** The values in force, by key. Declared keys: what the initiator declared. */
export type KeyValues = { -readonly [Name in KeyName]: Widened<(typeof KEYS)[Name]['default']> };

export const defaultKeyValues = (): KeyValues =>
  Object.fromEntries(Object.entries(KEYS).map(([name, row]) => [name, row.default])) as KeyValues;

/** The start of a further connection's login: what the session has, and defaults for what each connection has of its own. */
export function keysOfNextConnection(session: KeyValues): KeyValues {
  const own = Object.entries(KEYS).filter(([, row]) => row.scope === 'connection');
  return { ...session, ...Object.fromEntries(own.map(([name, row]) => [name, row.default])) };
}
