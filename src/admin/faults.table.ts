/** What went wrong inside, in the words of an operator: every error family to a failure code of the admin protocol. */
import {
  CanceledError,
  ProtocolError,
  RefusedError,
  StoreError,
  type StoreErrorCode,
  TapesiloError,
} from '#errors';
import { DriveError, type DriveErrorCode, type ElementRef, LibraryError, type LibraryErrorCode } from '#vtl';
import { elementName } from './element-name.js';
import { AdminError, type Failure, type FailureCode } from './protocol.js';

const OF_STORE: Readonly<Record<StoreErrorCode, FailureCode>> = {
  corrupt: 'damaged',
  full: 'failed',
  missing: 'not-found',
  io: 'failed',
  broken: 'damaged',
  locked: 'conflict',
  unavailable: 'conflict',
};

const OF_DRIVE: Readonly<Record<DriveErrorCode, FailureCode>> = {
  'not-loaded': 'conflict',
  cleaning: 'conflict',
  refused: 'conflict',
  'write-protected': 'protected',
  'read-only-generation': 'protected',
  'worm-violation': 'protected',
  'append-only-violation': 'protected',
  'volume-overflow': 'failed',
  full: 'failed',
  'record-too-large': 'failed',
  eod: 'failed',
  damaged: 'damaged',
  'key-missing': 'failed',
  'key-wrong': 'failed',
  'not-encrypted': 'failed',
  'raw-not-allowed': 'failed',
  'not-raw': 'failed',
  'no-such-partition': 'not-found',
  'not-possible': 'conflict',
  prevented: 'conflict',
  occupied: 'conflict',
  empty: 'conflict',
  io: 'failed',
};

interface LibraryFault {
  readonly code: FailureCode;
  /** What to say of the element that it is about. */
  readonly say: (element: string) => string;
}
const inUse = 'end its session (`tapesilo session list`) or let it unload the drive';
const OF_LIBRARY: Readonly<Record<LibraryErrorCode, LibraryFault>> = {
  'no-such-element': {
    code: 'not-found',
    say: (element) => `There is no ${element}: see \`tapesilo library map\``,
  },
  'source-empty': { code: 'conflict', say: (element) => `${element} is empty` },
  'destination-full': {
    code: 'conflict',
    say: (element) =>
      `${element} holds a cartridge already: choose another place, see \`tapesilo library map\``,
  },
  'removal-prevented': {
    code: 'conflict',
    say: (element) =>
      element.startsWith('drive')
        ? `An initiator prevents removal from ${element}: ${inUse}, or use \`tapesilo drive unload ${element} --force\``
        : `An initiator keeps the mail slots locked: ${inUse}, or name a slot with --to`,
  },
  'drive-missing': {
    code: 'not-found',
    say: (element) => `There is no ${element}: see \`tapesilo drive list\``,
  },
  'door-open': { code: 'conflict', say: (element) => `The door of ${element} is open` },
  'drive-failed': {
    code: 'failed',
    say: (element) =>
      `${element} could not load or unload the cartridge, which is in it: the daemon's log says why`,
  },
  'tag-exists': { code: 'conflict', say: (element) => `The cartridge in ${element} has an alternate tag` },
  'tag-missing': { code: 'conflict', say: (element) => `The cartridge in ${element} has no alternate tag` },
  'memory-unreadable': {
    code: 'failed',
    say: (element) => `The auxiliary memory of the cartridge in ${element} cannot be read`,
  },
  'not-recorded': {
    code: 'failed',
    say: () => "The move could not be recorded and was not made: the daemon's log says why",
  },
};

function libraryFailure(error: LibraryError): Failure {
  const fault = OF_LIBRARY[error.code];
  const ref = error.facts['ref'] as ElementRef | undefined; // its facts: see vtl/element.ts
  const element = ref === undefined ? undefined : elementName(ref);
  return {
    code: fault.code,
    message: fault.say(element ?? 'a mail slot'),
    facts: { reason: error.code, ...(element === undefined ? {} : { element }) },
  };
}

function codeOf(error: TapesiloError): FailureCode {
  if (error instanceof RefusedError || error instanceof AdminError) return error.code;
  if (error instanceof StoreError) return OF_STORE[error.code];
  if (error instanceof DriveError) return OF_DRIVE[error.code];
  if (error instanceof ProtocolError) return 'usage';
  if (error instanceof CanceledError) return 'conflict';
  return 'failed';
}

/** A message for a person and a code for a program. Never a stack trace. */
export function failureOf(error: unknown): Failure {
  if (error instanceof LibraryError) return libraryFailure(error);
  if (error instanceof TapesiloError) {
    return { code: codeOf(error), message: error.message, facts: plainFacts(error) };
  }
  const what = error instanceof Error ? error.message : String(error);
  return { code: 'failed', message: `Something went wrong inside: ${what}` };
}

/** Facts that JSON can carry. */
const plainFacts = (error: TapesiloError): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(error.facts).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)),
  );
