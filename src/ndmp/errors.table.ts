/** The errors of NDMP: one row each, with the version that brought it and what older ones are told instead (spec4 2.6.3). */
import { TapesiloError, type Facts } from '#errors';
import { enumeration, type EnumRow } from './enumeration.js';

const ERRORS = {
  'no-err': 0,
  'not-supported': 1,
  'device-busy': 2,
  'device-opened': 3,
  'not-authorized': 4,
  permission: 5,
  'dev-not-open': 6,
  io: 7,
  timeout: 8,
  'illegal-args': 9,
  'no-tape-loaded': 10,
  'write-protect': 11,
  eof: 12,
  eom: 13,
  'file-not-found': 14,
  'bad-file': 15,
  'no-device': 16,
  'no-bus': 17,
  'xdr-decode': 18,
  'illegal-state': 19,
  undefined: 20,
  'xdr-encode': 21,
  'no-mem': 22,
  connect: { value: 23, since: 3, instead: 'io' },
  'sequence-num': { value: 24, since: 4, instead: 'illegal-args' },
  'read-in-progress': { value: 25, since: 4, instead: 'illegal-state' },
  precondition: { value: 26, since: 4, instead: 'illegal-state' },
  'class-not-supported': { value: 27, since: 4, instead: 'not-supported' },
  'version-not-supported': { value: 28, since: 4, instead: 'illegal-args' },
  'ext-dupl-classes': { value: 29, since: 4, instead: 'illegal-args' },
  'ext-dandn-illegal': { value: 30, since: 4, instead: 'illegal-state' },
} as const satisfies Readonly<Record<string, number | EnumRow<string>>>;

/** What a header or a reply says: an error, or that there is none. */
export type NdmpStatus = keyof typeof ERRORS;
export type NdmpErrorName = Exclude<NdmpStatus, 'no-err'>;

export const Status = enumeration<NdmpStatus>(ERRORS);
export const ndmpStatuses = Object.keys(ERRORS) as readonly NdmpStatus[];

/** A request is refused: the reply carries this error. */
export class NdmpError extends TapesiloError<NdmpErrorName> {
  constructor(code: NdmpErrorName, message: string = code, facts: Facts = {}) {
    super(code, message, facts);
  }
}
