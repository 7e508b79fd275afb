/**
 * The face of the store: volumes of named streams that become durable together. It knows nothing of tape.
 *
 * Two implementations stand behind it: `FileGroup` (plain files, the reference) and, next, the deduplicating engine. The
 * suite in test/contract/store.ts holds both to the words below.
 *
 * Errors are StoreError: 'full' (nothing was harmed; the same call may succeed when space returns), 'missing', 'corrupt',
 * 'io', and 'broken' after an 'io' error in writing: the volume refuses further use until it is opened again (S6).
 */
import type { Slab } from '#wire';

export interface Space {
  /** Bytes that may still be written. */
  readonly freeBytes: number;
  /** Bytes that the group occupies on its disk. */
  readonly usedBytes: number;
}

/** Which group a folder is to hold, for an owner who knows: a disk that is not mounted is no empty group. */
export interface Expectation {
  /** Its id; that of a new one. */
  readonly id?: string;
  /**
   * False: it must be there, or StoreError 'missing', and nothing is made or removed. So it is, either way, when the folder
   * holds a group of another id.
   */
  readonly make?: boolean;
}

/** A storage group: the volumes of one folder. One process has it at a time. */
export interface StorageGroup {
  /** Makes an empty volume, durably. StoreError 'locked' when the id is taken. */
  create(id: string): Promise<Volume>;
  /** At its last committed state, whatever happened since. One opener at a time: StoreError 'locked'. */
  open(id: string): Promise<Volume>;
  /**
   * Its last committed state as of now, for reading. Where a store can, whether or not the volume is open; else StoreError 'locked'
   * when it is.
   */
  view(id: string): Promise<VolumeView>;
  /** Reads everything that the last committed state consists of, as far as the store has checksums of its own for it. */
  verify(id: string, options?: PaceOptions): Promise<VerifyReport>;
  /** Durably; the volume must not be open. No error when it is not there. */
  remove(id: string): Promise<void>;
  list(): Promise<string[]>;
  space(): Promise<Space>;
  close(): Promise<void>;
}

export interface StreamShape {
  /** Small entries of that many bytes each, appended whole, which do not repeat: not worth looking for among what is stored. */
  readonly entryBytes?: number;
}

/** Bytes of a stream that cannot be read. */
export interface DamagedRange {
  readonly volume: string;
  readonly stream: string;
  readonly offset: number;
  readonly bytes: number;
}
export interface VerifyReport {
  /** Of all its streams. */
  readonly bytes: number;
  readonly ranges: readonly DamagedRange[];
  /** Not even its label can be read. */
  readonly lost: boolean;
}
/** What long work takes. */
export interface PaceOptions {
  /** Ends it at the next piece with CanceledError; what was done stays done. */
  readonly signal?: AbortSignal;
  /** Awaited before each piece: the throttle. `bytes` will be read or written for it. */
  readonly pace?: (bytes: number) => Promise<void>;
  /** How far it is, in bytes of what is looked at. */
  readonly progress?: (done: number, total: number) => void;
}

/** A volume that is only read. */
export interface VolumeView {
  readonly id: string;
  readonly label: Buffer;
  stream(name: string, shape?: StreamShape): ReadableStream;
  streams(): readonly string[];
  close(): Promise<void>;
}
export type ReadableStream = Pick<Stream, 'length' | 'read' | 'willRead'>;

export interface Volume {
  readonly id: string;
  /** Small bytes of the owner's, as of the last commit; empty in a new volume. */
  readonly label: Buffer;
  /**
   * The stream of that name; empty if it was never appended to. Names are [a-z0-9-]+. What its bytes are like is the
   * same at every call; it helps a store to keep them well and changes nothing else.
   */
  stream(name: string, shape?: StreamShape): Stream;
  /** Names of streams that are not empty. */
  streams(): readonly string[];
  /**
   * The barrier: resolves when everything appended or truncated before the call, and the label, is durable. All of it or
   * none: after a crash the volume opens at a committed state. Commits are carried out in the order of the calls.
   */
  commit(label: Buffer): Promise<void>;
  /** Releases the volume. What was not committed is lost. */
  close(): Promise<void>;
}

/** Bytes that grow at the end and can be cut back. One writer; reads see everything appended. */
export interface Stream {
  readonly length: number;
  /**
   * Adds the slices at the end. Undefined: that is done, and nothing was made for it; else the memory is lent until the promise
   * resolves. The bytes count as appended (and can be read) from then on. Durable only by `Volume.commit`. Appends of one stream are
   * called one after another.
   */
  append(slices: readonly Uint8Array[]): Promise<void> | undefined;
  /**
   * Memory for the next bytes to be appended: when they lie there, `append` has nothing to copy. Bytes are expected in the order in
   * which their memory was asked for. Empty when there is none now, but the bytes are expected; undefined: any memory will do.
   * Whoever has it may write all of it, and releases it when the bytes were appended, or will not be.
   */
  landing?(bytes: number): Slab | undefined;
  /**
   * Cuts the end off. Not while a commit is under way (asserted). Must be committed before the next append to the volume (asserted): what was cut off can then never
   * come back, and what is committed is never overwritten (S9).
   */
  truncate(length: number): void;
  /**
   * Sees to it that the next `bytes` can be appended without 'full', as far as space can be promised: for what the owner holds
   * back and must be able to hand over later. In turn with appends.
   */
  reserve(bytes: number): Promise<void>;
  /** Exactly `length` bytes from `offset`, which must lie inside. The caller releases the slab, soon: it is cache memory. */
  read(offset: number, length: number): Promise<Slab>;
  /** Says that reading will go on forward from `offset`, so that the store may read ahead. */
  willRead(offset: number): void;
}
