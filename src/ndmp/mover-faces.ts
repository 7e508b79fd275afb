/** What a mover needs of others, and what its two directions have in common. */
import type { Env, Link, Logger } from '#env';
import type { ReadResult } from '#vtl';
import type { Slab, SlabPool } from '#wire';
import type { DataConnector } from './data-connection.js';
import { NdmpError } from './errors.table.js';
import type { MoverProgress } from './mover-window.js';
import type { RecordOutcome } from './tape-service.js';
import type { MoverHaltReason, PauseReason } from './types.js';

/** The tape that the session has open. Motions keep the file and block numbers of TAPE_GET_STATE true. */
export interface TapeForMover {
  readonly open: { readonly mode: 'read' | 'read-write' } | undefined;
  /** `object`: records and filemarks before the place. Only while it is open. */
  readonly position: { readonly object: number };
  /** While a request is at work on it, which may be when a stream comes to a mover that listens: resolves at its end. */
  readonly quiet: Promise<unknown> | undefined;
  /**
   * 'eom': nothing of it is on the tape; past early warning that is the answer to the first attempt. 'end': nothing of it, and
   * it does not fit. The slab is lent, its release does nothing.
   */
  writeRecord(record: Slab): Promise<RecordOutcome>;
  /** Memory for records on their way: see Drive.landing. */
  landing(bytes: number): Slab | undefined;
  /** The caller releases the record. Behind a filemark afterwards in versions 2 and 3, before it in version 4. */
  readRecord(): Promise<ReadResult>;
  /** Records passed: fewer where a filemark or the end of the data stops it. */
  spaceRecords(count: number): Promise<number>;
  /** To an object by its number, over filemarks and back. False: the data ends before it. */
  locate(object: number): Promise<boolean>;
  synchronize(): Promise<void>;
}

/** The data service of the same session. */
export interface DataForMover {
  readonly isIdle: boolean;
  /** Waits for a mover on a LOCAL address. */
  readonly listensLocal: boolean;
  /** Its stream is connected: the mover's end of it. Throws NdmpError 'illegal-state'. */
  acceptLocal(): Link;
}

/** What a direction of the stream works with. */
export interface FlowParts {
  readonly env: Pick<Env, 'clock'>;
  readonly log: Logger;
  readonly pool: SlabPool;
  readonly tape: TapeForMover;
  readonly connector: DataConnector;
  readonly progress: MoverProgress;
  /** To be called when nothing moves any more; the state changes there. */
  pause(reason: PauseReason): void;
  halt(reason: MoverHaltReason, text: string): void;
}

/** The image stream while a mover is active or paused; one of two directions. */
export interface Flow {
  /** The peer has ended the stream in order, and what is held of it is on its way to the tape. */
  readonly isEnding?: boolean;
  /** Resolves when nothing of it is under way to or from the tape. Never rejects. */
  readonly settled: Promise<void>;
  start(): void;
  /** MOVER_CONTINUE. */
  resume(): void;
  /** MOVER_SET_RECORD_SIZE, while paused. */
  recordBytesChanged(): void;
  /** MOVER_SET_WINDOW, while paused. */
  windowChanged(): void;
  /** MOVER_READ. */
  read?(): void;
  /** The mover is halted. 'close': what has been sent reaches the peer. All memory goes back. */
  end(how: 'close' | 'cut'): void;
}

/** Records after which others get a turn of the processor: the smallest record is one byte. */
export const breathAfter = 512;

/** Why a mover halts when the tape refuses or fails: the medium is to blame, or how it was used; anything else is a bug. */
export function haltOf(
  error: unknown,
  log: Logger,
): { readonly reason: MoverHaltReason; readonly text: string } {
  if (!(error instanceof NdmpError)) {
    log.error('The mover failed unexpectedly', { error: String((error as Error).stack) });
    return { reason: 'internal-error', text: String(error) };
  }
  const misused =
    error.code === 'dev-not-open' || error.code === 'permission' || error.code === 'device-busy';
  return { reason: misused ? 'internal-error' : 'media-error', text: error.message };
}
