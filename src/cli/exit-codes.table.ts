/** The exit status of every command: a contract with scripts. Unknown ones count as failures. */
import type { FailureCode } from '#admin';

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  warnings: 3,
  notFound: 4,
  conflict: 5,
  protected: 6,
  unauthorized: 7,
  unreachable: 8,
  damaged: 9,
  interrupted: 130,
} as const;

export const EXIT_OF: Readonly<Record<FailureCode, number>> = {
  failed: EXIT.failed,
  usage: EXIT.usage,
  'not-found': EXIT.notFound,
  conflict: EXIT.conflict,
  protected: EXIT.protected,
  unauthorized: EXIT.unauthorized,
  unreachable: EXIT.unreachable,
  damaged: EXIT.damaged,
};

/** For `--help` and docs/cli.md. */
export const EXIT_MEANINGS: readonly (readonly [number, string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.failed, 'failed'],
  [EXIT.usage, 'the command line is wrong'],
  [EXIT.warnings, 'done, but not wholly: see the warnings'],
  [EXIT.notFound, 'there is no such thing'],
  [EXIT.conflict, 'it is in use, or in a state that does not allow this'],
  [EXIT.protected, 'refused by write protection or WORM'],
  [EXIT.unauthorized, 'not allowed, or an authentication is missing'],
  [EXIT.unreachable, 'no daemon answers'],
  [EXIT.damaged, 'stored data is damaged'],
  [EXIT.interrupted, 'interrupted'],
];
