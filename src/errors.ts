/**
 * The error families of the house. An error carries a code and facts; prose is for people, codes are for programs.
 * Translation to sense data, Reject reasons and exit codes happens only in tables at the borders.
 */
export type Facts = Readonly<Record<string, unknown>>;

export abstract class TapesiloError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly facts: Facts;

  constructor(code: Code, message: string, facts: Facts = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.facts = facts;
  }
}

/** The peer broke its protocol: Reject, or the connection is dropped. */
export class ProtocolError extends TapesiloError {}

export type StoreErrorCode = 'corrupt' | 'full' | 'missing' | 'io' | 'broken' | 'locked' | 'unavailable';

/**
 * What stored bytes can do to us. `broken`: an earlier write failed, so the object refuses further use. `unavailable`: they are
 * in a storage group that is not open; nothing is known to be wrong with them.
 */
export class StoreError extends TapesiloError<StoreErrorCode> {}

export type RefusedCode =
  'usage' | 'not-found' | 'conflict' | 'protected' | 'unauthorized' | 'unreachable' | 'damaged';

/** An operator asked for the impossible. The message says what to do next. The CLI maps the code to an exit code. */
export class RefusedError extends TapesiloError<RefusedCode> {}

/** Stopped on purpose: abort, reset, shutdown. */
export class CanceledError extends TapesiloError<'canceled'> {
  constructor(message = 'Canceled', facts: Facts = {}) {
    super('canceled', message, facts);
  }
}
